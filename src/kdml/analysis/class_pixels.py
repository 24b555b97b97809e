"""Pixels of masks of several exclusive classes, counted by true and by predicted class, as columns of the cases.

The background is class 0. What is measured on masks of one class is measured of each class against the rest; with the background
and one class alone all of it is what masks of one class have.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from jaxtyping import Float, Int, UInt8

from kdml.analysis import regions, reliability, surfaces
from kdml.analysis.class_cells import diagonal, squared
from kdml.analysis.ratios import mean_of_known, ratio
from kdml.runs.predictions import classes_of, dequantise

PREFIX = "pixels_"  # of columns
OF_CLASS = "_of_class_"  # between a metric's name and the number of a class
ONE_CLASS = 4  # counts of masks of one class: tp, fp, fn, tn
BALANCED = "balanced_accuracy"  # metric of masks that all constant ones have alike


def names(classes: int) -> list[str]:
    """Columns of the cases that hold counts of pixels by true and by predicted class, rows of a confusion matrix one by one.

    Args:
        classes: their number, with the background.
    """
    return [f"{PREFIX}{true}_{predicted}" for true in range(classes) for predicted in range(classes)]


def balanced_accuracy_of_constant_masks(metrics: Iterable[str]) -> float:
    """Balanced accuracy, as a fraction, of masks that mark nothing, everything, or one class everywhere: each has the same.

    Args:
        metrics: names of all that is measured on the masks; those of masks of several classes have some for each class.
    """
    classes = {name.partition(OF_CLASS)[2] for name in metrics} - {""}
    return 1 / (1 + max(1, len(classes)))


def counted(
    truth: UInt8[np.ndarray, "n h w"], predicted: UInt8[np.ndarray, "n h w"], classes: int
) -> Int[np.ndarray, "n cells"]:
    """Pixels of every image by true and by predicted class, in the order of `names`.

    Raises:
        ValueError: shapes differ.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"masks {truth.shape} and predictions {predicted.shape}")
    cells = truth.astype(np.intp) * classes + predicted
    return np.stack([np.bincount(image.ravel(), minlength=classes**2) for image in cells])


def against_the_rest(counts: Float[np.ndarray, "*any counts"]) -> Float[np.ndarray, "*any classes 4"]:
    """Pixels tp, fp, fn, tn of every class but the background.

    Args:
        counts: these four where there is one class, else by true and by predicted class.
    """
    if counts.shape[-1] == ONE_CLASS:
        return counts[..., None, :]
    square = squared(counts)
    hits = diagonal(square)
    true, named = square.sum(axis=-1), square.sum(axis=-2)
    others = square.sum(axis=(-2, -1))[..., None] - true - named + hits
    return np.stack([hits, named - hits, true - hits, others], axis=-1)[..., 1:, :]


def recall_of_all(counts: Float[np.ndarray, "*any cells"]) -> Float[np.ndarray, "*any"]:
    """Share of the pixels of a class that are named so, mean over the background and all classes that have pixels."""
    square = squared(counts)
    return mean_of_known(ratio(diagonal(square), square.sum(axis=-1)))


def iou(pixels: Float[np.ndarray, "*any counts"]) -> Float[np.ndarray, "*any classes"]:
    """Intersection over union of every class but the background; NaN for one that is neither true nor predicted."""
    each = against_the_rest(pixels)
    return ratio(each[..., 0], each[..., :3].sum(axis=-1))


def f_score(pixels: Float[np.ndarray, "*any counts"]) -> Float[np.ndarray, "*any classes"]:
    """F-score of every class but the background, NaN for one that is neither true nor predicted; F = 2 IoU / (1 + IoU)."""
    each = against_the_rest(pixels)
    return ratio(2 * each[..., 0], each[..., 0] + each[..., :3].sum(axis=-1))


OF_ALL: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {"iou": iou, "f_score": f_score}


def by_class(cells: int) -> Iterator[tuple[str, Callable[[np.ndarray], np.ndarray]]]:
    """Metrics of every class of masks that have several, by name: functions of pixels by true and by predicted class.

    Args:
        cells: how many counts there are.
    """
    for number in range(1, round(cells**0.5)) if cells > ONE_CLASS else ():
        for name, values in OF_ALL.items():
            yield f"{name}{OF_CLASS}{number}", partial(_of_class, values, number)


def _of_class(values: Callable[[np.ndarray], np.ndarray], number: int, counts: np.ndarray) -> np.ndarray:
    return values(counts)[..., number - 1]


def counts(
    truth: UInt8[np.ndarray, "n h w"], predicted: UInt8[np.ndarray, "n h w"], classes: int
) -> dict[str, np.ndarray]:
    """Pixels of every image: by true and by predicted class, and `tp`, `fp`, `fn`, `tn`, sums over the classes of each against the
    rest."""
    cells = counted(truth, predicted, classes)
    summed = against_the_rest(cells).sum(axis=1) if classes > 2 else cells[:, [3, 1, 2, 0]]
    return dict(zip(("tp", "fp", "fn", "tn"), summed.T, strict=True)) | dict(zip(names(classes), cells.T, strict=True))


