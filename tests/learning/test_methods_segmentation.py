"""Methods for segmentation: golden values (computed elsewhere in float64), hand-made cases, pitfalls of each method."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kdml.common.errors import UserError
from kdml.learning.losses import predictions_divergence
from kdml.learning.methods import cwd, dense, dsd, emkd, ifvd, skd
from kdml.learning.methods.base import Layers, Method, Setting
from kdml.learning.methods.cwd import CWD
from kdml.learning.methods.dsd import DSD
from kdml.learning.methods.emkd import EMKD
from kdml.learning.methods.ifvd import IFVD
from kdml.learning.methods.skd import SKD, Discriminator

METHODS = (SKD, IFVD, CWD, DSD, EMKD)
IMAGE = 64
STUDENT = {"e1": (4, 32, 32), "e3": (6, 8, 8), "d1": (8, 8, 8), "d2": (6, 16, 16), "d3": (4, 32, 32)}
TEACHER = STUDENT | {"e1": (5, 32, 32), "e3": (9, 8, 8)}


def wave(function, factor, shift, shape, scale=1.0):
    index = torch.arange(math.prod(shape), dtype=torch.float64)
    return (scale * function(factor * index + shift)).reshape(shape)


S, T = wave(torch.sin, 0.7, 0.1, (4, 6, 4, 4)), wave(torch.cos, 0.3, 0.0, (4, 6, 4, 4))
S2, T2 = wave(torch.sin, 0.5, 0.3, (4, 6, 4, 4)), wave(torch.cos, 0.2, 0.1, (4, 6, 4, 4))
S3, T3 = wave(torch.sin, 0.6, 0.2, (4, 2, 4, 4)), wave(torch.cos, 0.8, 0.4, (4, 2, 4, 4))
MASKS = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
MASKS[:, :, 2:6, 3:7] = 1
LABELS = dense.labels_at(MASKS, (4, 4))


def golden(value):
    return pytest.approx(value, rel=1e-6, abs=0)  # the default absolute tolerance is wide beside the smallest of them


def setting(**options):
    return Setting(STUDENT, TEACHER, batch_size=2, options=options)


def layers(shapes, seed, dtype=torch.float32, batch=2):
    """Outputs of a network: maps after a ReLU, logits of both signs; all leaves that take gradients."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape):
        return torch.randn(batch, *shape, generator=generator, dtype=dtype)

    maps = {tap: drawn(*shape).relu().requires_grad_() for tap, shape in shapes.items()}
    return Layers(maps, (2 * drawn(1, IMAGE, IMAGE)).requires_grad_())


def masks(batch=2):
    targets = torch.zeros(batch, 1, IMAGE, IMAGE, dtype=torch.uint8)
    targets[0, :, 16:48, 16:40] = 1
    return targets


