"""The page of the check of data: a section for each data set, with samples."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from kdml.common.metadata import SPACING
from kdml.reporting import labels
from kdml.reporting.leakage_table import table as leakage_table
from kdml.reporting.table_layout import ON_SCREEN, shown

SIDE = 112  # pixels of a sample
# Of the outline of a mask: of its one class, or of several in turn.
MARKS = ((255, 40, 40), (40, 150, 255), (40, 210, 90), (255, 190, 0), (220, 80, 220), (0, 210, 210))
GROUPS = {
    "groups": "known groups (patients, lesions, slides)",
    "smallest": "pictures of the smallest group",
    "median": "pictures of the median group",
    "largest": "pictures of the largest group",
    "of_several_classes": "groups with pictures of several classes",
    "images_of_unknown_group": "pictures of unknown group",
}


def picture(image: np.ndarray, mask: np.ndarray | None) -> str:
    """A sample as a data URI, with the outline of its mask.

    Args:
        image: (h, w, 3) uint8.
        mask: (h, w), the class of each pixel and 0 for the background, if there is one.
    """
    pixels = np.array(image)
    for number in range(1, 1 + (0 if mask is None else int(mask.max()))):
        inside = np.pad(np.asarray(mask) == number, 1, mode="edge")
        core = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
        pixels[inside[1:-1, 1:-1] & ~core] = MARKS[(number - 1) % len(MARKS)]
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((SIDE, SIDE)).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def section(
    facts: Mapping[str, Any], samples: Mapping[str, Sequence[str]], alike: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """What the template shows of a data set.

    Args:
        facts: as `kdml.data.check.checked` gives them.
        samples: pictures by class.
        alike: both pictures of every example of near-duplicates.
    """
    near = facts["near_duplicates"]
    rows = [one["leakage"] for one in facts["splits"] if one["leakage"] is not None]
    return {
        "title": facts["dataset"],
        "facts": _facts(facts),
        "classes": facts["classes"],
        "mask_classes": facts["mask_classes"],
        "groups": {words: facts["groups"][key] for key, words in GROUPS.items() if key in facts["groups"]},
        "metadata": facts["metadata"],
        "dropped": facts["dropped"],
        "several_masks": facts["several_masks"],
        "near": near,
        "alike": list(zip(near["examples"], alike, strict=True)),
        "leakage": shown(leakage_table(rows, {}), ON_SCREEN).sections if rows else (),
        "refused": [
            f"{labels.protocol(one['protocol'])}: {one['refused']}" for one in facts["splits"] if one["refused"]
        ],
        "used": [labels.protocol(one["protocol"]) for one in facts["splits"] if one["is_used"]],
        "samples": samples,
    }


def _facts(facts: Mapping[str, Any]) -> dict[str, str]:
    """Counts, kinds and sizes of files, in words."""
    files = facts["files"]
    sizes = [f"{size} ({count})" for size, count in files.get("sizes", {}).items()]
    more = files.get("different_sizes", 0) - len(sizes)
    said = {
        "pictures": f"{facts['kept']} of {facts['read']} that were read; scaled to {facts['size']} pixels",
        "files of pictures": _counts(files.get("images", {})),
        "files of masks": _counts(files.get("masks", {})),
        "grey values in masks": _values(files),
        "width x height": ", ".join(sizes) + (f" and {more} more" if more > 0 else ""),
        "size of scaled pixels": _spacing(facts["spacing"], facts["kept"]),
    }
    return {name: words for name, words in said.items() if words}


def _values(files: Mapping[str, Any]) -> str:
    """The most frequent grey values of masks, with the number of masks that have them."""
    listed = [f"{value} ({count})" for value, count in files.get("mask_values", {}).items()]
    more = files.get("different_mask_values", 0) - len(listed)
    return ", ".join(listed) + (f" and {more} more" if more > 0 else "")


def _spacing(spacing: Mapping[str, Any], pictures: int) -> str:
    """Smallest and largest pixels in millimetres, and the unit of distances; empty if no picture says the size of its own."""
    if not spacing:
        return ""
    down, across = (" to ".join(f"{size:.3g}" for size in sorted(set(spacing[name]))) for name in SPACING)
    unknown = pictures - spacing["known"]
    measured = (
        f"unknown of {unknown} pictures, so distances are in pixels" if unknown else "distances are in millimetres"
    )
    return f"{down} mm down, {across} mm across; {measured}"


def _counts(counted: Mapping[str, int]) -> str:
    return "; ".join(f"{count} {kind}" for kind, count in counted.items())
