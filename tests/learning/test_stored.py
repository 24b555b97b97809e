"""Networks of which the head alone is trained: what stays, what is computed once per image, and that it changes no number."""

import numpy as np
import pytest
import torch
from small import STUDENT, TEACHER, arrays_of, cohort_of, engine_of, interrupted, settings_of, variant_graph

from kdml.learning import stored as module
from kdml.learning.stored import Stored, is_off
from kdml.runs.graph import single
from kdml.runs.settings import Augmentation, Backbone

KINDS = ("classification", "segmentation")
OFF = {"horizontal_flip": 0, "vertical_flip": 0, "transpose": 0, "affine": 0}
VIT = Backbone(timm="test_vit", options={"img_size": 32})


def head_alone(settings, *names, backbone=None):
    """Settings with the backbones of these networks frozen."""
    given = {} if backbone is None else {"backbone": backbone}
    networks = {
        name: one.model_copy(update={"trained": "head", **given}) if name in names else one
        for name, one in settings.networks.items()
    }
    return settings.model_copy(update={"networks": networks})


def alone(kind="classification", augmentation=None, backbone=TEACHER, **training):
    settings = settings_of(
        single("teacher"), kind, augmentation=OFF if augmentation is None else augmentation, **training
    )
    return head_alone(settings, "teacher", backbone=backbone)


def calls_of(network):
    calls = []
    network.body.backbone.register_forward_hook(lambda _, inputs, __: calls.append(len(inputs[0])))
    return calls


def state_of(network):
    return {key: tensor.clone() for key, tensor in network.state_dict().items()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_backbone_stays_as_it_is_and_all_else_learns(kind):
    """Statistics of BatchNorm among it, and with augmentation, where everything is computed in every step."""
    engine = engine_of(alone(kind, augmentation={}))
    network = engine.cohort.networks["teacher"]
    before, inside = state_of(network), {id(one) for one in network.body.backbone.parameters()}
    engine.run()
    prefix = "body.backbone." if kind == "classification" else "body.unet.encoder."
    changed = {key for key, tensor in network.state_dict().items() if not torch.equal(tensor, before[key])}
    assert changed and not any(key.startswith(prefix) for key in changed)
    trained = {id(one) for group in engine.optimiser.param_groups for one in group["params"]}
    assert trained and not trained & inside
    assert not any(one.training for one in engine.cohort.train().networks["teacher"].body.backbone.modules())


@pytest.mark.parametrize(("augmentation", "often"), [(OFF, False), ({}, True)], ids=["off", "on"])
def test_maps_are_computed_once_per_image_where_nothing_changes_it(augmentation, often):
    engine = engine_of(alone(epochs=3, augmentation=augmentation))
    calls = calls_of(engine.cohort.networks["teacher"])
    engine.run()
    steps = 3 * len(engine.batches)
    assert sum(calls) == (8 + 3 * 14 if often else 22)  # of validation once in both
    assert len(calls) == (1 + steps if often else 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backbone", [TEACHER, VIT], ids=["cnn", "vit"])
def test_numbers_are_those_of_a_training_that_stores_nothing(kind, backbone, monkeypatch):
    if kind == "segmentation" and backbone is VIT:
        backbone = STUDENT
    settings = alone(kind, backbone=backbone)
    once = engine_of(settings).run().history
    monkeypatch.setattr(module, "LIMIT", 10)
    engine = engine_of(settings)
    calls = calls_of(engine.cohort.networks["teacher"])
    always = engine.run().history
    assert len(calls) > len(engine.batches)
    for one, other in zip(once, always, strict=True):
        assert {key: other[key] for key in one if key != "seconds"} == pytest.approx(
            {key: one[key] for key in one if key != "seconds"}, rel=1e-3
        )


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_teacher_answers_from_what_is_stored(kind):
    settings = head_alone(settings_of(variant_graph("kd_off_v3"), kind, augmentation=OFF, epochs=2), "teacher")
    engine = engine_of(settings)
    teacher = engine.cohort.networks["teacher"]
    calls = calls_of(teacher)
    engine.run()
    assert sum(calls) == 22
    rows = engine.batches.part.rows[:4]
    found = Stored.of(engine.stored, rows, "cpu")["teacher"]
    with torch.inference_mode():
        images = torch.from_numpy(engine.arrays.images[rows]).permute(0, 3, 1, 2)
        expected = teacher.eval()(images)
    assert torch.allclose(found[0], expected.logits, atol=1e-4)
    assert torch.allclose(found[1], expected.features, atol=1e-4)


@pytest.mark.parametrize("names", [("teacher",), ("teacher", "s1", "s2")], ids=["teacher", "all"])
def test_interrupted_it_ends_in_the_same_bits(tmp_path, names):
    settings = head_alone(settings_of(variant_graph("kd_ml_v3"), augmentation=OFF, epochs=2), *names)
    whole = engine_of(settings)
    whole.run()
    resumed = interrupted(settings, tmp_path / "c")
    states = [engine.cohort.state_dict().values() for engine in (whole, resumed)]
    assert all(torch.equal(one, other) for one, other in zip(*states, strict=True))


def test_networks_that_are_trained_whole_store_nothing():
    engine = engine_of(settings_of(variant_graph("kd_off_v3"), augmentation=OFF, epochs=1))
    engine.run()
    assert engine.stored.values == {} and engine.stored.of(engine.batches.part.rows, "cpu") == {}


def test_a_tap_within_the_backbone_is_not_stored():
    settings = head_alone(settings_of(variant_graph("ml_v2")), "s1")
    raw = settings.sharing.model_copy(update={"classification_tap": "raw_convolution"})
    assert cohort_of(settings).storable == ["s1"]
    assert cohort_of(settings.model_copy(update={"sharing": raw})).storable == []


def test_images_that_are_not_stored_are_computed():
    values = {"teacher": (torch.arange(6.0).reshape(3, 2),)}
    found = Stored(np.array([2, 5, 9]), values)
    assert found.of(np.array([9, 2, 9]), "cpu")["teacher"][0].tolist() == [[4, 5], [0, 1], [4, 5]]
    assert found.of(np.array([2, 3]), "cpu") == {}


def test_augmentation_is_off_where_no_change_is_ever_made():
    assert (
        is_off(Augmentation(**OFF)) and not is_off(Augmentation()) and not is_off(Augmentation(**OFF | {"affine": 0.1}))
    )
    assert len(arrays_of().images) == 22
