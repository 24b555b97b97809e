"""Published methods for classification: golden values (computed elsewhere in float64), known pitfalls, sizes."""

import math
from dataclasses import replace
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kdml.common.errors import UserError
from kdml.learning.methods.at import AT, SegmentationAT, attention, attention_loss
from kdml.learning.methods.base import Layers, Setting, gram, pool_to_smaller
from kdml.learning.methods.fitnet import FitNet, SegmentationFitNet, hint_loss
from kdml.learning.methods.semckd import SemCKD, stage_attention
from kdml.learning.methods.simkd import SimKD, projection_loss
from kdml.learning.methods.sp import SP, similarity_loss
from kdml.learning.methods.srrl import SRRL, representation_losses
from kdml.learning.methods.vid import VID, information_loss, start_alpha, variances

CLASSES = 3
RESNET18 = {"f1": (64, 56, 56), "f2": (128, 28, 28), "f3": (256, 14, 14), "f4": (512, 7, 7)}
RESNET50 = {"f1": (256, 56, 56), "f2": (512, 28, 28), "f3": (1024, 14, 14), "f4": (2048, 7, 7)}
STUDENT = {"f1": (3, 16, 16), "f2": (4, 8, 8), "f3": (5, 4, 4), "f4": (6, 2, 2)}
TEACHER = {"f1": (4, 16, 16), "f2": (6, 8, 8), "f3": (8, 4, 4), "f4": (12, 2, 2)}
STUDENT_DECODER = {"d0": (6, 2, 2), "d1": (5, 4, 4), "d2": (4, 8, 8), "d3": (3, 16, 16)}
TEACHER_DECODER = STUDENT_DECODER
METHODS = (FitNet, AT, SP, VID, SRRL, SimKD, SemCKD)
SEGMENTATION_METHODS = (SegmentationFitNet, SegmentationAT)


def wave(function, factor, shift=0.0, shape=(4, 6, 4, 4)):
    index = torch.arange(math.prod(shape), dtype=torch.float64)
    return function(factor * index + shift).reshape(shape)


MAPS_S = wave(torch.sin, 0.7, 0.1)
MAPS_T = wave(torch.cos, 0.3)


def head(channels, classes=CLASSES):
    """Three layers as in the paper, so that "the classifier" is more than one layer."""
    return nn.Sequential(nn.Linear(channels, 10), nn.ReLU(), nn.Linear(10, classes))


def setting(student=STUDENT, teacher=TEACHER, batch_size=8, classifier=True, **options):
    torch.manual_seed(0)
    classifier = head(teacher["f4"][0]) if classifier and "f4" in teacher else None
    return Setting(student, teacher, batch_size, classifier, options)


def layers(shapes, batch_size=8, classifier=None, seed=1):
    """Maps as after a ReLU, all of them leaves that record their gradient."""
    generator = torch.Generator().manual_seed(seed)
    maps = {tap: torch.randn(batch_size, *shape, generator=generator).relu() for tap, shape in shapes.items()}
    pooled = maps["f4"].mean(dim=(2, 3)) if "f4" in maps else None
    if classifier is not None:
        logits = classifier(pooled).detach()
    elif pooled is not None:
        logits = torch.randn(batch_size, CLASSES, generator=generator)
    else:
        logits = torch.randn(batch_size, 1, 32, 32, generator=generator)
    for tensor in (*maps.values(), logits, *(() if pooled is None else (pooled,))):
        tensor.requires_grad_()
    return Layers(maps, logits, pooled)


def batch(built_for, method=None):
    student = layers(built_for.student, built_for.batch_size, seed=1)
    if isinstance(method, SimKD):  # its student has the projector inside
        student.maps["f4"] = method.end[0](student.maps["f4"])
        student.maps["f4"].retain_grad()
    teacher = layers(built_for.teacher, built_for.batch_size, built_for.classifier, seed=2)
    return student, teacher, torch.zeros(built_for.batch_size, dtype=torch.long)


def total(method, terms):
    return torch.stack([method.weights[name] * term for name, term in terms.items()]).sum()


