"""Test metrics from counts: counts are summed over the data set and divided once, so batches do not matter.

Every metric is a function of counts with any leading dimensions, so that a bootstrap computes thousands of data sets at once.

Rules for what has no value of its own: an empty mask predicted empty has IoU and F-score 1 in the mean over images; the pooled
IoU of a whole set without a single lesion pixel, true or predicted, is undefined (NaN). `kdml.analysis.class_cells` has those of
classes.

Masks of several classes have the metrics of masks of one, of each class against the rest, and of them the mean over the classes
that have a value; the background is none of them (`kdml.analysis.class_pixels`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from kdml.analysis import class_cells, class_pixels, reliability, surfaces
from kdml.analysis.ratios import mean_of_known, ratio

PIXELS = ("tp", "fp", "fn", "tn")

Columns = Mapping[str, np.ndarray]
"""What was measured on the test cases of one network: a value (n,) per case under each name."""
Function = Callable[[np.ndarray], np.ndarray]
"""Counts with any leading dimensions to values."""


def pixel_sensitivity(pixels: Float[np.ndarray, "*any counts"]) -> Float[np.ndarray, "*any"]:
    """Share of the lesion's pixels that are marked, of counts (tp, fp, fn, tn); of several classes the mean over them."""
    each = class_pixels.against_the_rest(pixels)
    return mean_of_known(ratio(each[..., 0], each[..., 0] + each[..., 2]))


def pixel_specificity(pixels: Float[np.ndarray, "*any counts"]) -> Float[np.ndarray, "*any"]:
    """Share of all other pixels that are not marked, of counts (tp, fp, fn, tn); of several classes the mean over them."""
    each = class_pixels.against_the_rest(pixels)
    return mean_of_known(ratio(each[..., 3], each[..., 1] + each[..., 3]))


def pixel_balanced_accuracy(pixels: Float[np.ndarray, "*any counts"]) -> Float[np.ndarray, "*any"]:
    """Mean of sensitivity and specificity over pixels, of one of them where the other has none to count; with several classes the
    share of a class's pixels that are named so, mean over them and the background."""
    if pixels.shape[-1] != len(PIXELS):
        return class_pixels.recall_of_all(pixels)
    return mean_of_known(np.stack([pixel_sensitivity(pixels), pixel_specificity(pixels)], axis=-1))


def iou(pixels: Float[np.ndarray, "*any counts"]) -> Float[np.ndarray, "*any"]:
    """Intersection over union of counts (tp, fp, fn, tn); of several classes the mean over those that occur."""
    return mean_of_known(class_pixels.iou(pixels))


def f_score(pixels: Float[np.ndarray, "*any counts"]) -> Float[np.ndarray, "*any"]:
    """F-score, which is the Dice coefficient, of counts (tp, fp, fn, tn); of several classes the mean over those that occur."""
    return mean_of_known(class_pixels.f_score(pixels))


