"""CKA: golden values, invariances, the traps that other implementations fell into, and its bounds on memory."""

import math
import weakref

import pytest
import small
import torch
from torch import nn

from kdml.inspection import cka
from kdml.inspection.cka import Similarity, centred, gram
from kdml.runs.graph import single


def golden():
    x = torch.sin(0.7 * torch.arange(40, dtype=torch.float64) + 0.1).reshape(8, 5)
    y = torch.cos(0.3 * torch.arange(24, dtype=torch.float64)).reshape(8, 3)
    return x, y


def similarity(x, y, size):
    found = Similarity()
    for a, b in zip(x.split(size), y.split(size), strict=True):
        found.update(centred(gram(a))[None], centred(gram(b))[None])
    return float(found.compute())


def hsic(x, y):
    """From Gram matrices as `Similarity` takes them; it may be negative."""
    n = len(x)
    return float((centred(gram(x)) * centred(gram(y))).sum() / (n * (n - 3)))


def by_definition(x, y):
    """The estimator as Song et al. write it."""
    n = len(x)
    k, h = (m @ m.T for m in (x, y))
    k, h = k - torch.diag(k.diag()), h - torch.diag(h.diag())
    one = torch.ones(n, dtype=x.dtype)
    total = (
        torch.trace(k @ h) + (one @ k @ one) * (one @ h @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ h @ one)
    )
    return float(total / (n * (n - 3)))


def test_golden_values():
    x, y = golden()
    assert hsic(x, y) == pytest.approx(-0.7855898632068331, rel=1e-6)
    assert similarity(x, y, 8) == pytest.approx(-0.2430035129439, rel=1e-6)
    assert similarity(x, y, 4) == pytest.approx(-0.5156745293347, rel=1e-6)


def test_golden_value_of_the_biased_estimator_is_another():
    """Linear CKA of centred Gram matrices with their diagonals; it is above 0 where the unbiased one, rightly, is below."""
    x, y = (features - features.mean(dim=0) for features in golden())
    cross, first, second = ((a.T @ b).square().sum() for a, b in ((x, y), (x, x), (y, y)))
    biased = float(cross / (first * second).sqrt())
    assert biased == pytest.approx(0.0268781573522, rel=1e-10)
    assert similarity(*golden(), 8) < 0 < biased


def test_fast_form_equals_the_definition():
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(17, size, generator=generator, dtype=torch.float64) for size in (6, 9))
    assert hsic(x, y) == pytest.approx(by_definition(x, y), rel=1e-10)


def test_a_network_is_like_itself_however_many_batches():
    x = torch.randn(40, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for size in (40, 20, 8):
        assert similarity(x, x, size) == pytest.approx(1.0)


def test_unchanged_by_rotation_scale_and_shift_and_symmetric():
    generator = torch.Generator().manual_seed(2)
    x, y = (torch.randn(30, 7, generator=generator, dtype=torch.float64) for _ in range(2))
    y = y + x
    rotation = torch.linalg.qr(torch.randn(7, 7, generator=generator, dtype=torch.float64)).Q
    plain = similarity(x, y, 30)
    assert similarity(3 * x @ rotation + 5, y, 30) == pytest.approx(plain)
    assert similarity(y, x, 30) == pytest.approx(plain)
    stretched = x * torch.linspace(0.1, 3, 7, dtype=torch.float64)
    assert similarity(stretched, y, 30) != pytest.approx(plain, abs=1e-3)


def test_independent_features_of_few_images_are_near_zero():
    """The biased estimator gives 0.94 here."""
    generator = torch.Generator().manual_seed(3)
    x, y = (torch.randn(640, 512, generator=generator, dtype=torch.float64) for _ in range(2))
    assert abs(similarity(x, y, 32)) < 0.05


def test_negative_batches_are_summed_and_not_clipped():
    x, y = golden()
    parts = [hsic(a, b) for a, b in zip(x.split(4), y.split(4), strict=True)]
    own = [sum(hsic(a, a) for a in m.split(4)) for m in (x, y)]
    assert similarity(x, y, 4) == pytest.approx(sum(parts) / math.sqrt(own[0] * own[1]))


def test_constant_features_are_undefined():
    x = torch.randn(12, 4, dtype=torch.float64)
    assert math.isnan(similarity(x, torch.ones(12, 3, dtype=torch.float64), 12))


@pytest.mark.parametrize(("n", "features"), [(256, 2048), (13, 100_352)])
def test_constant_features_in_float32_are_undefined_too(n, features):
    """Rounding alone would give a collapsed layer a CKA of 1 with itself."""
    generator = torch.Generator().manual_seed(5)
    constant = torch.rand(1, features, generator=generator).expand(n, features) * 37.7
    other = torch.randn(n, features, generator=generator)
    for pair in ((constant, constant), (constant, other)):
        assert math.isnan(similarity(*pair, n))
    assert similarity(other, other, n) == pytest.approx(1)


def test_a_large_mean_does_not_drown_what_differs():
    generator = torch.Generator().manual_seed(6)
    x = torch.randn(64, 500, generator=generator)
    assert similarity(x + 1000, x, 64) == pytest.approx(1, abs=1e-4)


def test_features_are_taken_in_chunks(monkeypatch):
    """What is copied at a time is bounded, whatever the size of a layer; the result does not depend on it."""
    x = torch.randn(8, 6, 10, 10, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    whole = gram(x)
    monkeypatch.setattr(cka, "CHUNK", 37)
    assert torch.allclose(gram(x), whole) and torch.allclose(gram(x.to(memory_format=torch.channels_last)), whole)
    centred_by_hand = x.flatten(1) - x.flatten(1).mean(dim=0)
    assert torch.allclose(whole, centred_by_hand @ centred_by_hand.T)


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match="at least 4"):
        centred(torch.eye(3))
    with pytest.raises(ValueError, match="no images"):
        Similarity().compute()


def network(kind):
    return small.cohort_of(small.settings_of(single("baseline"), kind)).networks["baseline"].eval()


def images(n=12):
    return torch.randint(0, 256, (n, 3, 64, 64), generator=torch.Generator().manual_seed(4), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("classification", ["stem", "layer1.0", "layer2.0", "layer3.0", "layer4.0", "pooled", "logits"]),
        (
            "segmentation",
            ["stem", "layer1.0", "layer2.0", "layer3.0", "layer4.0", "d0", "d1", "d2", "d3", "d4", "logits"],
        ),
    ],
)
def test_layers_are_ordered_by_depth(kind, names):
    taker = cka.GramTaker(network(kind))
    taken = taker(images())
    assert [layer.name for layer in taker.layers] == names and taken.shape == (len(names), 12, 12)
    upper = [layer.name for layer in taker.layers if layer.upper]
    assert upper == (["layer4.0", "pooled", "logits"] if kind == "classification" else names[5:])


