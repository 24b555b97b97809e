"""How pictures are made of DICOM files and NIfTI volumes, in words, for whoever has to make others alike."""

from collections.abc import Mapping
from typing import Any

from kdml.data.medical import DICOM, PLAIN

PLANES = (
    ("sagittal", "what is above is above, what is in front is on the right"),
    ("coronal", "what is above is above, the patient's right is on the right"),
    ("axial", "what is in front is above, the patient's right is on the right"),
)


def made_by(kind: str, axis: int | None, scale: Mapping[str, Any] | None) -> str:
    """Rule by which files became pictures of 8 bits (`kdml.data.medical`); empty for plain pictures.

    Args:
        kind: format of the files.
        axis: that volumes are cut along.
        scale: values that became black and white, fields of `kdml.deploy.pictures.Window`; None where bytes were taken as they are.
    """
    if kind == PLAIN:
        return ""
    if kind == DICOM:
        return f"{_scaled(scale)}; then those of MONOCHROME1, where low values are white, are inverted (255 less the value)"
    plane, seen = PLANES[axis or 0]
    cut = f"a volume is brought to the orientation RAS and cut along axis {axis} ({plane})"
    return f"{cut}; slices are turned as numpy.rot90 does, so that {seen}; {_scaled(scale)}"


def _scaled(scale: Mapping[str, Any] | None) -> str:
    if scale is None:
        return "values are bytes and taken as they are"
    low, high = (f"{scale[name]:g}" for name in ("low", "high"))
    what = (
        f"the percentiles {low} and {high} of each picture"
        if scale["of_percentiles"]
        else f"the values {low} and {high}"
    )
    return f"after slope and intercept {what} become 0 and 255, what lies beyond is cut"
