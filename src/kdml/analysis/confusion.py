"""Confusion matrices of the runs of a sheet: how many test cases of each class were named as which."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from kdml.analysis.counts import Key, Measured, OfCounts
from kdml.analysis.metrics import PIXELS
from kdml.analysis.over_seeds import over_seeds

COLUMNS = ("run", "network", "true", "predicted", "mean", "std", "seeds", "remark", "share")
BACKGROUND = "background"


def rows(runs: Iterable[Measured], kind: str, classes: Sequence[str]) -> list[dict[str, Any]]:
    """A row of `COLUMNS` per run, network, true and predicted class: test images, or pixels, mean and SD over seeds.

    Args:
        runs: measured against their labels.
        kind: of the task; the cases of a segmentation are pixels.
        classes: of a classification, or what the masks mark.

    Returns:
        `share` is that of the true class's cases, in percent; NaN where it has none.
    """
    names = classes if kind == "classification" else (BACKGROUND, *classes)
    cells = over_seeds(cell for run in runs for cell in _cells(run, names))
    totals: dict[tuple[str, ...], float] = {}
    for cell in cells:
        totals[_true(cell)] = totals.get(_true(cell), 0.0) + cell["mean"]
    return [
        cell | {"share": 100 * cell["mean"] / total if (total := totals[_true(cell)]) else np.nan} for cell in cells
    ]


def _true(cell: dict[str, Any]) -> tuple[str, ...]:
    return cell["run"], cell["network"], cell["true"]


def _cells(run: Measured, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    for key, measure in run.measures.items():
        if key in (Key(key.network, "label", "accuracy"), Key(key.network, "label", "iou")) and isinstance(
            measure, OfCounts
        ):
            square = _square(measure.counts.sum(axis=0), key.metric)
            for true, predicted in np.ndindex(square.shape):
                who = {"run": run.run, "seed": run.seed, "network": key.network}
                yield who | {"true": names[true], "predicted": names[predicted], "value": square[true, predicted]}


def _square(counts: np.ndarray, metric: str) -> np.ndarray:
    """Rows the true classes, columns the predicted ones; pixels of masks of one class are counted as tp, fp, fn, tn."""
    of_one_class = metric != "accuracy" and len(counts) == len(PIXELS)
    return (counts[[3, 1, 2, 0]] if of_one_class else counts).reshape(round(len(counts) ** 0.5), -1)
