"""Makes, from one run's stored predictions, metrics.json (per network and ensemble), cases.csv (per test image) and
regions.csv.

The truth is the label; for runs with a teacher once more the teacher's prediction, which gives the students' fidelity.
regions.csv says of each connected region of the true masks how much of it every network marks; it is empty for classification.
"""

import argparse
import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kdml import detection, ensemble, fidelity, metrics, predictions
from kdml.errors import UserError, run_script
from kdml.files import read_csv, write_csv, write_json
from kdml.sharing import TEACHER

log = logging.getLogger(__name__)
ENSEMBLE = "ensemble"
REGION_COLUMNS = ("id", "group", "region", "area", "top", "bottom", "left", "right", "network", "share")
Row = dict[str, Any]
Scores = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Evaluation:
    """What is found out about one run.

    Args:
        scores: by network, metric.
        fidelity: likewise with the teacher's predictions as the truth; empty without a teacher.
        cases: one row per image, network and truth.
        regions: one row per region of the true masks and network.
    """

    scores: Scores
    fidelity: Scores
    cases: list[Row]
    regions: list[Row]


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of prepared arrays")
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--kind", choices=["classification", "segmentation"], required=True)
    parser.add_argument("--out", type=Path, required=True, help="metrics.json")
    parser.add_argument("--cases", type=Path, required=True, help="cases.csv")
    parser.add_argument("--regions", type=Path, required=True, help="regions.csv")
    return parser.parse_args()


def test_rows(split: Path) -> list[dict[str, str]]:
    """Test rows of a split, in its order.

    Raises:
        UserError: the split is missing or has no test rows.
    """
    rows = [row for row in read_csv(split, "make the split again", ("row", "part")) if row["part"] == "test"]
    if not rows:
        raise UserError(f"{split} has no test rows.", "make the split again")
    return rows


def with_ensemble(outputs: Mapping[str, np.ndarray], combine) -> dict[str, np.ndarray]:
    """Outputs and, where there are several students (s1, s2, ...), their ensemble."""
    students = [output for name, output in outputs.items() if name[0] == "s" and name[1:].isdigit()]
    return dict(outputs) | ({ENSEMBLE: combine(students)} if len(students) > 1 else {})


def evaluate_classification(
    stored: predictions.Predictions, rows: list[dict[str, str]], masks: np.ndarray | None
) -> Evaluation:
    """Metrics and cases of class probabilities."""
    labels = np.array([int(row["label"]) for row in rows])
    outputs = with_ensemble(stored.outputs, ensemble.largest_probability)
    classes = {name: probabilities.argmax(axis=1) for name, probabilities in outputs.items()}
    scores, faithful, cases = {}, {}, []
    for name, probabilities in outputs.items():
        count = probabilities.shape[1]
        cells = metrics.confusions(labels, classes[name], count)
        scores[name] = metrics.classification(cells)
        columns = {"target": labels, "predicted": classes[name]}
        if count == 2:
            columns["score"] = (probabilities[:, 1] / probabilities.sum(axis=1)).round(6)
            scores[name]["auc"] = metrics.auc(columns["score"], labels == 1)
        cases += _cases(name, "label", rows, columns)
    for name in _learners_of_teacher(outputs):
        cells = metrics.confusions(classes[TEACHER], classes[name], outputs[name].shape[1])
        faithful[name] = metrics.classification(cells) | {
            fidelity.IN_NATS: fidelity.predictive_kl(outputs[TEACHER], outputs[name]),
            **fidelity.agreement(classes[TEACHER], classes[name], labels),
        }
        cases += _cases(name, TEACHER, rows, {"target": classes[TEACHER], "predicted": classes[name]})
    return Evaluation(scores, faithful, cases, [])


