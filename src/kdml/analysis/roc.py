"""Areas under ROC curves, which are functions of all scores and not of counts."""

import numpy as np
from jaxtyping import Bool, Float

from kdml.analysis.ratios import mean_of_known, ratio

SCORE = "score"  # column of cases: of the second of two classes; of several with the number of each
CHUNK = 100_000  # values at once, which stay in the cache of a core


def scores_of(classes: int) -> list[str]:
    """Columns of the cases with the scores that an area under the ROC curve is made from.

    Args:
        classes: of the task; 0 for segmentation, where nearly all pixels are plain background and the area says little.
    """
    return [SCORE] if classes == 2 else [f"{SCORE}_{number}" for number in range(classes)]


def auc(scores: Float[np.ndarray, " n"], positive: Bool[np.ndarray, " n"]) -> float:
    """Area under the ROC curve: how often a positive case scores above a negative one, ties counting half; NaN for one
    class."""
    below = np.sort(scores[~positive])
    if len(below) in (0, len(scores)):
        return float("nan")
    above = scores[positive]
    wins = np.searchsorted(below, above, side="left") + np.searchsorted(below, above, side="right")
    return float(wins.sum() / (2 * len(above) * len(below)))


def weighted_auc(
    scores: Float[np.ndarray, " n"], positive: Bool[np.ndarray, " n"], weights: Float[np.ndarray, "draws n"]
) -> Float[np.ndarray, " draws"]:
    """Area under the ROC curve under several weightings of the cases, such as those of a bootstrap; NaN without one of the classes.

    Args:
        scores: higher for positive cases.
        positive: the truth.
        weights: how often each draw has each case, whole numbers.
    """
    order = np.argsort(scores[~positive], kind="stable")
    negative, ranked = np.flatnonzero(~positive)[order], scores[~positive][order]
    # Negative cases below each positive one, and those with those that tie: places in their running sum.
    lower = np.searchsorted(ranked, scores[positive], "left")
    upper = np.searchsorted(ranked, scores[positive], "right")
    areas = np.empty(len(weights))
    for rows in np.array_split(np.arange(len(weights)), max(1, weights.size // CHUNK)):
        running = np.zeros((len(rows), len(negative) + 1))
        np.cumsum(weights[np.ix_(rows, negative)], axis=1, out=running[:, 1:])
        above = weights[rows][:, positive]
        wins = np.einsum("rp,rp->r", above, running[:, lower] + running[:, upper]) / 2
        areas[rows] = ratio(wins, above.sum(axis=1) * running[:, -1])
    return areas


def macro_auc(scores: Float[np.ndarray, "n classes"], positive: Bool[np.ndarray, "n classes"]) -> float:
    """Area under the ROC curve of each class against the rest, mean over those with cases on both sides (macro); NaN without any.

    Args:
        scores: of each class, higher for its cases; of two classes those of the second alone.
        positive: whether a case is of the class.
    """
    return float(mean_of_known(np.array([auc(*one) for one in zip(scores.T, positive.T, strict=True)])))


def weighted_macro_auc(
    scores: Float[np.ndarray, "n classes"],
    positive: Bool[np.ndarray, "n classes"],
    weights: Float[np.ndarray, "draws n"],
) -> Float[np.ndarray, " draws"]:
    """`macro_auc` under several weightings of the cases; a class counts in the draws that have cases on both sides.

    Args:
        scores: of each class, higher for its cases; of two classes those of the second alone.
        positive: whether a case is of the class.
        weights: how often each draw has each case.
    """
    areas = [weighted_auc(*one, weights) for one in zip(scores.T, positive.T, strict=True)]
    return mean_of_known(np.stack(areas, axis=-1))
