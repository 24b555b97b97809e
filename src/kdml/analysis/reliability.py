"""Whether probabilities mean what they say: counts by bins of the predicted probability, for images and for pixels.

What a probability is of: with two classes, and in a pixel, of the second class (lesion); with several classes of the one that is
predicted. Bins are `BINS` of equal width between 0 and 1, closed below; the last one holds 1, too.

Reference:
    Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017 (expected calibration error);
    Brier, Monthly Weather Review 1950.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage, special

from kdml.analysis import regions
from kdml.analysis.ratios import ratio
from kdml.runs.predictions import marked

BINS = 10
DECIMALS = 6  # of what is measured on a case
FRACTIONS = 512  # sums of pixels' probabilities are whole numbers of 1 / 512
SMALLEST = float(np.finfo(np.float32).tiny)  # a probability of 0 has no logarithm
COUNTS = (
    "cases",
    "probability",
    "events",
)  # of a bin: their number, the sum of their probabilities, and in how many it came true
COLUMNS = tuple(f"bin{number}_{count}" for number, count in product(range(BINS), COUNTS))
SQUARES = "squares"  # of regions: sum of the squared distances of their probabilities from what came true
COLUMNS_OF_REGIONS = (*COLUMNS, SQUARES)
SCALED, OF_REGIONS, SCALED_OF_REGIONS = ("scaled_", "region_", "scaled_region_")  # before these, in tables of cases
OF_BINS = {
    *(f"{prefix}{name}" for prefix, name in product(("", SCALED), COLUMNS)),
    *(f"{prefix}{name}" for prefix, name in product((OF_REGIONS, SCALED_OF_REGIONS), COLUMNS_OF_REGIONS)),
}


def logarithms(probabilities: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """Natural logarithms; of 0 that of the smallest number of single precision."""
    return np.log(np.maximum(probabilities.astype(np.float64), SMALLEST))


def scaled(probabilities: Float[np.ndarray, "*any"], temperature: float, axis: int = 1) -> Float[np.ndarray, "*any"]:
    """Class probabilities with a temperature; those of an ensemble need not sum to 1 before.

    Args:
        probabilities: of exclusive classes.
        temperature: above 1 it makes them less sure.
        axis: of the classes.
    """
    return special.softmax(logarithms(probabilities) / temperature, axis=axis)


def in_decimals(probabilities: Float[np.ndarray, "n classes"]) -> Float[np.ndarray, "n classes"]:
    """Class probabilities in `DECIMALS`; of two classes such that they sum to 1 and are equally sure both ways."""
    rounded = probabilities.round(DECIMALS)
    return of_two(rounded[:, 1]) if rounded.shape[1] == 2 else rounded


def of_two(second: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 2"]:
    """Probabilities of two classes, in `DECIMALS`, by that of the second."""
    return np.stack([1 - second, second], axis=1).round(DECIMALS)


def worth(
    probabilities: Float[np.ndarray, "n classes"], target: Int[np.ndarray, " n"]
) -> dict[str, Float[np.ndarray, " n"]]:
    """How unsure every image's class probabilities are, and their Brier score, in `DECIMALS`.

    Args:
        probabilities: of `in_decimals`.
        target: true classes.
    """
    worth = {"uncertainty": 1 - probabilities.max(axis=1), "brier": brier(probabilities, target)}
    return {name: values.round(DECIMALS) for name, values in worth.items()}


def bins(probability: Float[np.ndarray, " n"], event: Bool[np.ndarray, " n"]) -> Float[np.ndarray, "n columns"]:
    """Counts of every image, in the order of `COLUMNS`.

    Args:
        probability: that was predicted.
        event: whether that which it is of came true.
    """
    counts = np.zeros((len(probability), BINS, len(COUNTS)))
    counts[np.arange(len(probability)), _bin_of(probability)] = np.stack(
        [np.ones_like(probability), probability, event], axis=1
    )
    return counts.reshape(len(probability), len(COLUMNS))


def bins_of_pixels(
    probability: Float[np.ndarray, " pixels"], event: Bool[np.ndarray, " pixels"]
) -> Float[np.ndarray, " columns"]:
    """Counts of the pixels of one image, in the order of `COLUMNS`.

    Args:
        probability: that was predicted.
        event: whether that which it is of came true.
    """
    place = _bin_of(probability)
    weights = (None, probability, event.astype(float))
    counts = [np.bincount(place, of_pixels, minlength=BINS) for of_pixels in weights]
    return np.stack(counts, axis=1).astype(float).ravel()


def _bin_of(probability: np.ndarray) -> Int[np.ndarray, "..."]:
    return np.minimum((probability * BINS).astype(int), BINS - 1)


def pixel_bins(
    histogram: Float[np.ndarray, "n 2 levels"], probability: Float[np.ndarray, " levels"]
) -> Float[np.ndarray, "n columns"]:
    """Counts of the pixels of every image, in the order of `COLUMNS`.

    Args:
        histogram: pixels outside the lesion and within by their level.
        probability: of each level.
    """
    member = np.eye(BINS)[_bin_of(probability)]
    pixels = histogram.sum(axis=1)
    counts = (pixels @ member, pixels @ (member * probability[:, None]), histogram[:, 1] @ member)
    return np.stack(counts, axis=2).reshape(len(histogram), -1)


def pixel_histogram(
    levels: UInt8[np.ndarray, "n h w"], truth: Bool[np.ndarray, "n h w"]
) -> Float[np.ndarray, "n 2 levels"]:
    """Pixels of every image outside the lesion and within by their level, 0 to 255."""
    each = [
        np.bincount(image.ravel() + 256 * mask.ravel().astype(np.intp), minlength=512)
        for image, mask in zip(levels, truth, strict=True)
    ]
    return np.array(each, dtype=float).reshape(len(levels), 2, 256)


def region_bins(
    levels: UInt8[np.ndarray, "n h w"], truth: Bool[np.ndarray, "n h w"], probabilities: Float[np.ndarray, "m levels"]
) -> list[Float[np.ndarray, "n columns"]]:
    """Counts of the marked regions of every image, in the order of `COLUMNS_OF_REGIONS`: a region's probability is the mean of its
    pixels', and it came true if at least half of it is lesion. Regions of fewer than `regions.SMALLEST` pixels are left out.

    Args:
        levels: of the pixels, 0 to 255.
        truth: true masks.
        probabilities: of each level, in one or several ways.

    Returns:
        Counts for each of these ways.
    """
    each = [
        bins_of_regions(marked(image), mask, [of_level[image] for of_level in probabilities])
        for image, mask in zip(levels, truth, strict=True)
    ]
    return [np.stack(counts) for counts in zip(*each, strict=True)]


def bins_of_regions(
    named: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"], probabilities: Sequence[Float[np.ndarray, "h w"]]
) -> list[Float[np.ndarray, " columns"]]:
    """Counts of the marked regions of one image, likewise.

    Args:
        named: what is marked.
        truth: where it is true.
        probabilities: of every pixel, in one or several ways.

    Returns:
        Counts for each of these ways.
    """
    found = []
    labels, count = ndimage.label(named, structure=regions.TOUCHING)
    inside = labels > 0
    which = labels[inside] - 1
    areas = np.bincount(which, minlength=count)
    large = areas >= regions.SMALLEST
    true = np.bincount(which, truth[inside], minlength=count) / areas >= regions.FOUND
    for probability in probabilities:
        mean = (np.bincount(which, probability[inside], minlength=count) / areas)[large]
        counts = bins(mean, true[large]).sum(axis=0)
        found.append(np.append(counts, np.square(mean - true[large]).sum()))
    return found


def calibration_error(counts: Float[np.ndarray, "*any columns"]) -> Float[np.ndarray, "*any"]:
    """Expected calibration error: distance of mean probability and observed frequency, averaged over bins by their cases."""
    by_bin = counts.reshape(*counts.shape[:-1], BINS, len(COUNTS))
    cases = by_bin[..., 0].sum(axis=-1)
    gaps = np.abs(by_bin[..., 1] - by_bin[..., 2]).sum(axis=-1)
    return ratio(gaps, cases)


def brier(probabilities: Float[np.ndarray, "n classes"], target: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Brier score of every image: half the squared distance between its probabilities and the truth, 0 to 1.

    With two classes it is the square of what the probability of the second lacks.
    """
    return np.square(probabilities - np.eye(probabilities.shape[1])[target]).sum(axis=1) / 2