def columns(
    quantised: UInt8[np.ndarray, "n K h w"],
    truth: UInt8[np.ndarray, "n h w"],
    temperature: float | None = None,
    spacing: Float[np.ndarray, "n 2"] | None = None,
) -> dict[str, np.ndarray]:
    """What a network does with every image: pixels by true and predicted class, marked regions of a class that touch none of it,
    how far outlines are off (mean over the classes that the image has), and what the probabilities are worth.

    Args:
        quantised: probabilities of the background and the classes.
        truth: class of every pixel.
        temperature: with which the probabilities are looked at, too.
        spacing: millimetres between pixels, down and across; None for distances in pixels.
    """
    classes, predicted = quantised.shape[1], classes_of(quantised)
    pairs = zip(truth, predicted, strict=True)
    return (
        counts(truth, predicted, classes)
        | {"false_regions": np.array([_false_regions(*pair, classes) for pair in pairs])}
        | _surfaces(truth, predicted, classes, spacing)
        | _calibration(quantised, truth, None)
        | ({} if temperature is None else _calibration(quantised, truth, temperature))
    )


def _surfaces(
    truth: np.ndarray, predicted: np.ndarray, classes: int, spacing: np.ndarray | None
) -> dict[str, np.ndarray]:
    each = [surfaces.of_images(truth == number, predicted == number, spacing) for number in range(1, classes)]
    return {
        name: mean_of_known(np.stack([one[name] for one in each], axis=-1)).round(reliability.DECIMALS)
        for name in each[0]
    }


def _calibration(quantised: np.ndarray, truth: np.ndarray, temperature: float | None) -> dict[str, np.ndarray]:
    """What the probabilities of every image are worth, as they are or with a temperature."""
    worth = [_worth(*one, temperature) for one in zip(quantised, truth, strict=True)]
    values = {name: np.stack([one[name] for one in worth]).round(reliability.DECIMALS) for name in worth[0]}
    prefix = "" if temperature is None else reliability.SCALED
    counts = {
        f"{prefix}{name}{column}": value
        for name, columns, bins in (
            ("", reliability.COLUMNS, values["pixels"]),
            (reliability.OF_REGIONS, reliability.COLUMNS_OF_REGIONS, values["regions"]),
        )
        for column, value in zip(columns, bins.T, strict=True)
    }
    if temperature is None:
        return counts | {name: values[name] for name in ("uncertainty", "brier")}
    known = np.full(len(truth), round(temperature, reliability.DECIMALS))
    return counts | {"brier_scaled": values["brier"], "temperature": known}


def _false_regions(truth: np.ndarray, predicted: np.ndarray, classes: int) -> int:
    return sum(regions.false_regions(truth == number, predicted == number) for number in range(1, classes))


def _worth(quantised: np.ndarray, truth: np.ndarray, temperature: float | None) -> dict[str, np.ndarray]:
    """Means over the pixels of an image of uncertainty and Brier score, pixels by bins of the probability (of the class that is
    predicted, and of two of the second, as in classification), and marked regions of every class by that of the class."""
    chances = dequantise(quantised).astype(float)
    chances /= chances.sum(axis=0)  # those of an ensemble add up to more or less than 1
    if temperature is not None:
        chances = reliability.scaled(chances, temperature, axis=0)
    predicted = quantised.argmax(axis=0)
    largest, is_true = chances.max(axis=0), np.arange(len(chances))[:, None, None] == truth
    named, came_true = largest, np.take_along_axis(is_true, predicted[None], axis=0)[0]
    if len(chances) == 2:
        named, came_true = chances[1], is_true[1]
    of_regions = (
        reliability.bins_of_regions(predicted == number, is_true[number], [chances[number]])[0]
        for number in range(1, len(chances))
    )
    return {
        "uncertainty": (1 - largest).mean(),
        "brier": np.square(chances - is_true).sum(axis=0).mean() / 2,
        "pixels": reliability.bins_of_pixels(named.ravel(), came_true.ravel()),
        "regions": np.sum(list(of_regions), axis=0),
    }


def of_ensemble(students: Sequence[UInt8[np.ndarray, "n K h w"]]) -> UInt8[np.ndarray, "n K h w"]:
    """Probabilities of the students' ensemble: of each class the largest of any student, of the background the smallest.

    So all that any student marks is marked. With one class that is the union of the students' masks, as in the paper; with more,
    also a pixel where all students prefer the background, but one gives a class more than another leaves to the background.
    """
    together = np.maximum.reduce(list(students))
    together[:, 0] = np.minimum.reduce([one[:, 0] for one in students])
    return together