def trained(module):
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def build_on_meta(method, **options):
    with torch.device("meta"):
        return method(Setting(RESNET18, RESNET50, 8, nn.Linear(2048, CLASSES), options))


def decoder_or_stages(method):
    if method in SEGMENTATION_METHODS:
        return setting(STUDENT_DECODER, TEACHER_DECODER)
    return setting()


# golden values


@pytest.mark.parametrize(
    ("value", "golden"),
    [
        pytest.param(lambda: hint_loss(MAPS_S, MAPS_T), 0.9861446762495408, id="FitNet"),
        pytest.param(lambda: projection_loss(MAPS_S, MAPS_T), 0.9861446762495408, id="SimKD"),
        pytest.param(lambda: attention_loss(MAPS_S, MAPS_T), 0.0009870761617261, id="AT, code"),
        pytest.param(lambda: attention_loss(MAPS_S, MAPS_T, "norm"), 0.1256639056704775, id="AT, norm"),
        pytest.param(lambda: similarity_loss(MAPS_S, MAPS_T), 0.2613830679897248, id="SP"),
        pytest.param(
            lambda: information_loss(MAPS_S, MAPS_T, variances(start_alpha(6).double())), 0.9033334238420042, id="VID"
        ),
        pytest.param(
            lambda: representation_losses(
                MAPS_S.mean(dim=(2, 3)), MAPS_T.mean(dim=(2, 3)), torch.zeros(4, 6), nn.Identity()
            )["features"],
            0.0248705104646125,
            id="SRRL",
        ),
    ],
)
def test_golden(value, golden):
    assert value().item() == pytest.approx(golden, rel=1e-6, abs=0)


def as_layers(map_, tap="f4"):
    return Layers({tap: map_}, torch.zeros(4, 6, dtype=torch.float64), map_.mean(dim=(2, 3)))


@pytest.mark.parametrize(
    ("method", "adaptor", "term", "golden"),
    [
        (SP, None, "similarity", 0.2613830679897248),
        (SRRL, "connector", "features", 0.0248705104646125),
        (SimKD, None, "projection", 0.9861446762495408),
    ],
)
def test_golden_through_the_module(method, adaptor, term, golden):
    method = method(Setting({"f4": (6, 4, 4)}, {"f4": (6, 4, 4)}, 4, nn.Identity()))
    if adaptor:
        setattr(method, adaptor, nn.Identity())
    assert method(as_layers(MAPS_S), as_layers(MAPS_T), None)[term].item() == pytest.approx(golden, rel=1e-6)


@pytest.mark.parametrize(("method", "tap"), [(FitNet, "f2"), (SegmentationFitNet, "d0")])
def test_golden_fitnet_module(method, tap):
    method = method(Setting({tap: (6, 4, 4)}, {tap: (6, 4, 4)}, 4))
    method.regressor = nn.Identity()
    terms = method(as_layers(MAPS_S, tap), as_layers(MAPS_T, tap), None)
    assert terms["hint"].item() == pytest.approx(0.9861446762495408, rel=1e-6)


# every method


@pytest.mark.parametrize("method", METHODS + SEGMENTATION_METHODS)
def test_gradients_reach_the_student_and_adaptors_never_the_teacher(method):
    built_for = decoder_or_stages(method)
    method = method(built_for).train()
    student, teacher, targets = batch(built_for, method)
    terms = method(student, teacher, targets)
    assert set(terms) == set(method.weights)
    total(method, terms).backward()
    for tap in method.taps:
        assert student.maps[tap].grad.abs().sum() > 0
    assert all(
        map_.grad is None for map_ in (*teacher.maps.values(), teacher.logits, teacher.pooled) if map_ is not None
    )
    for name, parameter in method.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("method", METHODS + SEGMENTATION_METHODS)
def test_reads_only_its_taps(method):
    built_for = decoder_or_stages(method)
    method = method(built_for).eval()
    student, teacher, targets = batch(built_for, method)
    fewer = [replace(each, maps={tap: each.maps[tap] for tap in method.taps}) for each in (student, teacher)]
    assert total(method, method(*fewer, targets)) == total(method, method(student, teacher, targets))