def evaluate_segmentation(
    stored: predictions.Predictions, rows: list[dict[str, str]], masks: np.ndarray | None
) -> Evaluation:
    """Metrics, cases and regions of foreground probabilities."""
    # The union of the students' masks is where the larger probability passes the threshold.
    outputs = with_ensemble(stored.outputs, ensemble.largest_probability)
    found = {name: quantised >= predictions.THRESHOLD for name, quantised in outputs.items()}
    scores, faithful, cases = {}, {}, []
    for name, predicted in found.items():
        counts = metrics.pixel_counts(masks, predicted)
        scores[name] = metrics.segmentation(counts)
        columns = dict(zip(metrics.PIXELS, counts.T, strict=True))
        columns["false_regions"] = np.array(
            [detection.false_regions(*pair) for pair in zip(masks, predicted, strict=True)]
        )
        cases += _cases(name, "label", rows, columns)
    for name in _learners_of_teacher(outputs):
        counts = metrics.pixel_counts(found[TEACHER], found[name])
        probabilities = [fidelity.binary(predictions.dequantise(outputs[network])) for network in (TEACHER, name)]
        faithful[name] = metrics.segmentation(counts) | {
            fidelity.IN_NATS: fidelity.predictive_kl(*probabilities),
            **fidelity.agreement(found[TEACHER], found[name], masks),
        }
        cases += _cases(name, TEACHER, rows, dict(zip(metrics.PIXELS, counts.T, strict=True)))
    return Evaluation(scores, faithful, cases, list(_regions(rows, masks, found)))


EVALUATIONS = {"classification": (evaluate_classification, 2), "segmentation": (evaluate_segmentation, 3)}


def _learners_of_teacher(outputs: Mapping[str, np.ndarray]) -> list[str]:
    """Networks that are compared with the teacher of their run: none without a teacher, or where it is alone."""
    return [name for name in outputs if name != TEACHER] if TEACHER in outputs else []


def _cases(network: str, truth: str, rows: list[dict[str, str]], columns: Mapping[str, np.ndarray]) -> Iterator[Row]:
    for place, row in enumerate(rows):
        values = {name: column[place] for name, column in columns.items()}
        yield {"id": row["id"], "group": row["group"], "network": network, "truth": truth, **values}


def _regions(rows: list[dict[str, str]], masks: np.ndarray, found: Mapping[str, np.ndarray]) -> Iterator[Row]:
    for place, row in enumerate(rows):
        marked = {name: mask[place] for name, mask in found.items()}
        for number, region in enumerate(detection.regions(masks[place], marked)):
            box = dict(zip(("top", "bottom", "left", "right"), region.box, strict=True))
            for network, share in region.shares.items():
                keys = {"id": row["id"], "group": row["group"], "region": number, "area": region.area}
                yield {**keys, **box, "network": network, "share": round(share, 4)}


def check(
    stored: predictions.Predictions, rows: list[dict[str, str]], dimensions: int, arguments: argparse.Namespace
) -> None:
    """Predictions and split must be of one run.

    Raises:
        UserError: they name other images, or the outputs are of another kind of task.
    """
    if [int(row["row"]) for row in rows] != stored.rows.tolist():
        raise UserError(
            f"{arguments.predictions} was made for other test images than {arguments.split} names.",
            "train the run again with this split",
        )
    wrong = [name for name, output in stored.outputs.items() if output.ndim != dimensions]
    if wrong:
        raise UserError(
            f"{arguments.predictions}: the output of {wrong[0]} is not one of {arguments.kind}.",
            "check the task's `kind`",
        )


def undefined_as_null(scores: Scores) -> dict[str, dict[str, float | None]]:
    """JSON has no NaN; an undefined metric is null, and said in the log."""
    for network, values in scores.items():
        for metric, value in values.items():
            if math.isnan(value):
                log.warning("%s of %s is undefined: the test set has no case that it could count", metric, network)
    return {
        network: {metric: None if math.isnan(value) else value for metric, value in values.items()}
        for network, values in scores.items()
    }


def main() -> None:
    """Read, count, write."""
    arguments = parse_arguments()
    evaluate, dimensions = EVALUATIONS[arguments.kind]
    stored, rows = predictions.load(arguments.predictions), test_rows(arguments.split)
    check(stored, rows, dimensions, arguments)
    masks = None
    if arguments.kind == "segmentation":
        masks = np.load(arguments.data / "masks.npy", mmap_mode="r")[stored.rows] > 0
    found = evaluate(stored, rows, masks)
    write_csv(arguments.cases, found.cases)
    write_csv(arguments.regions, found.regions, REGION_COLUMNS)
    scores, faithful = undefined_as_null(found.scores), undefined_as_null(found.fidelity)
    write_json(arguments.out, {"kind": arguments.kind, "n": len(rows), "networks": scores, "fidelity": faithful})


if __name__ == "__main__":
    run_script(main)
