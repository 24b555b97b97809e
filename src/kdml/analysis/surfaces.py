"""How far the outline of a predicted mask is from that of the true one, in pixels of the prepared image, by SciPy's exact distance
transform.

A mask's surface is its pixels that have a side in common with a pixel outside it, or with the image's edge. Images without a lesion
are not measured: what is marked there are false regions. A lesion of which nothing is marked is as far off as an image is wide,
corner to corner, and no part of its surface counts as met.

Reference:
    Huttenlocher et al., IEEE TPAMI 1993 (Hausdorff distance; its 95th percentile, the larger of both directions, spares single
    pixels); Nikolov et al., JMIR 2021 (normalised surface distance, there called surface Dice); Maier-Hein et al., Nature Methods
    2024 (what to give an empty prediction).
"""

import math

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

PERCENT = 95
TOLERANCE = 2.0  # pixels within which a surface counts as met
COLUMNS = ("hd95", "nsd")


def of_images(truth: Bool[np.ndarray, "n h w"], predicted: Bool[np.ndarray, "n h w"]) -> dict[str, np.ndarray]:
    """The 95th percentile of the Hausdorff distance in pixels, and the normalised surface distance 0 to 1, of every image.

    Args:
        truth: true masks.
        predicted: predicted ones.

    Returns:
        (n,) by `COLUMNS`; NaN where the true mask is empty.
    """
    values = np.full((len(truth), len(COLUMNS)), math.nan)
    for place in np.flatnonzero(truth.any(axis=(1, 2))):
        values[place] = of_masks(truth[place], predicted[place])
    return dict(zip(COLUMNS, values.T, strict=True))


def of_masks(truth: Bool[np.ndarray, "h w"], predicted: Bool[np.ndarray, "h w"]) -> tuple[float, float]:
    """Both of one image, whose true mask is not empty.

    Args:
        truth: the true mask.
        predicted: the predicted one.
    """
    if not predicted.any():
        return math.hypot(*truth.shape), 0.0
    # Distances between the masks need nothing of the image around both.
    rows, columns = ndimage.find_objects((truth | predicted).astype(np.uint8))[0]
    outlines = [surface(mask[rows, columns]) for mask in (truth, predicted)]
    away = [_distances(*pair) for pair in (outlines, outlines[::-1])]
    met = sum(int((one <= TOLERANCE).sum()) for one in away)
    return max(float(np.percentile(one, PERCENT)) for one in away), met / sum(map(len, away))


def surface(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels of a mask with a side in common with one outside it."""
    return mask & ~ndimage.binary_erosion(mask)


def _distances(of: np.ndarray, to: np.ndarray) -> Float[np.ndarray, " pixels"]:
    """Distance of every pixel of the one surface to the nearest of the other."""
    return ndimage.distance_transform_edt(~to)[of]
