"""Metrics of a classification from the cells of its confusion matrix, flattened, with any leading dimensions.

A class that is neither true nor predicted in any case does not count; one that is never predicted has precision 0, one that is
only predicted recall 0, all as in scikit-learn with zero_division=0.
"""

import numpy as np
from jaxtyping import Float, Int

from kdml.analysis.ratios import mean_of_known, ratio


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
    square = squared(cells)
    return ratio(diagonal(square).sum(axis=-1), square.sum(axis=(-2, -1)))


def precision(cells: Float[np.ndarray, "*any cells"]) -> Float[np.ndarray, "*any"]:
    """Precision averaged over all classes that occur, true or predicted (macro)."""
    square = squared(cells)
    return _macro(ratio(diagonal(square), square.sum(axis=-2), empty=0.0), square)


def recall(cells: Float[np.ndarray, "*any cells"]) -> Float[np.ndarray, "*any"]:
    """Recall averaged over all classes that occur, true or predicted (macro)."""
    square = squared(cells)
    return _macro(ratio(diagonal(square), square.sum(axis=-1), empty=0.0), square)


def sensitivity(cells: Float[np.ndarray, "*any cells"]) -> Float[np.ndarray, "*any"]:
    """Share of the cases of a class that are named so: the second one of two, of several the mean over those that have cases
    (macro, one against the rest)."""
    square = squared(cells)
    return _one_against_the_rest(_recalls(square), square)


def specificity(cells: Float[np.ndarray, "*any cells"]) -> Float[np.ndarray, "*any"]:
    """Share of the cases of all other classes that are not named so: against the second one of two, of several the mean over those
    that have cases (macro, one against the rest)."""
    square = squared(cells)
    true, named = square.sum(axis=-1), square.sum(axis=-2)
    others = true.sum(axis=-1, keepdims=True) - true
    return _one_against_the_rest(ratio(others - named + diagonal(square), others), square)


def balanced_accuracy(cells: Float[np.ndarray, "*any cells"]) -> Float[np.ndarray, "*any"]:
    """Share of the cases of a class that are named so, mean over all classes that have cases."""
    return mean_of_known(_recalls(squared(cells)))


def _recalls(square: np.ndarray) -> np.ndarray:
    """Share of each class's cases that are named so; NaN for a class without cases."""
    return ratio(diagonal(square), square.sum(axis=-1))


def _one_against_the_rest(by_class: np.ndarray, square: np.ndarray) -> np.ndarray:
    """The second one's value of two classes, else the mean over the classes that have cases."""
    if by_class.shape[-1] == 2:
        return by_class[..., 1]
    return mean_of_known(np.where(square.sum(axis=-1) > 0, by_class, np.nan))


def _macro(by_class: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Mean over the classes that occur; a test set's absent class says nothing of a network."""
    occurs = (square.sum(axis=-1) + square.sum(axis=-2)) > 0
    return ratio((by_class * occurs).sum(axis=-1), occurs.sum(axis=-1))


def squared(cells: np.ndarray) -> np.ndarray:
    """Flattened confusion matrices, rows the true classes, as matrices."""
    classes = round(cells.shape[-1] ** 0.5)
    return cells.reshape(*cells.shape[:-1], classes, classes)


def diagonal(square: np.ndarray) -> np.ndarray:
    """What is named rightly of every class, of confusion matrices (..., K, K)."""
    return np.diagonal(square, axis1=-2, axis2=-1)
