"""Published methods on masks of several classes: their losses see every class, and a small run of each learns."""

import numpy as np
import pytest
import torch
from small import SIZE, arrays_of, cohort_of, engine_of, method_settings, settings_of, variant_graph

from kdml.data.arrays import Arrays
from kdml.learning.methods import dense, emkd, ifvd
from kdml.runs.methods import METHODS

CLASSES = ("core", "rim")
FOR_SEVERAL = [key for key, one in METHODS.items() if "segmentation" in one.classes and not one.one_class]


def of_three(settings):
    return settings.model_copy(update={"classes": CLASSES})


def arrays():
    made = arrays_of("segmentation")
    masks = made.masks.copy()
    masks[:, :, SIZE // 2 :] *= 2
    return Arrays(made.images, masks)


def test_all_but_one_are_for_several_classes():
    assert {key for key, one in METHODS.items() if one.one_class} == {"skd"}
    assert set(FOR_SEVERAL) == {"fitnet", "at", "ifvd", "cwd", "dsd", "emkd"}


@pytest.mark.parametrize("method", FOR_SEVERAL)
def test_a_method_trains_on_several_classes(method):
    settings = of_three(method_settings(method, "segmentation", epochs=1))
    engine = engine_of(settings, arrays=arrays())
    (last,) = engine.run().history
    assert all(np.isfinite(value) for value in last.values()), last
    assert engine.cohort.networks["s1"](torch.zeros(1, 3, SIZE, SIZE, dtype=torch.uint8)).logits.shape[1] == 3


@pytest.mark.parametrize("variant", ["kd_ml_v3", "ml_v2"])
def test_a_variant_trains_on_several_classes(variant):
    settings = of_three(settings_of(variant_graph(variant), "segmentation", epochs=5, learning_rate=1e-2))
    first, *_, last = engine_of(settings, arrays=arrays()).run().history
    assert last["train.s1.supervised"] < first["train.s1.supervised"]
    assert last["validation.s1.score"] > 0


def test_logits_of_several_classes_stay_as_they_are():
    logits = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert dense.class_logits(logits) is logits


def test_the_classes_of_a_mask_count_not_only_that_it_marks():
    """Relabelling a part of what is marked changes what IFVD and EMKD compare."""
    generator = torch.Generator().manual_seed(0)
    shape = (2, 8, 16, 16)
    maps = [torch.randn(*shape, generator=generator).double() for _ in range(2)]
    mask = torch.zeros(2, 1, 16, 16, dtype=torch.uint8)
    mask[:, :, 2:12] = 1
    parted = mask.clone()
    parted[:, :, 2:12, 8:] = 2
    for module, method in ((ifvd, "ifvd"), (emkd, "emkd")):
        cohort = cohort_of(of_three(method_settings(method, "segmentation")))
        one, two = (_terms(cohort, maps, targets) for targets in (mask, parted))
        assert one != pytest.approx(two, rel=1e-3), module


def _terms(cohort, maps, targets):
    """The method's own term on given maps at every tap."""
    from kdml.learning.methods.base import Layers

    logits = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1)).double()
    taps = cohort.method.taps
    given = [Layers(dict.fromkeys(taps, one), logits) for one in maps]
    terms = cohort.method.terms(*given, targets)
    return terms["variation" if "variation" in terms else "region"].item()
