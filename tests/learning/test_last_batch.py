"""A last batch of one image: refused before the first step where BatchNorm cannot take it, and nothing changed where it can."""

import numpy as np
import pytest
import torch
from small import arrays_of, cohort_of, method_settings, settings_of, variant_graph

from kdml.common.errors import UserError
from kdml.data.arrays import Arrays, Part
from kdml.learning.build import RunData, training_batches
from kdml.learning.last_batch import check_last_batch


def batches_of(settings, cohort, images, size=32):
    arrays = arrays_of(settings.kind)
    if size != 32:
        arrays = Arrays(np.zeros((22, size, size, 3), np.uint8), None)
    part = Part(np.arange(images), np.zeros(images, np.int64))
    return training_batches(settings, RunData(arrays, {"train": part}), "cpu", 0, whole=cohort.whole_batches)


REFUSED = {
    "one left over": (settings_of(variant_graph("ml_v1")), 13),
    "every batch of one": (settings_of(variant_graph("ml_v1"), batch_size=1), 3),
    "an online teacher with its block": (settings_of(variant_graph("kd_on_v2")), 5),
    "a method": (method_settings("srrl"), 13),
    "a U-Net": (settings_of(variant_graph("ml_v1"), "segmentation"), 13),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("settings", "images"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_before_the_first_step(settings, images):
    cohort = cohort_of(settings)
    with pytest.raises(UserError) as caught:
        check_last_batch(cohort, batches_of(settings, cohort, images))
    assert (
        f"{images} training images in batches of {settings.training.batch_size} leave one image" in caught.value.problem
    )
    assert "BatchNorm (networks." in caught.value.problem and "training.batch_size" in caught.value.remedy


TAKEN = {
    "two left over": (settings_of(variant_graph("ml_v1")), 14, 32),
    "none left over": (settings_of(variant_graph("ml_v1")), 12, 32),
    "larger maps": (settings_of(variant_graph("ml_v1")), 13, 64),
}


@pytest.mark.parametrize(("settings", "images", "size"), TAKEN.values(), ids=TAKEN)
def test_it_is_taken_and_nothing_changes(settings, images, size):
    cohort = cohort_of(settings)
    before = {name: tensor.clone() for name, tensor in cohort.state_dict().items()}
    random = torch.get_rng_state()
    check_last_batch(cohort, batches_of(settings, cohort, images, size))
    assert all(torch.equal(tensor, before[name]) for name, tensor in cohort.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random) and cohort.training
    assert all(parameter.grad is None for parameter in cohort.parameters())


def test_a_batch_that_is_left_out_is_no_matter():
    settings = method_settings("semckd")
    cohort = cohort_of(settings)
    assert cohort.whole_batches
    check_last_batch(cohort, batches_of(settings, cohort, 13))