def built(method, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return method(setting(**options))


def all_zero(tensors):
    return all(tensor.grad is None or not tensor.grad.any() for tensor in tensors)


# Golden values


def test_cwd_golden():
    assert cwd.channelwise_divergence(S, T, 4.0).item() == golden(0.4758230454521452)


def test_ifvd_golden():
    assert ifvd.class_variation(S, T, LABELS).item() == golden(0.7897648079617774)


def test_skd_pair_golden():
    assert skd.pair_distance(S, T, grid=2).item() == golden(0.4299169867410594)


def test_skd_pixel_golden():
    """The golden value is KL: the cross-entropy less the teacher's own entropy."""
    divergence = skd.pixel_cross_entropy(S, T) - skd.pixel_cross_entropy(T, T)
    assert divergence.item() == golden(0.4231385884239020)


def test_dsd_golden():
    assert dsd.pixel_similarity([S, S2, S3], [T, T2, T3]).item() == golden(0.1202512920758367)
    assert dsd.category_similarity(S3, T3, 4.0).item() == golden(2.935333203162e-07)


def test_emkd_golden():
    assert emkd.importance_distance(S, T, 4.0).item() == golden(0.0928725091432178)
    assert emkd.region_distance(S, T, MASKS).item() == golden(2.1766955171830693)
    # Two logits per pixel are one: softmax sees their difference alone.
    student, teacher = S3[:, 1:] - S3[:, :1], T3[:, 1:] - T3[:, :1]
    assert emkd.softened_divergence(student, teacher, 4.0).item() == golden(0.2567035640358301)


# What all methods have in common


@pytest.mark.parametrize("method", METHODS)
def test_terms_are_those_weighted_and_finite(method):
    module = built(method)
    terms = module(layers(STUDENT, 0), layers(TEACHER, 1), masks())
    assert terms.keys() == module.weights.keys()
    assert all(term.ndim == 0 and torch.isfinite(term) for term in terms.values())


@pytest.mark.parametrize("method", METHODS)
def test_gradients_reach_student_and_not_teacher(method):
    """Every term moves what it reads of the student, and nothing else."""
    module = built(method)
    reads_logits = {SKD: ("pixel", "adversarial"), CWD: ("channelwise",), DSD: ("category",), EMKD: ("prediction",)}
    for term in module.weights:
        student, teacher = layers(STUDENT, 0), layers(TEACHER, 1)
        module(student, teacher, masks())[term].backward()
        assert all_zero([*teacher.maps.values(), teacher.logits]), term
        moved = {tap for tap, maps in student.maps.items() if maps.grad is not None and maps.grad.any()}
        moved |= {"logits"} if student.logits.grad is not None and student.logits.grad.any() else set()
        assert moved == ({"logits"} if term in reads_logits.get(method, ()) else set(module.taps)), term


@pytest.mark.parametrize("method", METHODS)
def test_student_like_the_teacher_has_no_loss(method):
    """Apart from SKD's cross-entropy, which is the teacher's entropy, and its generator term."""
    module = method(Setting(STUDENT, STUDENT, batch_size=2))
    same = layers(STUDENT, 0, torch.float64)
    terms = module(same, same, masks())
    for name in terms.keys() - ({"pixel", "adversarial"} if method is SKD else set()):
        assert terms[name].item() == pytest.approx(0, abs=1e-12), name


@pytest.mark.parametrize("method", METHODS)
def test_half_precision_is_computed_in_float32(method):
    """Under autocast, too, terms are those of the same values in float32."""
    module = built(method).eval()  # the discriminator as it is, not a step of its power iteration on
    student, teacher = layers(STUDENT, 0, torch.bfloat16), layers(TEACHER, 1, torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = module(student, teacher, masks())
    full = module(dense.in_full_precision(student), dense.in_full_precision(teacher), masks())
    for name, term in low.items():
        assert term.dtype == torch.float32
        assert term.item() == pytest.approx(full[name].item(), rel=1e-5, abs=1e-9), name


@pytest.mark.parametrize("method", METHODS)
def test_unknown_option_is_refused_with_the_known_ones(method):
    known = f"weight_{next(iter(method.weights))}"
    with pytest.raises(UserError, match=f"`temprature`(.|\n)*{known}"):
        method(setting(temprature=3))


@pytest.mark.parametrize(
    ("method", "options", "named"),
    [
        (CWD, {"variant": "logit"}, "variant"),
        (CWD, {"temperature": 0}, "temperature"),
        (CWD, {"temperature": "4"}, "temperature"),
        (CWD, {"variant": "features", "tap": "d9"}, "d9"),
        (IFVD, {"tap": "d9"}, "d9"),
        (IFVD, {"weight_variation": "much"}, "weight_variation"),
        (DSD, {"taps": ["d1"]}, "taps"),
        (DSD, {"taps": "d1"}, "taps"),
        (DSD, {"taps": ["d1", "d9"]}, "d9"),
        (EMKD, {"taps": []}, "taps"),
        (EMKD, {"exponent": 0.5}, "exponent"),
        (EMKD, {"exponent": True}, "exponent"),
        (SKD, {"grid": 1}, "grid"),
        (SKD, {"grid": 3}, "grid"),
        (SKD, {"grid": 2.0}, "grid"),
        (SKD, {"gradient_penalty": -1}, "gradient_penalty"),
        (SKD, {"discriminator_scale": float("nan")}, "discriminator_scale"),
    ],
)
def test_bad_value_is_refused_by_name(method, options, named):
    with pytest.raises(UserError, match=f"`{named}`"):
        method(setting(**options))


def test_options_change_what_is_computed():
    """Each option against its default, on the same outputs."""
    student, teacher = layers(STUDENT, 0), layers(TEACHER, 1)

    def terms(method, **options):
        return built(method, **options)(student, teacher, masks())

    for method, term, options in (
        (CWD, "channelwise", {"temperature": 2}),
        (CWD, "channelwise", {"variant": "features"}),
        (CWD, "channelwise", {"variant": "features", "tap": "d3"}),
        (IFVD, "variation", {"tap": "d3"}),
        (DSD, "pixel", {"taps": ["d1", "d2"]}),
        (DSD, "category", {"temperature": 1}),
        (EMKD, "prediction", {"temperature": 2}),
        (EMKD, "importance", {"exponent": 2}),
        (EMKD, "region", {"taps": ["e1"]}),
        (SKD, "pair", {"tap": "d3"}),
        (SKD, "pair", {"grid": 8}),
    ):
        assert terms(method, **options)[term].item() != terms(method)[term].item(), (method, options)
    assert built(EMKD, weight_region=0.5).weights == {"prediction": 0.1, "importance": 0.9, "region": 0.5}
    assert built(EMKD, taps=["e1"]).taps == ("e1",)


@pytest.mark.parametrize("method", METHODS)
def test_default_weights_and_adversary(method):
    published = {
        SKD: {"pixel": 10, "pair": 0.5, "adversarial": 0.1},
        IFVD: {"variation": 200},
        CWD: {"channelwise": 3},
        DSD: {"pixel": 1000, "category": 10},
        EMKD: {"prediction": 0.1, "importance": 0.9, "region": 0.9},
    }
    module = built(method)
    assert module.weights == published[method]
    assert not list(module.parameters())  # none needs an adaptor with its defaults
    assert (module.adversary is not None) == (method is SKD)
    assert Method().adversary is None


def test_deterministic_kernels_suffice():
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        for module in map(built, METHODS):
            student, teacher = layers(STUDENT, 0), layers(TEACHER, 1)
            sum(module(student, teacher, masks()).values()).backward()
            if module.adversary is not None:
                module.adversary_step(student, teacher, seed=0).backward()
    finally:
        torch.use_deterministic_algorithms(before)


@pytest.mark.parametrize("method", METHODS)
def test_dead_network_gives_finite_and_small_gradients(method):
    """Maps of zeros have no direction; the usual guard of 1e-12 would multiply gradients by 1e12."""
    student, teacher = layers(STUDENT, 0), layers(TEACHER, 1)
    with torch.no_grad():
        for maps in student.maps.values():
            maps.zero_()
    module = built(method)
    sum(module(student, teacher, masks()).values()).backward()
    for maps in student.maps.values():
        assert maps.grad is None or maps.grad.abs().max() < 1


def test_class_logits_of_one_class_are_zero_and_the_logit():
    z = 5 * S[:, :1]
    for temperature in (1.0, 4.0):
        probability = (dense.class_logits(z) / temperature).softmax(dim=1)
        torch.testing.assert_close(probability[:, 1:], (z / temperature).sigmoid())


# CWD


def test_cwd_of_large_maps_and_logits_is_finite():
    """One position stands out of 65,536 by so much that the softmax of the others is 0 in float32."""
    student, teacher = (torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(i)) for i in (0, 1))
    student[:, :, 7, 9], teacher[:, :, 100, 3] = 1e4, 1e4
    student.requires_grad_()
    assert (student / 4).flatten(2).softmax(2).log().isinf().any()  # what the published code would take
    value = cwd.channelwise_divergence(student, teacher)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(student.grad).all()
    wide = [1e3 * torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(i)) for i in (2, 3)]
    assert torch.isfinite(cwd.channelwise_divergence(*wide))


