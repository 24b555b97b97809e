"""Areas under ROC curves, which are functions of all scores and not of counts."""

import numpy as np
from jaxtyping import Bool, Float

from kdml.analysis.ratios import mean_of_known, ratio


def scores_of(classes: int) -> list[str]:
    """Columns of the cases with the scores that an area under the ROC curve is made from.

    Args:
        classes: of the task; 0 for segmentation, where nearly all pixels are plain background and the area says little.
    """
    return ["score"] if classes == 2 else [f"score_{number}" for number in range(classes)]


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
        weights: how often each draw has each case.
    """
    values, place = np.unique(scores, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(values)))
    areas = np.empty(len(weights))
    for rows in np.array_split(np.arange(len(weights)), max(1, weights.size // 2_000_000)):
        drawn = weights[rows][:, order]
        above = np.add.reduceat(drawn * positive[order], starts, axis=1)
        below = np.add.reduceat(drawn * ~positive[order], starts, axis=1)
        wins = (above * (below.cumsum(axis=1) - below / 2)).sum(axis=1)
        areas[rows] = ratio(wins, above.sum(axis=1) * below.sum(axis=1))
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