@pytest.mark.parametrize("method", METHODS + SEGMENTATION_METHODS)
def test_unknown_option_is_refused_by_name(method):
    with pytest.raises(UserError) as error:
        method(replace(decoder_or_stages(method), options={"wieght_hint": 3}))
    assert "wieght_hint" in error.value.problem and method.__name__ in error.value.problem
    for known in (*method.defaults, *(f"weight_{term}" for term in method.weights)):
        assert known in error.value.remedy


@pytest.mark.parametrize("method", METHODS + SEGMENTATION_METHODS)
def test_weight_option_replaces_the_weight(method):
    built_for = decoder_or_stages(method)
    options = {f"weight_{term}": 0.125 for term in method.weights}
    assert set(method(replace(built_for, options=options)).weights.values()) == {0.125}


@pytest.mark.parametrize("value", ["strong", True, math.nan, math.inf, None, -1, -1e-9])
def test_weight_must_be_a_finite_number_of_0_or_more(value):
    with pytest.raises(UserError, match="weight_hint"):
        FitNet(setting(weight_hint=value))


@pytest.mark.parametrize(
    ("method", "option", "value"),
    [
        (AT, "form", "paper"),
        (SP, "weighting", "huge"),
        (SRRL, "pooling", "never"),
        (SimKD, "reduction", 5),
        (SimKD, "reduction", 0),
        (SimKD, "reduction", 2.0),
        (SemCKD, "middle", "half"),
        (SemCKD, "middle", 0),
        (SemCKD, "normalise_similarities", "yes"),
        (SemCKD, "attention_temperature", 0),
        (FitNet, "stages", True),
        (FitNet, "stages", 3),
        (SemCKD, "normalise_similarities", 1),
        (FitNet, "tap", "f9"),
        (FitNet, "tap", ["f1"]),
    ],
)
def test_wrong_value_of_an_option_is_refused_by_name(method, option, value):
    with pytest.raises(UserError, match=r"tap" if option == "tap" else option):
        method(setting(**{option: value}))


@pytest.mark.parametrize("method", [method for method in METHODS if method is not FitNet])
def test_classification_taps_are_required(method):
    with pytest.raises(UserError, match="tap"):
        method(setting(STUDENT_DECODER, TEACHER_DECODER))


@pytest.mark.parametrize("method", [SRRL, SimKD])
def test_missing_classifier_is_refused(method):
    with pytest.raises(UserError, match="classifier"):
        method(setting(classifier=False))


@pytest.mark.parametrize(
    ("method", "millions"),
    [(FitNet, 0.07), (AT, 0), (SP, 0), (VID, 12.5), (SRRL, 1.05), (SimKD, 0)],
)
def test_adaptor_sizes_for_resnets(method, millions):
    digits = len(str(millions).partition(".")[2])
    assert round(trained(build_on_meta(method)) / 1e6, digits) == millions


# several methods


def test_larger_map_is_pooled_and_the_smaller_never_enlarged():
    tall, small = torch.rand(2, 3, 8, 4), torch.rand(2, 3, 4, 4)
    first, second = pool_to_smaller(tall, small)
    assert torch.equal(second, small)
    torch.testing.assert_close(first, tall.unflatten(2, (4, 2)).mean(dim=3))
    assert [map_.shape[2:] for map_ in pool_to_smaller(tall, torch.rand(2, 3, 4, 8))] == [(4, 4), (4, 4)]


@pytest.mark.parametrize("factors", [(2, 1), (1, 2)])
@pytest.mark.parametrize("method", [AT, SP, VID, SRRL, SimKD, SemCKD])
def test_maps_of_unlike_size(method, factors):
    """As with a student whose stages are twice or half as large as the teacher's."""
    built_for = setting(*(enlarged(shapes, by) for shapes, by in zip((STUDENT, TEACHER), factors, strict=True)))
    method = method(built_for)
    terms = method(*batch(built_for, method))
    assert all(term.isfinite() for term in terms.values())


