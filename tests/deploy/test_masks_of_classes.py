"""Masks of several classes in an exported folder's program: values as in the training's masks, outlines by class, agreement."""

import numpy as np
import pytest

from kdml.deploy.model import Model
from kdml.deploy.pictures import OUTLINES, outlined
from kdml.deploy.predict import _agreement_of_masks


def model_of(classes, values=()):
    made = object.__new__(Model)
    made.kind, made.classes, made.facts = "segmentation", classes, {"mask_values": list(values)}
    return made


def test_masks_have_the_values_of_the_training():
    mask = np.array([[0, 1, 2]], np.uint8)
    several = model_of(["core", "rim"], [10, 85, 170])
    assert several.of_several and several.values_of(mask).tolist() == [[10, 85, 170]]
    assert several.values_of(mask).dtype == np.uint8
    large = model_of(["core", "rim"], [0, 1, 4000]).values_of(mask)
    assert large.dtype == np.uint16 and large.tolist() == [[0, 1, 4000]]
    one = model_of(["lesion"])
    assert not one.of_several and one.values_of(mask[:, :2]).tolist() == [[0, 255]]


def test_every_class_has_an_outline_of_its_own():
    mask = np.zeros((20, 20), np.uint8)
    mask[2:8, 2:8], mask[8:14, 2:8] = 1, 2
    shown = outlined(np.zeros((20, 20, 3), np.uint8), mask)
    for number, rows in ((1, (2, 7)), (2, (8, 13))):
        colour = OUTLINES[number - 1]
        assert all(tuple(shown[row, 5]) == colour for row in rows)
        assert tuple(shown[rows[0] + 2, 5]) == tuple(int(0.25 * one) for one in colour)
    assert not shown[mask == 0].any()


def test_agreement_is_the_mean_dice_of_the_classes_that_either_names():
    named = np.array([[[0, 1, 1, 2]], [[0, 1, 2, 2]]])
    students = np.eye(4)[named].transpose(0, 3, 1, 2)  # nobody names the class 3
    found = _agreement_of_masks(students)
    assert (
        float(found["dice_of_students"]) == pytest.approx((2 / 3 + 2 / 3) / 2, abs=1e-6) and not found["students_agree"]
    )
    assert _agreement_of_masks(students[[0, 0]]) == {"students_agree": 1, "dice_of_students": "1.000000"}
    empty = np.eye(4)[np.zeros((2, 1, 4), int)].transpose(0, 3, 1, 2)
    assert _agreement_of_masks(empty)["students_agree"] == 1
