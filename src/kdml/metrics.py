"""Test metrics from counts: counts are summed over the data set and divided once, so batches do not matter.

Rules for what has no value of its own: a class that is never predicted has precision 0, one that never occurs recall 0, as in
scikit-learn with zero_division=0; an empty mask predicted empty has IoU and F-score 1 in the mean over images; the pooled IoU of a
whole set without a single lesion pixel, true or predicted, is undefined (NaN).
"""

from collections.abc import Mapping

import numpy as np

CLASSIFICATION = ("accuracy", "precision", "recall")
SEGMENTATION = ("iou", "f_score", "iou_per_image", "f_score_per_image")


def confusion(target: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes) int64: row the true class, column the predicted one.

    Args:
        target: true class of each image, (n,).
        predicted: predicted class, (n,).
        classes: number of classes.

    Raises:
        ValueError: shapes differ, or a class is out of range.
    """
    if target.shape != predicted.shape:
        raise ValueError(f"{target.shape} targets and {predicted.shape} predictions")
    both = np.concatenate([target, predicted])
    if both.size and not (both.min() >= 0 and both.max() < classes):
        raise ValueError(f"a class is not among 0..{classes - 1}")
    return np.bincount(target * classes + predicted, minlength=classes**2).reshape(classes, classes)


def classification(counts: np.ndarray) -> Mapping[str, float]:
    """Accuracy, and precision and recall averaged over all classes (macro), as fractions.

    Args:
        counts: what `confusion` gives.
    """
    hits = np.diag(counts)
    return {
        "accuracy": _ratio(hits.sum(), counts.sum()),
        "precision": float(_ratios(hits, counts.sum(axis=0), empty=0.0).mean()),
        "recall": float(_ratios(hits, counts.sum(axis=1), empty=0.0).mean()),
    }


def pixel_counts(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Per image true positive, false positive, false negative and true negative pixels: (n, 4) int64.

    Args:
        truth: boolean masks (n, h, w).
        predicted: likewise.

    Raises:
        ValueError: shapes differ.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"masks {truth.shape} and predictions {predicted.shape}")
    cells = (truth & predicted, ~truth & predicted, truth & ~predicted, ~truth & ~predicted)
    return np.stack([np.count_nonzero(cell, axis=(1, 2)) for cell in cells], axis=1)


def segmentation(counts: np.ndarray) -> Mapping[str, float]:
    """IoU and F-score, pooled over all pixels of the set and averaged over images, as fractions.

    Args:
        counts: what `pixel_counts` gives.
    """
    tp, fp, fn = counts[:, 0], counts[:, 1], counts[:, 2]
    return {
        "iou": _ratio(tp.sum(), (tp + fp + fn).sum()),
        "f_score": _ratio(2 * tp.sum(), (2 * tp + fp + fn).sum()),
        "iou_per_image": float(_ratios(tp, tp + fp + fn, empty=1.0).mean()),
        "f_score_per_image": float(_ratios(2 * tp, 2 * tp + fp + fn, empty=1.0).mean()),
    }


def _ratio(numerator: int, denominator: int) -> float:
    return float(numerator / denominator) if denominator else float("nan")


def _ratios(numerator: np.ndarray, denominator: np.ndarray, empty: float) -> np.ndarray:
    """Element by element; `empty` where there is nothing to divide by."""
    return np.divide(numerator, denominator, out=np.full(len(numerator), empty), where=denominator > 0)