def test_cwd_takes_the_logit_alone():
    student, teacher = layers(STUDENT, 0), layers(TEACHER, 1)
    value = built(CWD)(student, teacher, masks())["channelwise"].item()
    assert value == pytest.approx(cwd.channelwise_divergence(student.logits, teacher.logits).item(), rel=1e-6)
    halved = cwd.channelwise_divergence(*(dense.class_logits(network.logits) for network in (student, teacher)))
    assert value == pytest.approx(2 * halved.item(), rel=1e-5)


def test_cwd_is_over_positions_and_blind_to_an_offset():
    assert cwd.channelwise_divergence(S + 3, T).item() == golden(cwd.channelwise_divergence(S, T).item())
    student, teacher = S[:1, :1].flatten() / 4, T[:1, :1].flatten() / 4
    p, q = teacher.exp() / teacher.exp().sum(), student.exp() / student.exp().sum()
    by_hand = 16 * (p * (p / q).log()).sum().item()
    assert cwd.channelwise_divergence(S[:1, :1], T[:1, :1]).item() == golden(by_hand)


def test_cwd_features_have_an_adaptor_only_where_channels_differ():
    assert built(CWD, variant="features").weights == {"channelwise": 50.0}
    assert built(CWD, variant="features", weight_channelwise=7).weights == {"channelwise": 7.0}
    assert not list(built(CWD, variant="features", tap="d2").parameters())
    module = built(CWD, variant="features", tap="e3")
    assert {name: tuple(p.shape) for name, p in module.named_parameters()} == {"adaptor.weight": (9, 6, 1, 1)}
    module(layers(STUDENT, 0), layers(TEACHER, 1), masks())["channelwise"].backward()
    assert module.adaptor.weight.grad.any()


