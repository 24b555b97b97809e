"""Test metrics from counts: counts are summed over the data set and divided once, so batches do not matter.

Every metric is a function of counts with any leading dimensions, so that a bootstrap computes thousands of data sets at once.

Rules for what has no value of its own: a class that is neither true nor predicted in any case does not count; one that is never
predicted has precision 0, one that is only predicted recall 0, all as in scikit-learn with zero_division=0; an empty mask predicted
empty has IoU and F-score 1 in the mean over images; the pooled IoU of a whole set without a single lesion pixel, true or predicted,
is undefined (NaN).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

PIXELS = ("tp", "fp", "fn", "tn")

Metric = Callable[[np.ndarray], np.ndarray]


def confusion(target: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes) int64: row the true class, column the predicted one.

    Args:
        target: true class of each image, (n,).
        predicted: predicted class, (n,).
        classes: number of classes.

    Raises:
        ValueError: shapes differ, or a class is out of range.
    """
    return confusions(target, predicted, classes).sum(axis=0).reshape(classes, classes)


def confusions(target: np.ndarray, predicted: np.ndarray, classes: int) -> Int[np.ndarray, "n cells"]:
    """Each image's own confusion matrix, flattened: a single 1 in (n, classes^2).

    Raises:
        ValueError: shapes differ, or a class is out of range.
    """
    if target.shape != predicted.shape:
        raise ValueError(f"{target.shape} targets and {predicted.shape} predictions")
    both = np.concatenate([target, predicted])
    if both.size and not (both.min() >= 0 and both.max() < classes):
        raise ValueError(f"a class is not among 0..{classes - 1}")
    cells = np.zeros((len(target), classes**2), dtype=np.int64)
    cells[np.arange(len(target)), target * classes + predicted] = 1
    return cells


def accuracy(cells: Float[np.ndarray, "*any cells"]) -> Float[np.ndarray, "*any"]:
    """Share of images on the diagonal of flattened confusion matrices."""
    square = _square(cells)
    return _ratio(_diagonal(square).sum(axis=-1), square.sum(axis=(-2, -1)))


def precision(cells: Float[np.ndarray, "*any cells"]) -> Float[np.ndarray, "*any"]:
    """Precision averaged over all classes that occur, true or predicted (macro)."""
    square = _square(cells)
    return _macro(_ratio(_diagonal(square), square.sum(axis=-2), empty=0.0), square)


def recall(cells: Float[np.ndarray, "*any cells"]) -> Float[np.ndarray, "*any"]:
    """Recall averaged over all classes that occur, true or predicted (macro)."""
    square = _square(cells)
    return _macro(_ratio(_diagonal(square), square.sum(axis=-1), empty=0.0), square)


def _macro(by_class: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Mean over the classes that occur; a test set's absent class says nothing of a network."""
    occurs = (square.sum(axis=-1) + square.sum(axis=-2)) > 0
    return _ratio((by_class * occurs).sum(axis=-1), occurs.sum(axis=-1))


def iou(pixels: Float[np.ndarray, "*any counts"]) -> Float[np.ndarray, "*any"]:
    """Intersection over union of counts (tp, fp, fn, ...)."""
    return _ratio(pixels[..., 0], pixels[..., :3].sum(axis=-1))


def f_score(pixels: Float[np.ndarray, "*any counts"]) -> Float[np.ndarray, "*any"]:
    """F-score, which is the Dice coefficient, of counts (tp, fp, fn, ...); F = 2 IoU / (1 + IoU) for the same counts."""
    return _ratio(2 * pixels[..., 0], pixels[..., 0] + pixels[..., :3].sum(axis=-1))


# Metrics of a whole test set, from the sum of its cases' counts.
POOLED: Mapping[str, Mapping[str, Metric]] = {
    "classification": {"accuracy": accuracy, "precision": precision, "recall": recall},
    "segmentation": {"iou": iou, "f_score": f_score},
}


def primary(rows: Sequence[Mapping[str, Any]]) -> str:
    """The metric that a place is judged by, from its rows: IoU in segmentation, else accuracy."""
    return "iou" if any(row["metric"] == "iou" for row in rows) else "accuracy"


def classification(cells: Float[np.ndarray, "n cells"]) -> dict[str, float]:
    """Accuracy, macro precision and macro recall of a test set, as fractions.

    Args:
        cells: what `confusions` gives.
    """
    total = cells.sum(axis=0)
    return {name: float(metric(total)) for name, metric in POOLED["classification"].items()}


def pixel_counts(truth: Bool[np.ndarray, "n h w"], predicted: Bool[np.ndarray, "n h w"]) -> Int[np.ndarray, "n 4"]:
    """Per image true positive, false positive, false negative and true negative pixels.

    Raises:
        ValueError: shapes differ.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"masks {truth.shape} and predictions {predicted.shape}")
    cells = (truth & predicted, ~truth & predicted, truth & ~predicted, ~truth & ~predicted)
    return np.stack([np.count_nonzero(cell, axis=(1, 2)) for cell in cells], axis=1)


def segmentation(counts: Int[np.ndarray, "n 4"]) -> dict[str, float]:
    """IoU and F-score, pooled over all pixels of the set and averaged over images, as fractions.

    Args:
        counts: what `pixel_counts` gives.
    """
    total, tp, wrong = counts.sum(axis=0), counts[:, 0], counts[:, 1:3].sum(axis=1)
    return {
        **{name: float(metric(total)) for name, metric in POOLED["segmentation"].items()},
        "iou_per_image": float(_ratio(tp, tp + wrong, empty=1.0).mean()),
        "f_score_per_image": float(_ratio(2 * tp, 2 * tp + wrong, empty=1.0).mean()),
    }


def auc(scores: Float[np.ndarray, " n"], positive: Bool[np.ndarray, " n"]) -> float:
    """Area under the ROC curve: how often a positive case scores above a negative one, ties counting half; NaN for one
    class."""
    below = np.sort(scores[~positive])
    if len(below) in (0, len(scores)):
        return float("nan")
    above = scores[positive]
    wins = np.searchsorted(below, above, side="left") + np.searchsorted(below, above, side="right")
    return float(wins.sum() / (2 * len(above) * len(below)))


def _square(cells: np.ndarray) -> np.ndarray:
    classes = round(cells.shape[-1] ** 0.5)
    return cells.reshape(*cells.shape[:-1], classes, classes)


def _diagonal(square: np.ndarray) -> np.ndarray:
    return np.diagonal(square, axis1=-2, axis2=-1)


def _ratio(numerator: np.ndarray, denominator: np.ndarray, empty: float = float("nan")) -> np.ndarray:
    """Element by element; `empty` where there is nothing to divide by."""
    numerator, denominator = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    return np.divide(numerator, denominator, out=np.full(numerator.shape, empty), where=denominator > 0)
