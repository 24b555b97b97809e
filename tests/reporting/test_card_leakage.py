"""What a model card says of leakage: too high, perhaps too high, or that it cannot be told, with numbers."""

import pytest

from kdml.reporting.card_leakage import COUNTED, SAID, Height, leaks

CLEAN = dict.fromkeys(COUNTED, 0) | {
    "protocol": "paper", "seed": 0, "train_images": 60, "validation_images": 20, "test_images": 20,
    "exact_duplicates_across_parts": 0, "images_of_unknown_group": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("found", "height", "said"),
    [
        ({}, Height.AS_FAR_AS_KNOWN, None),
        ({"test_with_group_in_train": 20}, Height.TOO_HIGH, "20 of 20 test images (100.0 %) have their patient"),
        ({"test_with_group_in_validation": 1}, Height.TOO_HIGH, "1 of 20 test images (5.0 %)"),
        ({"test_with_copy_in_train": 2}, Height.TOO_HIGH, "2 of 20 test images (10.0 %) stand in training, too"),
        ({"test_near_duplicate_same_group": 3}, Height.TOO_HIGH, "near-duplicate of the same"),
        ({"test_near_duplicate_other_group": 3}, Height.MAY_BE_TOO_HIGH, "near-duplicate of another"),
        ({"exact_duplicates_across_parts": 1}, Height.MAY_BE_TOO_HIGH, "1 picture in more than one part"),
        (
            {"test_with_group_in_train": None, "test_with_group_in_validation": None, "images_of_unknown_group": 100},
            Height.CANNOT_BE_TOLD, "of 100 of 100 images the patient, lesion or slide is not known",
        ),
        ({"images_of_unknown_group": 7, "test_with_copy_in_train": 1}, Height.TOO_HIGH, "of 7 of 100 images"),
    ],
)  # fmt: skip
def test_the_worst_that_is_found_decides(found, height, said):
    told = leaks([CLEAN | found])
    assert told.height is height and told.verdict == SAID[height]
    assert any(said in reason for reason in told.reasons) if said else told.reasons == []


def test_several_splits_are_told_apart():
    told = leaks([CLEAN, CLEAN | {"seed": 3, "test_with_copy_in_train": 1}])
    assert told.reasons == ["Split by image, split of seed 3: 1 of 20 test images (5.0 %) stand in training, too"]
    assert told.height is Height.TOO_HIGH