# IFVD


def test_ifvd_by_hand():
    """Two pixels of the class at (1, 0) and (0, 1) are at 45 degrees to their mean; a lone pixel is its own mean."""
    maps = torch.tensor([[1.0, 0.0, 3.0], [0.0, 1.0, 4.0]], dtype=torch.float64).reshape(1, 2, 1, 3)
    labels = torch.tensor([[[1, 1, 0]]])
    similarity = ifvd.class_similarity(maps, dense.class_masks(labels, 2, maps.dtype))
    torch.testing.assert_close(similarity, torch.tensor([[0.5**0.5, 0.5**0.5, 1.0]], dtype=torch.float64))


def test_ifvd_ignores_absent_classes():
    """More classes than the images have change nothing, and an image of one class still counts."""
    few, many = (ifvd.class_variation(S, T, LABELS, classes) for classes in (2, 5))
    assert many.item() == golden(few.item())
    background = ifvd.class_variation(S, T, torch.zeros_like(LABELS))
    assert torch.isfinite(background)
    assert background > 0


def test_ifvd_prototypes_are_of_one_image():
    """The loss of a batch is the mean of its images' losses, whatever the other images hold."""
    other = 10 * S[1:] + 3
    together = ifvd.class_similarity(torch.cat([S[:1], other]), dense.class_masks(LABELS, 2, S.dtype))
    alone = ifvd.class_similarity(S[:1], dense.class_masks(LABELS[:1], 2, S.dtype))
    torch.testing.assert_close(together[:1], alone)
    single = [ifvd.class_variation(S[i : i + 1], T[i : i + 1], LABELS[i : i + 1]).item() for i in range(4)]
    assert ifvd.class_variation(S, T, LABELS).item() == golden(sum(single) / 4)


def test_ifvd_leaves_ignored_pixels_out():
    """Neither the loss nor the class means see them."""
    labels = LABELS.clone()
    labels[:, 0] = 255
    changed = S.clone()
    changed[:, :, 0] = 7.0
    assert ifvd.class_variation(changed, T, labels).item() == golden(ifvd.class_variation(S, T, labels).item())
    assert ifvd.class_variation(S, T, labels).item() == golden(
        ifvd.class_variation(S[:, :, 1:], T[:, :, 1:], labels[:, 1:]).item()
    )
    assert ifvd.class_variation(S, T, torch.full_like(labels, 255)).item() == 0


def test_ifvd_gradient_goes_through_the_prototype():
    """The gradient is that of the whole formula, by finite differences; a class mean held fixed gives another."""
    maps, labels = S[:1, :3].clone().requires_grad_(), LABELS[:1]
    assert torch.autograd.gradcheck(lambda one: ifvd.class_variation(one, T[:1], labels), (maps,))


def test_ifvd_labels_are_those_of_the_nearest_pixel():
    assert LABELS[0].tolist() == [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]]


# SKD


def test_skd_pixel_gradient_is_that_of_kl():
    logits = S[:, :1]
    gradients = []
    for loss in (
        lambda z: skd.pixel_cross_entropy(dense.class_logits(z), dense.class_logits(T[:, :1])),
        lambda z: predictions_divergence(z, T[:, :1], 1.0, "source_first"),
    ):
        z = logits.clone().requires_grad_()
        loss(z).backward()
        gradients.append(z.grad)
    assert gradients[0].any()
    torch.testing.assert_close(*gradients)