def pixel_counts(truth: Bool[np.ndarray, "n h w"], predicted: Bool[np.ndarray, "n h w"]) -> Int[np.ndarray, "n 4"]:
    """Per image true positive, false positive, false negative and true negative pixels.

    Raises:
        ValueError: shapes differ.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"masks {truth.shape} and predictions {predicted.shape}")
    cells = (truth & predicted, ~truth & predicted, truth & ~predicted, ~truth & ~predicted)
    return np.stack([np.count_nonzero(cell, axis=(1, 2)) for cell in cells], axis=1)


def share(counts: Float[np.ndarray, "*any counts"]) -> Float[np.ndarray, "*any"]:
    """First count over second; NaN where there is nothing."""
    return ratio(counts[..., 0], counts[..., 1])


def _cells(columns: Columns, classes: int) -> np.ndarray:
    return class_cells.confusions(np.asarray(columns["target"]), np.asarray(columns["predicted"]), classes)


def pixel_columns(columns: Columns, classes: int = 0) -> np.ndarray:
    """Pixels of every case: tp, fp, fn, tn; of masks of several classes by true and by predicted class.

    Args:
        columns: of the cases.
        classes: of the task, which says nothing of masks.
    """
    cells = [name for name in columns if name.startswith(class_pixels.PREFIX)]
    return np.stack([columns[name] for name in (cells if len(cells) > len(PIXELS) else PIXELS)], axis=1)


def _bins(columns: Columns, classes: int) -> np.ndarray:
    """Images by bins of the probability of the second of two classes, or of the one of several that is predicted."""
    certainty, predicted = 1 - np.asarray(columns["uncertainty"]), np.asarray(columns["predicted"])
    if classes == 2:
        return reliability.bins(np.where(predicted == 1, certainty, 1 - certainty), np.asarray(columns["target"]) == 1)
    return reliability.bins(certainty, np.asarray(columns["target"]) == predicted)


def _scaled_bins(columns: Columns, classes: int) -> np.ndarray:
    return _bins({**columns, "uncertainty": columns["uncertainty_scaled"]}, classes)


def _pixel_bins(prefix: str) -> Callable[[Columns, int], np.ndarray]:
    return lambda columns, classes: np.stack([columns[f"{prefix}{name}"] for name in reliability.COLUMNS], axis=1)


def _columns_of_bins(prefix: str) -> frozenset[str]:
    return frozenset(f"{prefix}{name}" for name in reliability.COLUMNS)


def _each(value: Callable[[Columns], np.ndarray]) -> Callable[[Columns, int], np.ndarray]:
    """Counts whose share is the mean over cases of a value that each has."""

    def counts(columns: Columns, classes: int) -> np.ndarray:
        values = np.asarray(value(columns), dtype=float)
        return np.stack([values, np.ones_like(values)], axis=1)

    return counts


def _known(name: str) -> Callable[[Columns, int], np.ndarray]:
    """Counts whose share is the mean over the cases that have a value."""

    def counts(columns: Columns, classes: int) -> np.ndarray:
        values = np.asarray(columns[name], dtype=float)
        return np.stack([np.nan_to_num(values), ~np.isnan(values)], axis=1)

    return counts


def _pair(hits: str, among: str) -> Callable[[Columns, int], np.ndarray]:
    return lambda columns, classes: np.stack([columns[hits], columns[among]], axis=1)


def _of_image(metric: Function) -> Callable[[Columns], np.ndarray]:
    """A metric of every single image; an empty mask that is predicted empty counts as 1."""
    return lambda columns: np.nan_to_num(metric(pixel_columns(columns)), nan=1.0)


def _own_of_groups(sums: np.ndarray) -> np.ndarray:
    """Counts whose share is the mean over groups of the IoU of their own pixels."""
    own = np.nan_to_num(iou(sums), nan=1.0)
    return np.stack([own, np.ones_like(own)], axis=-1)


@dataclass(frozen=True)
class Metric:
    """A number that networks are judged by: how it is computed, and all that tables and figures have to know of it.

    Args:
        name: in files.
        title: in tables and figures.
        kind: of the task.
        truths: against which it is measured: `label`, `teacher` (fidelity).
        columns: of the cases that it is computed from.
        of_cases: (columns, number of classes) to counts (n, k) of every case.
        of_counts: sums of counts to the value, as a fraction, or in nats.
        of_groups: sums of counts by group to other counts, for what is a mean over groups; None for what is not.
        unit: of the value that is shown: `%`, `px` for pixels, `mm`, `nats`, or `1` for a number without one.
        higher_is_better: whether a larger value is a better one.
        is_primary: whether tasks of its kind are judged by it.
        is_count: whether it is a share of test cases, counted one by one.
    """

    name: str
    title: str
    kind: str
    truths: tuple[str, ...]
    columns: frozenset[str]
    of_cases: Callable[[Columns, int], np.ndarray]
    of_counts: Function
    of_groups: Function | None = None
    unit: str = "%"
    higher_is_better: bool = True
    is_primary: bool = False
    is_count: bool = False

    @property
    def scale(self) -> float:
        """Factor from the computed value to the shown one."""
        return 100.0 if self.unit == "%" else 1.0


_BOTH, _LABEL, _TEACHER = ("label", "teacher"), ("label",), ("teacher",)
_CLASSES, _PIXELS = frozenset({"target", "predicted"}), frozenset(PIXELS)


def _calibration_metrics(
    kind: str, columns: frozenset[str], of_cases: Callable[[Columns, int], np.ndarray]
) -> Iterator[Metric]:
    yield Metric(
        "brier", "Brier score", kind, _LABEL, frozenset({"brier"}), _each(lambda columns: columns["brier"]), share,
        unit="1", higher_is_better=False,
    )  # fmt: skip
    yield Metric("ece", "ECE", kind, _LABEL, columns, of_cases, reliability.calibration_error, higher_is_better=False)


def _scaled_metrics(
    kind: str, columns: frozenset[str], of_cases: Callable[[Columns, int], np.ndarray]
) -> Iterator[Metric]:
    """Calibration with the temperature that validation gives, and that temperature."""
    for name, title in {"brier_scaled": "Brier score, scaled", "temperature": "Temperature"}.items():
        yield Metric(
            name, title, kind, _LABEL, frozenset({name}), _known(name), share, unit="1", higher_is_better=False
        )
    error = reliability.calibration_error
    yield Metric("ece_scaled", "ECE, scaled", kind, _LABEL, columns, of_cases, error, higher_is_better=False)


def _region_metrics() -> Iterator[Metric]:
    """Calibration of marked regions, without a temperature and with one."""
    for prefix, name, title in (
        (reliability.OF_REGIONS, "", ""),
        (reliability.SCALED_OF_REGIONS, "_scaled", ", scaled"),
    ):
        columns, squares = _columns_of_bins(prefix), f"{prefix}{reliability.SQUARES}"
        yield Metric(
            f"region_brier{name}", f"Brier score of regions{title}", "segmentation", _LABEL, columns | {squares},
            _squares(prefix, squares), share, unit="1", higher_is_better=False,
        )  # fmt: skip
        yield Metric(
            f"region_ece{name}", f"ECE of regions{title}", "segmentation", _LABEL, columns, _pixel_bins(prefix),
            reliability.calibration_error, higher_is_better=False,
        )  # fmt: skip


def _squares(prefix: str, squares: str) -> Callable[[Columns, int], np.ndarray]:
    """Sums of squared distances over the regions of every image, and the number of these regions."""

    def of_cases(columns: Columns, classes: int) -> np.ndarray:
        counts = [columns[f"{prefix}bin{number}_{reliability.COUNTS[0]}"] for number in range(reliability.BINS)]
        return np.stack([columns[squares], np.sum(counts, axis=0)], axis=1)

    return of_cases


def _agreement_metrics(kind: str) -> Iterator[Metric]:
    yield Metric(
        "predictive_kl", "KL (nats)", kind, _TEACHER, frozenset({"kl"}), _each(lambda columns: columns["kl"]), share,
        unit="nats", higher_is_better=False,
    )  # fmt: skip
    for where in ("right", "wrong"):
        name, needed = f"agreement_where_{where}", frozenset({where, f"{where}_same"})
        yield Metric(name, f"Agreement, T {where}", kind, _TEACHER, needed, _pair(f"{where}_same", where), share)


def _surface_metrics(names: tuple[str, str], unit: str) -> Iterator[Metric]:
    """How far outlines are apart, in pixels or in millimetres."""
    far, met = names
    yield Metric(
        far, f"HD95 ({unit})", "segmentation", _LABEL, frozenset({far}), _known(far), share, unit=unit, higher_is_better=False
    )  # fmt: skip
    yield Metric(
        met, f"NSD at {surfaces.TOLERANCE:g} {unit}", "segmentation", _LABEL, frozenset({met}), _known(met), share
    )


METRICS: tuple[Metric, ...] = (
    Metric("accuracy", "Accuracy", "classification", _BOTH, _CLASSES, _cells, class_cells.accuracy, is_primary=True, is_count=True),
    Metric("precision", "Precision", "classification", _BOTH, _CLASSES, _cells, class_cells.precision),
    Metric("recall", "Recall", "classification", _BOTH, _CLASSES, _cells, class_cells.recall),
    Metric("sensitivity", "Sensitivity", "classification", _LABEL, _CLASSES, _cells, class_cells.sensitivity, is_count=True),
    Metric("specificity", "Specificity", "classification", _LABEL, _CLASSES, _cells, class_cells.specificity, is_count=True),
    Metric("balanced_accuracy", "Balanced accuracy", "classification", _LABEL, _CLASSES, _cells, class_cells.balanced_accuracy),
    *_calibration_metrics("classification", _CLASSES | {"uncertainty"}, _bins),
    *_scaled_metrics("classification", _CLASSES | {"uncertainty_scaled"}, _scaled_bins),
    *_agreement_metrics("classification"),
    Metric("iou", "IoU", "segmentation", _BOTH, _PIXELS, pixel_columns, iou, is_primary=True),
    Metric("f_score", "F-score", "segmentation", _BOTH, _PIXELS, pixel_columns, f_score),
    Metric("iou_per_image", "IoU, mean of images", "segmentation", _BOTH, _PIXELS, _each(_of_image(iou)), share),
    Metric("f_score_per_image", "F-score, mean of images", "segmentation", _BOTH, _PIXELS, _each(_of_image(f_score)), share),
    Metric("iou_per_group", "IoU, mean of groups", "segmentation", _BOTH, _PIXELS, pixel_columns, share, _own_of_groups),
    Metric("sensitivity", "Sensitivity", "segmentation", _LABEL, _PIXELS, pixel_columns, pixel_sensitivity),
    Metric("specificity", "Specificity", "segmentation", _LABEL, _PIXELS, pixel_columns, pixel_specificity),
    Metric(
        class_pixels.BALANCED, "Balanced accuracy", "segmentation", _LABEL, _PIXELS, pixel_columns, pixel_balanced_accuracy
    ),
    Metric(
        "false_regions", "False regions per 100 images", "segmentation", _LABEL, frozenset({"false_regions"}),
        _each(lambda columns: columns["false_regions"]), share, higher_is_better=False,
    ),
    *_surface_metrics(surfaces.IN_PIXELS, "px"),
    *_surface_metrics(surfaces.IN_MILLIMETRES, "mm"),
    *_calibration_metrics("segmentation", _columns_of_bins(""), _pixel_bins("")),
    *_scaled_metrics("segmentation", _columns_of_bins(reliability.SCALED), _pixel_bins(reliability.SCALED)),
    *_region_metrics(),
    *_agreement_metrics("segmentation"),
)  # fmt: skip
# What is measured otherwise than on counts of cases: areas under curves, on scores or in an order, and regions by their size.
FOUND = "found"
AUC, AURC, AURC_DISAGREEMENT, AURC_GAIN = "auc", "aurc", "aurc_disagreement", "aurc_gain"
TITLES: Mapping[str, str] = {
    **{metric.name: metric.title for metric in METRICS},
    AUC: "AUC",
    AURC: "AURC",
    AURC_DISAGREEMENT: "AURC by disagreement",
    AURC_GAIN: "AURC gained by disagreement",
    FOUND: "Regions found",
    **{f"found_{size}": f"{size.capitalize()} regions found" for size in ("small", "medium", "large")},
}
PRIMARY: Mapping[str, str] = {metric.kind: metric.name for metric in METRICS if metric.is_primary}
# Of outputs with a temperature.
AFTER_SCALING = ("brier_scaled", "ece_scaled", "temperature", "region_brier_scaled", "region_ece_scaled")
_LATER = (*surfaces.IN_PIXELS, *surfaces.IN_MILLIMETRES, *AFTER_SCALING, "region_brier", "region_ece")
_SCALES: Mapping[str, float] = {metric.name: metric.scale for metric in METRICS}
_DIGITS: Mapping[str, float] = {metric.name: 100.0 if metric.unit in ("%", "px", "mm") else 1.0 for metric in METRICS}


def of_truth(kind: str, truth: str) -> list[Metric]:
    """Metrics of a kind of task against a truth, in the order in which they are shown.

    Args:
        kind: classification or segmentation.
        truth: `label` or `teacher`.
    """
    return [metric for metric in METRICS if metric.kind == kind and truth in metric.truths]


def columns_of(kind: str, truth: str) -> list[str]:
    """Columns of the cases that the metrics of a kind of task against a truth are computed from; those that tables of earlier
    versions lack, and no comparison of runs needs, may be missing.

    Args:
        kind: classification or segmentation.
        truth: `label` or `teacher`.
    """
    return sorted(frozenset().union(*(one.columns for one in of_truth(kind, truth) if one.name not in _LATER)))


def scale_of(name: str) -> float:
    """Factor from a metric's computed value to the shown one: 100 for percent, else 1."""
    return _SCALES.get(name, 100.0)


def digits_scale_of(name: str) -> float:
    """Scale by which the digits of a shown value are chosen: 100 for percent and pixels, 1 for what is two digits finer."""
    return _DIGITS.get(name, 100.0)


def of_guessing(metric: Metric, target: np.ndarray, classes: int) -> float:
    """Value of a metric for naming the most frequent class of the test set every time, as a fraction; NaN for one that is
    computed from more than `target` and `predicted`.

    Args:
        metric: of a classification.
        target: true classes, (n,).
        classes: their number.
    """
    if metric.columns != _CLASSES:
        return float("nan")
    guessed = {"target": target, "predicted": np.full_like(target, np.bincount(target).argmax())}
    return float(metric.of_counts(metric.of_cases(guessed, classes).sum(axis=0)))
