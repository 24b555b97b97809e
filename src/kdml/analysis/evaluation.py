"""What a run's stored predictions say: metrics of its networks and their ensemble, cases, and regions of the true masks.

The truth is the label; for runs with a teacher once more the teacher's prediction, which gives the students' fidelity.
"""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kdml.analysis import fidelity, metrics, regions
from kdml.analysis.ensemble import with_ensemble
from kdml.common.errors import UserError
from kdml.common.files import read_csv
from kdml.runs.graph import TEACHER
from kdml.runs.predictions import Predictions, marked

log = logging.getLogger(__name__)
REGION_COLUMNS = ("id", "group", "region", "area", "top", "bottom", "left", "right", "network", "share")
DIMENSIONS: Mapping[str, int] = {"classification": 2, "segmentation": 3}  # of a network's output
SPLIT_AGAIN = "make the split again"

Row = dict[str, Any]
SplitRows = Sequence[Mapping[str, str]]
Scores = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Evaluation:
    """What is found out about one run.

    Args:
        scores: by network, metric.
        fidelity: likewise with the teacher's predictions as the truth; empty without a teacher.
        cases: one row per image, network and truth.
        regions: one row per region of the true masks and network; empty for classification.
    """

    scores: Scores
    fidelity: Scores
    cases: list[Row]
    regions: list[Row]


def tested_rows(split: Path) -> list[dict[str, str]]:
    """Test rows of a split, in its order.

    Args:
        split: CSV of the split.

    Raises:
        UserError: the split is missing or has no test rows.
    """
    rows = [row for row in read_csv(split, SPLIT_AGAIN, ("row", "part")) if row["part"] == "test"]
    if not rows:
        raise UserError(f"{split} has no test rows.", SPLIT_AGAIN)
    return rows


def true_masks(data: Path, rows: np.ndarray) -> np.ndarray:
    """Masks of some rows of the prepared arrays, (n, h, w) bool.

    Args:
        data: folder of the arrays.
        rows: of them.

    Raises:
        UserError: there are no masks.
    """
    path = data / "masks.npy"
    try:
        return np.load(path, mmap_mode="r")[rows] > 0
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}).", "run src/prepare.py again") from None


def check(stored: Predictions, rows: SplitRows, kind: str, names: tuple[Path, Path]) -> None:
    """Predictions and split must be of one run.

    Args:
        stored: predictions of a run.
        rows: of its split's test part.
        kind: of its task.
        names: files of both, for the message.

    Raises:
        UserError: they name other images, or the outputs are of another kind of task.
    """
    if [int(row["row"]) for row in rows] != stored.rows.tolist():
        raise UserError(
            f"{names[0]} was made for other test images than {names[1]} names.", "train the run again with this split"
        )
    wrong = [name for name, output in stored.outputs.items() if output.ndim != DIMENSIONS[kind]]
    if wrong:
        raise UserError(f"{names[0]}: the output of {wrong[0]} is not one of {kind}.", "check the task's `kind`")


def of_classification(stored: Predictions, rows: SplitRows) -> Evaluation:
    """Metrics and cases of class probabilities.

    Args:
        stored: predictions of a run.
        rows: of the split's test part, in the same order.
    """
    labels = np.array([int(row["label"]) for row in rows])
    outputs = with_ensemble(stored.outputs)
    classes = {name: probabilities.argmax(axis=1) for name, probabilities in outputs.items()}
    scores, faithful, cases = {}, {}, []
    for name, probabilities in outputs.items():
        count = probabilities.shape[1]
        scores[name] = metrics.classification(metrics.confusions(labels, classes[name], count))
        columns = {"target": labels, "predicted": classes[name]}
        if count == 2:
            columns["score"] = (probabilities[:, 1] / probabilities.sum(axis=1)).round(6)
            scores[name]["auc"] = metrics.auc(columns["score"], labels == 1)
        cases += _cases(name, "label", rows, columns)
    for name in _learners_of_teacher(outputs):
        agreement = fidelity.agreement(classes[TEACHER], classes[name], labels)
        faithful[name] = fidelity.of_outputs(outputs[TEACHER], outputs[name]) | agreement
        cases += _cases(name, TEACHER, rows, {"target": classes[TEACHER], "predicted": classes[name]})
    return Evaluation(scores, faithful, cases, [])


def of_segmentation(stored: Predictions, rows: SplitRows, masks: np.ndarray) -> Evaluation:
    """Metrics, cases and regions of foreground probabilities.

    Args:
        stored: predictions of a run.
        rows: of the split's test part, in the same order.
        masks: true ones (n, h, w), likewise.
    """
    # The union of the students' masks is where the larger probability passes the threshold.
    outputs = with_ensemble(stored.outputs)
    found = {name: marked(quantised) for name, quantised in outputs.items()}
    scores, faithful, cases = {}, {}, []
    for name, predicted in found.items():
        counts = metrics.pixel_counts(masks, predicted)
        scores[name] = metrics.segmentation(counts)
        columns = dict(zip(metrics.PIXELS, counts.T, strict=True))
        pairs = zip(masks, predicted, strict=True)
        columns["false_regions"] = np.array([regions.false_regions(*pair) for pair in pairs])
        cases += _cases(name, "label", rows, columns)
    for name in _learners_of_teacher(outputs):
        agreement = fidelity.agreement(found[TEACHER], found[name], masks)
        faithful[name] = fidelity.of_outputs(outputs[TEACHER], outputs[name]) | agreement
        counts = metrics.pixel_counts(found[TEACHER], found[name])
        cases += _cases(name, TEACHER, rows, dict(zip(metrics.PIXELS, counts.T, strict=True)))
    return Evaluation(scores, faithful, cases, list(_regions(rows, masks, found)))


def _learners_of_teacher(outputs: Mapping[str, np.ndarray]) -> list[str]:
    """Networks that are compared with the teacher of their run: none without a teacher, or where it is alone."""
    return [name for name in outputs if name != TEACHER] if TEACHER in outputs else []


def _cases(network: str, truth: str, rows: SplitRows, columns: Mapping[str, np.ndarray]) -> Iterator[Row]:
    for place, row in enumerate(rows):
        values = {name: column[place] for name, column in columns.items()}
        yield {"id": row["id"], "group": row["group"], "network": network, "truth": truth, **values}


def _regions(rows: SplitRows, masks: np.ndarray, found: Mapping[str, np.ndarray]) -> Iterator[Row]:
    for place, row in enumerate(rows):
        marks = {name: mask[place] for name, mask in found.items()}
        for number, region in enumerate(regions.regions(masks[place], marks)):
            box = dict(zip(("top", "bottom", "left", "right"), region.box, strict=True))
            for network, share in region.shares.items():
                keys = {"id": row["id"], "group": row["group"], "region": number, "area": region.area}
                yield {**keys, **box, "network": network, "share": round(share, 4)}


def undefined_as_null(scores: Scores) -> dict[str, dict[str, float | None]]:
    """JSON has no NaN; an undefined metric is null, and said in the log.

    Args:
        scores: by network, metric.
    """
    for network, values in scores.items():
        for metric, value in values.items():
            if math.isnan(value):
                log.warning("%s of %s is undefined: the test set has no case that it could count", metric, network)
    return {
        network: {metric: None if math.isnan(value) else value for metric, value in values.items()}
        for network, values in scores.items()
    }
