"""How far the outline of a predicted mask is from that of the true one, by SciPy's exact distance transform: in millimetres where
the spacing of all pictures of a data set is known, else in pixels of the prepared image.

A mask's surface is its pixels that have a side in common with a pixel outside it, or with the image's edge. Images without a lesion
are not measured: what is marked there are false regions. A lesion of which nothing is marked is as far off as an image is wide,
corner to corner, and no part of its surface counts as met.

Reference:
    Huttenlocher et al., IEEE TPAMI 1993 (Hausdorff distance; its 95th percentile, the larger of both directions, spares single
    pixels); Nikolov et al., JMIR 2021 (normalised surface distance, there called surface Dice); Maier-Hein et al., Nature Methods
    2024 (what to give an empty prediction).
"""

import math
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy import ndimage

from kdml.analysis.picture_index import rows_of_index
from kdml.common.metadata import SPACING

PERCENT = 95
TOLERANCE = 2.0  # pixels or millimetres within which a surface counts as met
IN_PIXELS, IN_MILLIMETRES = ("hd95", "nsd"), ("hd95_mm", "nsd_mm")


def spacing_of(index: Path, rows: np.ndarray) -> Float[np.ndarray, "n 2"] | None:
    """Millimetres from one pixel of the prepared images to the next, down and across; None if the data set has a picture whose
    spacing is unknown, because millimetres and pixels have no mean.

    Args:
        index: index.parquet of the data set.
        rows: of the prepared arrays, (n,).

    Raises:
        UserError: the index is missing, is none, or lacks one of the rows.
    """
    table, places = rows_of_index(index, rows)
    spacing = table.reindex(columns=list(SPACING)).apply(pd.to_numeric).to_numpy(dtype=float)
    return None if np.isnan(spacing).any() else spacing[places]


def of_images(
    truth: Bool[np.ndarray, "n h w"],
    predicted: Bool[np.ndarray, "n h w"],
    spacing: Float[np.ndarray, "n 2"] | None = None,
) -> dict[str, np.ndarray]:
    """The 95th percentile of the Hausdorff distance, and the normalised surface distance 0 to 1, of every image.

    Args:
        truth: true masks.
        predicted: predicted ones.
        spacing: millimetres between pixels, down and across; None for distances in pixels.

    Returns:
        (n,) by `IN_MILLIMETRES`, without a spacing by `IN_PIXELS`; NaN where the true mask is empty.
    """
    names = IN_PIXELS if spacing is None else IN_MILLIMETRES
    values = np.full((len(truth), len(names)), math.nan)
    for place in np.flatnonzero(truth.any(axis=(1, 2))):
        sizes = (1.0, 1.0) if spacing is None else (float(spacing[place, 0]), float(spacing[place, 1]))
        values[place] = of_masks(truth[place], predicted[place], sizes)
    return dict(zip(names, values.T, strict=True))


def of_masks(
    truth: Bool[np.ndarray, "h w"], predicted: Bool[np.ndarray, "h w"], spacing: tuple[float, float] = (1.0, 1.0)
) -> tuple[float, float]:
    """Both of one image, whose true mask is not empty.

    Args:
        truth: the true mask.
        predicted: the predicted one.
        spacing: from one pixel to the next, down and across.
    """
    if not predicted.any():
        return math.hypot(*(size * step for size, step in zip(truth.shape, spacing, strict=True))), 0.0
    # Distances between the masks need nothing of the image around both.
    rows, columns = ndimage.find_objects((truth | predicted).astype(np.uint8))[0]
    outlines = [surface(mask[rows, columns]) for mask in (truth, predicted)]
    away = [_distances(of, to, spacing) for of, to in (outlines, outlines[::-1])]
    met = sum(int((one <= TOLERANCE).sum()) for one in away)
    return max(float(np.percentile(one, PERCENT)) for one in away), met / sum(map(len, away))


def surface(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels of a mask with a side in common with one outside it."""
    return mask & ~ndimage.binary_erosion(mask)


def _distances(of: np.ndarray, to: np.ndarray, spacing: tuple[float, float]) -> Float[np.ndarray, " pixels"]:
    """Distance of every pixel of the one surface to the nearest of the other."""
    return ndimage.distance_transform_edt(~to, sampling=spacing)[of]
