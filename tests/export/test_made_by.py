"""The rule by which files became pictures, in words that hold of a volume with a mark at a known side of the patient."""

import nibabel
import numpy as np
import pytest

from kdml.data.medical import volume_of
from kdml.export.made_by import made_by

WINDOW = {"low": -160.0, "high": 240.0, "of_percentiles": False}
RIGHT, FRONT, ABOVE = range(3)  # axes of the orientation RAS, whose ends these are


def place_of(side, axis):
    """Where in slices along an axis the brightest line lies, of a volume that grows brighter to one side of the patient."""
    values = np.moveaxis(np.broadcast_to(np.arange(6, dtype=np.float32), (6, 6, 6)), -1, side)
    volume = nibabel.Nifti1Image(values[::-1, :, ::-1], np.diag([-1.0, 1, -1, 1]))  # written left and below first
    plane = np.asarray(volume_of(volume.to_bytes(), "a volume").plane(axis, 2))
    row, column = np.unravel_index(plane.argmax(), plane.shape)
    return "above" if plane[row].min() == 5 and row == 0 else "on the right" if column == 5 else "elsewhere"


@pytest.mark.parametrize(
    ("axis", "said", "above", "right"),
    [
        (0, "axis 0 (sagittal)", (ABOVE, "what is above is above"), (FRONT, "what is in front is on the right")),
        (1, "axis 1 (coronal)", (ABOVE, "what is above is above"), (RIGHT, "the patient's right is on the right")),
        (2, "axis 2 (axial)", (FRONT, "what is in front is above"), (RIGHT, "the patient's right is on the right")),
    ],
)
def test_slices_lie_as_the_words_say(axis, said, above, right):
    words = made_by("nifti", axis, WINDOW)
    assert said in words and "the values -160 and 240 become 0 and 255" in words
    for (side, told), where in ((above, "above"), (right, "on the right")):
        assert told in words and place_of(side, axis) == where


def test_films_and_pictures():
    assert made_by("pictures", None, None) == ""
    assert "bytes" in made_by("dicom", None, None) and "MONOCHROME1" in made_by("dicom", None, None)
    assert "the percentiles -160 and 240 of each picture" in made_by("dicom", None, WINDOW | {"of_percentiles": True})