def enlarged(shapes, factor):
    return {tap: (channels, height * factor, width * factor) for tap, (channels, height, width) in shapes.items()}


def test_similarities_neither_overflow_nor_round_in_half_precision():
    rows = torch.full((2, 4, 16, 16), 30.0)  # inner products of 921,600; float16 ends at 65,504
    assert torch.equal(gram(rows.half()), torch.full((2, 2), 921600.0))
    exact = gram(MAPS_S.float())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(gram(MAPS_S.float()), exact)


# FitNet


@pytest.mark.parametrize(
    ("student", "teacher", "kernel"),
    [
        ((4, 8, 8), (6, 8, 8), (1, 1)),
        ((4, 16, 16), (6, 8, 8), (3, 3)),
        ((4, 4, 4), (6, 8, 8), (4, 4)),
        ((4, 10, 9), (6, 8, 8), (3, 2)),
    ],
    ids=["equal", "twice", "half", "otherwise"],
)
def test_fitnet_regressor_by_size(student, teacher, kernel):
    regressor = FitNet(setting({"f2": student}, {"f2": teacher})).regressor
    assert regressor(torch.rand(2, *student)).shape == (2, *teacher)
    assert regressor[0].kernel_size == kernel
    assert [type(layer) for layer in regressor[1:]] == [nn.BatchNorm2d, nn.ReLU]


def test_fitnet_refuses_a_map_far_too_small():
    with pytest.raises(UserError, match="FitNet"):
        FitNet(setting({"f2": (4, 3, 3)}, {"f2": (6, 8, 8)}))


def test_fitnet_tap_is_an_option():
    assert FitNet(setting()).guided_tap == "f2"
    third = FitNet(setting(tap="f3"))
    assert third.guided_tap == "f3" and third.taps == ("f3",)
    assert SegmentationFitNet(setting(STUDENT_DECODER, TEACHER_DECODER)).guided_tap == "d0"


def test_fitnet_regressor_is_among_the_parameters():
    assert trained(FitNet(setting())) == 4 * 6 + 2 * 6


def test_segmentation_fitnet_has_a_bare_convolution():
    """A ReLU or BatchNorm after it could not reach the negative values of other maps."""
    regressor = SegmentationFitNet(setting(STUDENT_DECODER, TEACHER_DECODER, tap="d1")).regressor
    assert isinstance(regressor, nn.Conv2d) and regressor.kernel_size == (1, 1) and regressor.bias is None
    with pytest.raises(UserError, match="regressor"):
        SegmentationFitNet(setting({"d0": (6, 4, 4)}, {"d0": (6, 2, 2)}))


# AT


def test_attention_of_zero_maps_is_zero_without_nan():
    zero = torch.zeros(2, 3, 4, 4, requires_grad=True)
    for form in ("code", "norm"):
        loss = attention_loss(zero, MAPS_T[:2].float(), form)
        (gradient,) = torch.autograd.grad(loss, zero)
        assert loss.isfinite() and gradient.isfinite().all()
    assert torch.equal(attention(torch.zeros(2, 3, 4, 4)), torch.zeros(2, 16))


@pytest.mark.parametrize("form", ["code", "norm"])
def test_attention_of_equal_maps_has_finite_gradient(form):
    map_ = MAPS_S.clone().requires_grad_()
    loss = attention_loss(map_, MAPS_S, form)
    loss.backward()
    assert loss == 0 and map_.grad.isfinite().all()


def test_attention_ignores_scale_and_number_of_channels():
    assert attention_loss(MAPS_S, 7 * MAPS_S).item() == pytest.approx(0, abs=1e-15)
    assert attention_loss(MAPS_S, torch.cat([MAPS_S, MAPS_S], dim=1)).item() == pytest.approx(0, abs=1e-15)