def test_skd_pixel_is_the_mean_over_images_and_pixels():
    assert skd.pixel_cross_entropy(torch.cat([S, S]), torch.cat([T, T])).item() == golden(
        skd.pixel_cross_entropy(S, T).item()
    )


def test_skd_pair_compares_directions_of_nodes():
    """Neither scale nor a rotation of the channels matters; channels may differ."""
    rotation = torch.linalg.qr(wave(torch.sin, 0.9, 0.5, (6, 6))).Q
    nodes = F.max_pool2d(S, 2)
    rotated = torch.einsum("dc,bchw->bdhw", rotation, nodes)
    assert skd.pair_distance(3 * rotated, nodes).item() == pytest.approx(0, abs=1e-12)
    assert torch.isfinite(skd.pair_distance(S3, T))


def test_skd_discriminator_is_not_the_students():
    module = built(SKD)
    inside = {id(parameter) for parameter in module.adversary.parameters()}
    assert inside
    assert not inside & {id(parameter) for parameter in module.parameters()}
    assert not module.state_dict()
    assert module.adversary is module.discriminator
    assert built(SKD, weight_adversarial=0).adversary is None
    assert "adversarial" not in built(SKD, weight_adversarial=0)(layers(STUDENT, 0), layers(TEACHER, 1), masks())


def test_skd_discriminator_follows_mode_and_device():
    module = built(SKD)
    assert not module.eval().discriminator.training
    assert module.train().discriminator.training
    assert next(module.to("meta").discriminator.parameters()).is_meta


def test_skd_discriminator_size():
    """About 3.2 M parameters, most of them in the last two of the four blocks."""
    discriminator = Discriminator()
    assert sum(parameter.numel() for parameter in discriminator.parameters()) == 3_174_279
    assert discriminator(torch.randn(3, 2, 64, 64)).shape == (3,)


def test_skd_attention_starts_as_the_identity():
    attention = skd.SelfAttention(16)
    maps = torch.randn(2, 16, 4, 4)
    assert torch.equal(attention(maps), maps)
    nn.init.ones_(attention.gamma)
    assert not torch.allclose(attention(maps), maps)


def test_skd_generator_term_leaves_gradients_in_the_student_alone():
    module = built(SKD)
    student, teacher = layers(STUDENT, 0), layers(TEACHER, 1)
    module(student, teacher, masks())["adversarial"].backward()
    assert student.logits.grad.any()
    assert teacher.logits.grad is None
    assert all(parameter.grad is None for parameter in module.discriminator.parameters())
    assert all(parameter.requires_grad for parameter in module.discriminator.parameters())


def test_skd_generator_term_is_the_score_of_the_student():
    module = built(SKD).eval()
    student = layers(STUDENT, 0)
    score = module.discriminator(dense.class_logits(F.interpolate(student.logits, size=(64, 64), mode="bilinear")))
    assert module(student, layers(TEACHER, 1), masks())["adversarial"].item() == golden(-score.mean().item())


def test_skd_adversary_step_moves_the_discriminator_alone():
    module = built(SKD)
    student, teacher = layers(STUDENT, 0), layers(TEACHER, 1)
    module.adversary_step(student, teacher, seed=0).backward()
    assert student.logits.grad is None
    assert teacher.logits.grad is None
    moved = [name for name, p in module.discriminator.named_parameters() if p.grad is not None and p.grad.any()]
    assert len(moved) > 10


def test_skd_adversary_step_is_repeatable_and_in_float32():
    student, teacher = layers(STUDENT, 0, torch.bfloat16), layers(TEACHER, 1, torch.bfloat16)

    def value(seed):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return built(SKD).adversary_step(student, teacher, seed)

    before = torch.get_rng_state()
    assert value(3).dtype == torch.float32
    assert value(3).item() == value(3).item()
    assert value(3).item() != value(4).item()
    assert torch.equal(torch.get_rng_state(), before)


def test_skd_adversary_step_restores_from_a_checkpoint():
    student, teacher = layers(STUDENT, 0), layers(TEACHER, 1)
    first, second = built(SKD), SKD(setting())
    first.adversary_step(student, teacher, seed=0)  # moves the power iteration and the BatchNorm statistics
    second.adversary.load_state_dict(first.adversary.state_dict())
    assert (
        first.adversary_step(student, teacher, seed=1).item() == second.adversary_step(student, teacher, seed=1).item()
    )