def test_every_block_of_the_papers_networks_is_named():
    import timm

    for backbone, blocks in (("resnet50", 16), ("resnet18", 8), ("mobilenetv1_100", 13)):
        layers = cka.backbone_layers(timm.create_model(backbone, num_classes=0))
        assert len(layers) == blocks + 1 and next(iter(layers)) == "stem", backbone


def test_teachers_extra_block_is_a_layer():
    cohort = small.cohort_of(small.settings_of(small.variant_graph("kd_on_v1")))
    assert "extra block" in cka.layers_of(cohort.networks["teacher"])
    assert "extra block" not in cka.layers_of(cohort.networks["s1"])


def test_hooked_values_are_those_of_the_layers():
    """Also through in-place activations, which overwrite what an earlier hook saw."""
    model = network("classification")
    taker = cka.GramTaker(model)
    taken = taker(images())
    with torch.inference_mode():
        logits = model(images()).logits
    assert torch.allclose(taken[-1], centred(gram(logits)))
    kept = {}
    handle = model.body.backbone.layer1[0].register_forward_hook(lambda _, __, output: kept.update(map=output.clone()))
    model(images())
    handle.remove()
    assert torch.allclose(taken[1], centred(gram(kept["map"].detach())), rtol=1e-4)


def test_no_activation_is_kept_and_no_hook_left():
    model = network("classification")
    alive = []
    handle = model.body.backbone.layer2[0].register_forward_hook(
        lambda _, __, output: alive.append(weakref.ref(output))
    )
    taker = cka.GramTaker(model)
    taken = taker(images())
    handle.remove()
    assert alive and alive[0]() is None
    assert taken.nbytes == len(taker.layers) * 12 * 12 * 8  # bytes: float64
    assert not any(
        module._forward_hooks for name, module in model.named_modules() if name.startswith("body.backbone.layer")
    )


def test_comparison_of_networks_and_its_upper_region():
    networks = {"teacher": network("classification"), "s1": network("classification"), "s2": network("classification")}
    nn.init.normal_(networks["s2"].body.head[0].weight)
    batches = [images(8), images(8)]
    found = cka.compare(networks, batches)
    assert list(found) == [("teacher", "s1"), ("teacher", "s2"), ("s1", "s2")]
    same = found["teacher", "s1"]
    assert torch.allclose(same.values.diag(), torch.ones(7, dtype=torch.float64))  # equal networks
    corner = same.values[4:, 4:]
    assert same.upper_mean == pytest.approx(float(corner.mean()))
    assert found["teacher", "s2"].values[-1, -1] < 0.9999


def test_batches_may_differ_in_size():
    found = cka.compare({"a": network("segmentation"), "b": network("segmentation")}, [images(8), images(5)])
    assert not found["a", "b"].values.isnan().any()