def test_weight_of_attention_belongs_to_one_form():
    with pytest.raises(UserError, match="weight_attention"):
        AT(setting(form="norm"))
    method = AT(setting(form="norm", weight_attention=2))
    assert method.weights == {f"attention_{tap}": 2.0 for tap in AT.taps}
    student, teacher, targets = batch(setting())
    expected = attention_loss(student.maps["f3"], teacher.maps["f3"], "norm")
    assert method(student, teacher, targets)["attention_f3"] == expected


def test_attention_has_one_weight_and_a_term_per_stage():
    assert AT(setting()).weights == {f"attention_{tap}": 1000.0 for tap in ("f1", "f2", "f3", "f4")}
    segmentation = SegmentationAT(setting(STUDENT_DECODER, TEACHER_DECODER))
    assert segmentation.weights == {f"attention_{tap}": 10000.0 for tap in ("d0", "d1", "d2", "d3")}


# SP


@pytest.mark.parametrize("batch_size", [8, 64])
def test_similarity_pull_is_the_same_at_every_batch_size(batch_size):
    """The loss is at most 4/b, so a weight that did not follow b would be eight times too strong at 8."""
    method = SP(setting(batch_size=batch_size))
    alike, unlike = torch.ones(batch_size, 1, 1, 1), torch.eye(batch_size).reshape(batch_size, -1, 1, 1)
    loss = similarity_loss(alike, unlike).item()
    assert loss <= 4 / batch_size
    assert method.weights["similarity"] * 4 / batch_size == 3000 * 4 / 64


def test_similarity_weights():
    assert SP.weights == SP(setting(batch_size=8)).weights == {"similarity": 375.0}
    assert SP(setting(batch_size=8, weighting="published")).weights == {"similarity": 3000.0}
    assert SP(setting(weight_similarity=7, weighting="published")).weights == {"similarity": 7.0}


def test_similarity_rows_are_normalised():
    assert similarity_loss(MAPS_S, 100 * MAPS_S).item() == pytest.approx(0, abs=1e-15)
    assert similarity_loss(torch.zeros(4, 1, 2, 2), MAPS_T.float()).isfinite()


# VID


def test_variances_are_trained():
    method = VID(setting())
    names = [name for name, _ in method.named_parameters() if name.startswith("alphas.")]
    assert names == [f"alphas.{tap}" for tap in VID.taps]
    for tap, alpha in method.alphas.items():
        torch.testing.assert_close(variances(alpha), torch.full((TEACHER[tap][0],), 5.0))
    before = {tap: alpha.detach().clone() for tap, alpha in method.alphas.items()}
    optimiser = torch.optim.SGD(method.parameters(), lr=0.1)
    total(method, method(*batch(setting()))).backward()
    optimiser.step()
    assert all((alpha != before[tap]).any() for tap, alpha in method.alphas.items())


def test_variance_stays_positive_and_finite_for_any_parameter():
    extreme = variances(torch.tensor([-1e4, 0.0, 1e4]))
    assert (extreme > 0).all() and extreme.isfinite().all()


def test_information_loss_may_be_negative_and_is_least_at_the_true_variance():
    """A loss cut off at zero would stop the variances from falling."""
    perfect = information_loss(MAPS_T, MAPS_T, torch.full((6,), 0.01, dtype=torch.float64))
    assert perfect.item() == pytest.approx(0.5 * math.log(0.01))
    error = (MAPS_S - MAPS_T).square().mean(dim=(0, 2, 3))
    values = [information_loss(MAPS_S, MAPS_T, error * factor) for factor in (0.9, 1.0, 1.1)]
    assert min(values) == values[1]


def test_regressors_have_neither_bias_nor_normalisation():
    method = VID(setting())
    expected = sum(s[0] * t[0] + 2 * t[0] ** 2 + t[0] for s, t in zip(STUDENT.values(), TEACHER.values(), strict=True))
    assert trained(method) == expected
    kinds = [nn.Conv2d, nn.ReLU, nn.Conv2d, nn.ReLU, nn.Conv2d]
    assert all([type(layer) for layer in regressor] == kinds for regressor in method.regressors.values())


# SRRL