def test_skd_critic_learns_to_tell_teacher_from_student():
    module = built(SKD)
    optimiser = torch.optim.Adam(module.adversary.parameters(), **module.adversary_adam)
    assert optimiser.defaults["lr"] == 4e-4
    assert optimiser.defaults["betas"] == (0.9, 0.99)
    student, teacher = layers(STUDENT, 0, batch=4), layers(TEACHER, 1, batch=4)
    with torch.no_grad():
        teacher.logits[:, :, 16:48, 16:48] += 8
    values = []
    for step in range(12):
        optimiser.zero_grad()
        loss = module.adversary_step(student, teacher, seed=step)
        loss.backward()
        optimiser.step()
        values.append(loss.item())
    assert all(map(math.isfinite, values))
    assert values[-1] < values[0]
    term = module(student, teacher, masks(4))["adversarial"].item()
    assert term > module(teacher, teacher, masks(4))["adversarial"].item()  # the student is told to score higher


def test_skd_critic_loss_by_hand():
    """A linear critic of slope 2 has the penalty 1 wherever it is taken."""
    direction = F.normalize(S.flatten(1), dim=1).reshape(S.shape)

    def critic(maps):
        return 2 * (maps * direction).flatten(1).sum(dim=1)

    expected = critic(S).mean() - critic(T).mean() + 10 * 1
    assert skd.critic_loss(critic, S, T, seed=0, penalty=10).item() == golden(expected.item())


def test_skd_scale_of_the_discriminators_loss():
    student, teacher = layers(STUDENT, 0), layers(TEACHER, 1)
    small, large = (
        built(SKD, discriminator_scale=scale).adversary_step(student, teacher, 0).item() for scale in (0.1, 1)
    )
    assert large == pytest.approx(10 * small, rel=1e-5)
    module = built(SKD).eval()
    loss = skd.critic_loss(module._score, student.logits, teacher.logits, seed=0)
    assert module.adversary_step(student, teacher, seed=0).item() == golden(0.1 * loss.item())


def test_gradient_penalty_of_unit_slope_is_zero():
    direction = F.normalize(S[:1].flatten(), dim=0).reshape(S[:1].shape)
    linear = skd.gradient_penalty(lambda maps: (maps * direction).flatten(1).sum(dim=1), S, T, seed=0)
    assert linear.item() == pytest.approx(0, abs=1e-12)
    norm = skd.gradient_penalty(lambda maps: maps.flatten(1).norm(dim=1), S, T, seed=0)
    assert norm.item() == pytest.approx(0, abs=1e-12)
    flat = skd.gradient_penalty(lambda maps: 0 * maps.flatten(1).sum(dim=1), S, T, seed=0)
    assert flat.item() == pytest.approx(1)


def test_gradient_penalty_lies_between_the_two_maps_of_each_image():
    seen = []

    def critic(maps):
        seen.append(maps.detach())
        return maps.flatten(1).sum(dim=1)

    skd.gradient_penalty(critic, torch.zeros_like(S), torch.ones_like(S), seed=0)
    shares = seen[0].flatten(1)
    assert ((shares > 0) & (shares < 1)).all()
    assert (shares == shares[:, :1]).all()  # one share per image
    assert len(shares[:, 0].unique()) == len(S)


def test_skd_penalty_sees_the_logit_alone():
    """Along the constant channel of [0, z] the input's BatchNorm would multiply the slope by about 300."""
    module = built(SKD)
    student, teacher = torch.randn(4, 1, 64, 64), torch.randn(4, 1, 64, 64)
    alone = skd.gradient_penalty(module._score, student, teacher, seed=0)
    both = skd.gradient_penalty(module.discriminator, *map(dense.class_logits, (student, teacher)), seed=0)
    assert alone < 2
    assert both > 4 * alone


# DSD


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dsd_of_layers_that_attend_alike(dtype):
    """Their difference is zero up to rounding: no unit vector of noise, and no gradient blown up by it."""
    one = S.clone().to(dtype).requires_grad_()
    alike = [one, 3 * one]
    assert not dsd.residual_attention(alike).any()
    value = dsd.pixel_similarity(alike, [T.to(dtype), T2.to(dtype)])
    value.backward()
    assert torch.isfinite(value)
    assert one.grad.abs().max() < 1
    assert dsd.pixel_similarity(alike, alike).item() == 0


