"""Makes metrics.json (per network and ensemble) and cases.csv (per test image) of one run from its stored predictions."""

import argparse
import csv
import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kdml import ensemble, metrics, predictions
from kdml.errors import UserError, run_script
from kdml.files import write_csv, write_json

log = logging.getLogger(__name__)
ENSEMBLE = "ensemble"
Case = dict[str, Any]


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of prepared arrays")
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--kind", choices=["classification", "segmentation"], required=True)
    parser.add_argument("--out", type=Path, required=True, help="metrics.json")
    parser.add_argument("--cases", type=Path, required=True, help="cases.csv")
    return parser.parse_args()


def test_rows(split: Path) -> list[dict[str, str]]:
    """Test rows of a split, in its order.

    Raises:
        UserError: the split is missing or has no test rows.
    """
    try:
        with open(split, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row.get("part") == "test"]
    except FileNotFoundError:
        raise UserError(f"{split} does not exist.", "run src/split.py first") from None
    if not rows:
        raise UserError(f"{split} has no test rows.", "make the split again")
    return rows


def students(outputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Outputs of the students alone: s1, s2, ..."""
    return [output for name, output in outputs.items() if name[0] == "s" and name[1:].isdigit()]


def evaluate_classification(stored: predictions.Predictions, rows: list[dict[str, str]], data: Path):
    """Metrics and cases of class probabilities."""
    target = np.array([int(row["label"]) for row in rows])
    outputs = dict(stored.outputs)
    if len(students(outputs)) > 1:
        outputs[ENSEMBLE] = ensemble.largest_probability(students(outputs))
    scores, cases = {}, []
    for name, probabilities in outputs.items():
        predicted = probabilities.argmax(axis=1)
        scores[name] = metrics.classification(metrics.confusion(target, predicted, probabilities.shape[1]))
        of_target = probabilities[np.arange(len(target)), target]
        columns = {"target": target, "predicted": predicted, "probability_of_target": of_target.round(6)}
        cases += _cases(name, rows, columns)
    return scores, cases


def evaluate_segmentation(stored: predictions.Predictions, rows: list[dict[str, str]], data: Path):
    """Metrics and cases of foreground probabilities."""
    masks = np.load(data / "masks.npy", mmap_mode="r")[stored.rows] > 0
    found = {name: quantised >= predictions.THRESHOLD for name, quantised in stored.outputs.items()}
    if len(students(found)) > 1:
        found[ENSEMBLE] = ensemble.union(students(found))
    scores, cases = {}, []
    for name, predicted in found.items():
        counts = metrics.pixel_counts(masks, predicted)
        scores[name] = metrics.segmentation(counts)
        cases += _cases(name, rows, dict(zip(("tp", "fp", "fn", "tn"), counts.T, strict=True)))
    return scores, cases


EVALUATIONS = {"classification": (evaluate_classification, 2), "segmentation": (evaluate_segmentation, 3)}


def _cases(network: str, rows: list[dict[str, str]], columns: Mapping[str, np.ndarray]) -> Iterator[Case]:
    for place, row in enumerate(rows):
        values = {name: column[place] for name, column in columns.items()}
        yield {"id": row["id"], "group": row["group"], "network": network, **values}


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


def undefined_as_null(scores: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """JSON has no NaN; an undefined metric is null, and said in the log."""
    for network, values in scores.items():
        for metric, value in values.items():
            if math.isnan(value):
                log.warning("%s of %s is undefined: no lesion pixel in truth or prediction", metric, network)
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
    scores, cases = evaluate(stored, rows, arguments.data)
    write_csv(arguments.cases, cases)
    write_json(arguments.out, {"kind": arguments.kind, "n": len(rows), "networks": undefined_as_null(scores)})


if __name__ == "__main__":
    run_script(main)