def test_gradient_passes_through_the_frozen_classifier():
    """No gradient would come from the logits' term if the classifier ran without gradient."""
    built_for = setting()
    method = SRRL(built_for)
    student, teacher, targets = batch(built_for)
    method(student, teacher, targets)["regression"].backward()
    assert student.maps["f4"].grad.abs().sum() > 0
    assert all(p.grad is None and not p.requires_grad for p in built_for.classifier.parameters())


def test_classifier_stays_the_teachers():
    built_for = setting()
    method = SRRL(built_for).train()
    assert not any(p is q for p in method.parameters() for q in built_for.classifier.parameters())
    assert not built_for.classifier.training
    assert {name.split(".")[0] for name in method.state_dict()} == {"connector"}


def test_whole_classifier_makes_the_logits():
    """Not its last layer alone: the classifier is everything after the pooled vector."""
    built_for = setting()
    method = SRRL(built_for).eval()
    student, teacher, targets = batch(built_for)
    logits = built_for.classifier(method.adapt(student))
    assert method(student, teacher, targets)["regression"] == F.mse_loss(logits, teacher.logits)


def test_pooling_before_or_after_the_connector():
    """They differ because a ReLU lies between."""
    student, _, _ = batch(setting())
    after, before = (SRRL(setting(pooling=order)).eval() for order in ("after", "before"))
    assert SRRL(setting()).pooling == "after"
    before.load_state_dict(after.state_dict())
    map_ = student.maps["f4"]
    torch.testing.assert_close(after.adapt(student), after.connector(map_).mean(dim=(2, 3)))
    torch.testing.assert_close(before.adapt(student), after.connector(map_.mean(dim=(2, 3), keepdim=True)).flatten(1))
    assert not torch.allclose(after.adapt(student), before.adapt(student))


def test_connector_starts_normal_by_its_outputs():
    torch.manual_seed(0)
    weight = SRRL(Setting(RESNET18, RESNET50, 8, nn.Identity())).connector[0].weight
    assert weight.std().item() == pytest.approx(math.sqrt(2 / 2048), rel=0.01)
    assert weight.mean().item() == pytest.approx(0, abs=1e-3)


def test_connector_normalises_by_the_batch_in_training():
    method = SRRL(setting()).train()
    before = method.connector[1].running_mean.clone()
    method.adapt(batch(setting())[0])
    assert method.connector[1].training and not torch.equal(method.connector[1].running_mean, before)


# SimKD


def test_simkd_uses_neither_labels_nor_logits():
    built_for = setting()
    method = SimKD(built_for).eval()
    student, teacher, _ = batch(built_for, method)
    blind = [replace(each, logits=torch.full_like(each.logits, math.nan), pooled=None) for each in (student, teacher)]
    assert list(method(*blind, None)) == ["projection"]
    assert method(*blind, None)["projection"] == method(student, teacher, None)["projection"]


def test_simkd_classifier_is_frozen_in_eval_mode():
    classifier = nn.Sequential(nn.BatchNorm1d(12), nn.Linear(12, CLASSES))
    SimKD(replace(setting(), classifier=classifier))
    assert not any(module.training for module in classifier.modules())
    assert not any(parameter.requires_grad for parameter in classifier.parameters())


@pytest.mark.parametrize(("reduction", "millions"), [(2, 12.07), (4, 3.68), (8, 1.25)])
def test_projector_sizes(reduction, millions):
    assert round(trained(build_on_meta(SimKD, reduction=reduction).end[0]) / 1e6, 2) == millions


def test_projector_keeps_size_and_has_no_bias():
    projector, _ = SimKD(setting({"f4": (6, 5, 7)}, {"f4": (12, 5, 7)}, reduction=4)).end
    assert projector(torch.rand(2, 6, 5, 7)).shape == (2, 12, 5, 7)
    convolutions = [layer for layer in projector if isinstance(layer, nn.Conv2d)]
    assert [(c.out_channels, c.kernel_size[0], c.bias) for c in convolutions] == [
        (3, 1, None),
        (3, 3, None),
        (12, 1, None),
    ]