def test_dsd_needs_two_classes():
    """Of the logit alone, the products of classes are one number; as [0, z] they relate foreground to background."""
    student, teacher = layers(STUDENT, 0, torch.float64), layers(TEACHER, 1, torch.float64)
    value = built(DSD)(student, teacher, masks())["category"].item()
    classes = [dense.class_logits(network.logits) for network in (student, teacher)]
    assert value == golden(dsd.category_similarity(*classes).item())
    assert 0 < value < 1e-6  # as small as the publication's weight of 10 leaves it


def test_dsd_pools_taps_to_the_smallest():
    student, teacher = layers(STUDENT, 0), layers(TEACHER, 1)
    value = built(DSD)(student, teacher, masks())["pixel"].item()
    pooled = [[F.adaptive_avg_pool2d(network.maps[tap], 8) for tap in DSD.taps] for network in (student, teacher)]
    assert value == golden(dsd.pixel_similarity(*pooled).item())


# EMKD


def test_emkd_image_without_lesion_gives_no_signal():
    maps = S.clone().requires_grad_()
    targets = MASKS.clone()
    targets[1:] = 0
    value = emkd.region_distance(maps, T, targets)
    value.backward()
    assert not maps.grad[1:].any()
    assert maps.grad[0].any()
    assert value.item() == golden(emkd.region_distance(S[:1], T[:1], MASKS[:1]).item() / 4)
    assert emkd.region_distance(S, T, torch.zeros_like(MASKS)).item() == 0


def test_emkd_image_of_lesion_alone_is_finite():
    maps = S.clone().requires_grad_()
    value = emkd.region_distance(maps, T, torch.ones_like(MASKS))
    value.backward()
    assert value.item() == 0
    assert torch.isfinite(maps.grad).all()


def test_emkd_importance_of_very_large_and_small_maps():
    """Fourth powers leave float32's range at both ends; the importance map does not depend on the scale."""
    wanted = emkd.importance_distance(S, T).item()
    for scale in (1e-12, 1e12):
        maps = (scale * S).float().requires_grad_()
        value = emkd.importance_distance(maps, (scale * T).float())
        value.backward()
        assert value.item() == pytest.approx(wanted, rel=1e-4)
        assert maps.grad.any()
        assert torch.isfinite(maps.grad).all()


def test_emkd_importance_gradient_is_the_formulas():
    """The division by the largest value is not seen by the gradient."""
    one = S[:2, :3, :2, :2].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda maps: emkd.importance_distance(maps, T[:2, :3, :2, :2]), (one,))


def test_emkd_importance_is_a_sum_over_positions():
    """Importance maps without overlap are at squared distance 2, whatever their size."""
    for side in (2, 8):
        student, teacher = torch.zeros(1, 3, side, side), torch.zeros(1, 5, side, side)
        student[..., 0, 0], teacher[..., 1, 1] = 4.0, 0.1
        assert emkd.importance_distance(student, teacher).item() == golden(2)


def test_emkd_resizes_the_student_to_the_teacher():
    small = F.avg_pool2d(S, 2)
    value = emkd.importance_distance(small, T)
    assert value.item() == golden(
        emkd.importance_distance(F.interpolate(small, size=(4, 4), mode="bilinear"), T).item()
    )
    assert torch.isfinite(emkd.region_distance(small, T, MASKS))


def test_emkd_adds_its_taps():
    student, teacher = layers(STUDENT, 0), layers(TEACHER, 1)

    def terms(taps):
        return built(EMKD, taps=taps)(student, teacher, masks())

    both, low, high = terms(["e1", "e3"]), terms(["e1"]), terms(["e3"])
    for name in ("importance", "region"):
        assert both[name].item() == golden(low[name].item() + high[name].item())


def test_emkd_affinities_of_more_classes():
    """One cosine for every two classes; absent ones count 0."""
    assert emkd.region_affinity(S, LABELS, classes=3).shape == (4, 3)
    pair = emkd.region_affinity(S, LABELS, classes=2)
    torch.testing.assert_close(emkd.region_affinity(S, LABELS, classes=3)[:, :1], pair)
    assert not emkd.region_affinity(S, LABELS, classes=3)[:, 1:].any()
