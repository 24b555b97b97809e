"""Which connected regions of the truth a network finds, whatever their size: pooled pixel counts hide small ones.

A region counts as found if at least half of its pixels are marked. Regions of fewer than 4 pixels are left out: resizing
leaves such crumbs at the edges of masks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

FOUND = 0.5
SMALLEST = 4
TOUCHING = np.ones((3, 3), dtype=bool)  # diagonal neighbours belong together
SIZES = ("small", "medium", "large")


@dataclass(frozen=True)
class Region:
    """A connected region of the truth.

    Args:
        area: in pixels of the prepared image.
        box: (top, bottom, left, right), half open.
        shares: of its pixels that each network marks.
    """

    area: int
    box: tuple[int, int, int, int]
    shares: Mapping[str, float]


def regions(truth: Bool[np.ndarray, "h w"], found: Mapping[str, Bool[np.ndarray, "h w"]]) -> list[Region]:
    """Regions of the truth, 8-connected, and how much of each the networks mark."""
    labels, _ = ndimage.label(truth, structure=TOUCHING)
    result = []
    for place, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[rows, columns] == place
        area = int(inside.sum())
        if area >= SMALLEST:
            shares = {name: float(mask[rows, columns][inside].mean()) for name, mask in found.items()}
            result.append(Region(area, (rows.start, rows.stop, columns.start, columns.stop), shares))
    return result


def false_regions(truth: Bool[np.ndarray, "h w"], marked: Bool[np.ndarray, "h w"]) -> int:
    """Number of marked regions that touch no pixel of the truth: what finding more must be weighed against."""
    labels, count = ndimage.label(marked, structure=TOUCHING)
    if count == 0:
        return 0
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    hits = np.bincount(labels[truth], minlength=count + 1)[1:]
    return int(((areas >= SMALLEST) & (hits == 0)).sum())


def size_limits(areas: np.ndarray) -> tuple[float, float]:
    """Areas that divide a test set's regions into thirds: small below the first, large above the second."""
    low, high = np.quantile(areas, [1 / 3, 2 / 3])
    return float(low), float(high)


def range_of(size: str, limits: tuple[float, float]) -> str:
    """Areas of a size in words, such as `at most 90 px`.

    Args:
        size: one of `SIZES`.
        limits: that divide them.
    """
    low, high = (int(limit) for limit in limits)  # areas are whole pixels
    return {"small": f"at most {low} px", "medium": f"{low + 1} to {high} px", "large": f"over {high} px"}[size]


def size_of(area: int, limits: tuple[float, float]) -> str:
    """One of `SIZES`."""
    return SIZES[int(area > limits[0]) + int(area > limits[1])]