def test_larger_student_map_is_pooled_before_the_projector():
    built_for = setting(enlarged(STUDENT, 2), TEACHER)
    projector, _ = SimKD(built_for).end
    map_ = batch(built_for)[0].maps["f4"]
    projector.eval()
    torch.testing.assert_close(projector(map_), projector(F.avg_pool2d(map_, 2)))


# SemCKD


def test_semckd_against_plain_loops():
    """The published form, written pair by pair and image by image."""
    built_for = setting(middle="full", normalise_similarities=False, attention_temperature=0.5)
    method = SemCKD(built_for).eval()
    student, teacher, targets = batch(built_for)
    expected = 0.0
    for image, mine in product(range(8), method.taps):
        scores, distances = [], []
        for theirs in method.taps:
            query, key = (
                mlp(rows.flatten(1)[image] @ rows.flatten(1).T)
                for mlp, rows in (
                    (method.queries[mine], student.maps[mine]),
                    (method.keys[theirs], teacher.maps[theirs]),
                )
            )
            scores.append((query / query.norm()) @ (key / key.norm()) / 0.5)
            learner, source = student.maps[mine], teacher.maps[theirs]
            size = (min(learner.shape[2], source.shape[2]),) * 2
            projected = method.projections[f"{mine}_from_{theirs}"](F.adaptive_avg_pool2d(learner, size))
            distances.append((projected[image] - F.adaptive_avg_pool2d(source, size)[image]).square().mean())
        expected += torch.dot(torch.stack(scores).softmax(dim=0), torch.stack(distances)) / (8 * 4)
    torch.testing.assert_close(method(student, teacher, targets)["calibration"], expected)


def test_stage_attention_sums_to_one_over_the_teachers_stages():
    weights = stage_attention(torch.rand(8, 3, 2), torch.rand(8, 4, 2))
    assert weights.shape == (8, 3, 4)
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(8, 3))


@pytest.mark.parametrize("size", [7, 9, 16])
def test_semckd_refuses_another_batch_size(size):
    method = SemCKD(setting(batch_size=8))
    with pytest.raises(UserError) as error:
        method(*batch(setting(batch_size=size)))
    assert "8" in error.value.problem and str(size) in error.value.problem


def test_semckd_refuses_batches_without_embedding():
    with pytest.raises(UserError, match="batches of 3"):
        SemCKD(setting(batch_size=3))


def test_semckd_sizes():
    """The published projections would take 13.7 GB with gradients and Adam's state."""
    published, capped = build_on_meta(SemCKD, middle="full"), build_on_meta(SemCKD)
    assert round(trained(published.projections) / 1e6) == 854
    last = [projection for name, projection in published.projections.items() if name.endswith("_from_f4")]
    assert sum(map(trained, last)) == pytest.approx(641.5e6, rel=1e-3)
    assert trained(capped) < 30e6
    assert trained(build_on_meta(SemCKD, middle=64)) < trained(capped)


def test_semckd_width_of_small_teachers_is_not_raised_to_the_cap():
    method = SemCKD(setting())
    assert method.projections["f1_from_f2"][0].out_channels == 2 * TEACHER["f2"][0]


def test_similarities_are_normalised_by_default():
    """Otherwise the early stages, with far more numbers per image, dwarf the late ones."""
    map_ = layers(STUDENT).maps["f1"]
    descriptors = SemCKD(setting())._descriptors(map_)
    torch.testing.assert_close(descriptors.norm(dim=1), torch.ones(8))
    assert torch.equal(SemCKD(setting(normalise_similarities=False))._descriptors(map_), gram(map_))


def test_dead_units_of_the_embeddings_give_no_nan():
    method = SemCKD(setting())
    for embedding in (*method.queries.values(), *method.keys.values()):
        for parameter in embedding.parameters():
            nn.init.zeros_(parameter)
    student, teacher, targets = batch(setting())
    loss = method(student, teacher, targets)["calibration"]
    loss.backward()
    assert loss.isfinite() and all(map_.grad.isfinite().all() for map_ in student.maps.values())
