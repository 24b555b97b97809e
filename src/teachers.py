"""Makes one CSV of how far independently seeded teachers agree with each other: the reference for a student's fidelity."""

import argparse
import json
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from kdml import fidelity, metrics, predictions
from kdml.errors import run_script
from kdml.files import write_csv
from kdml.predictions import Predictions

COLUMNS = ("first_seed", "second_seed", "metric", "value")


def compare(first: Predictions, second: Predictions) -> dict[str, float]:
    """Metrics of the second teacher with the first one's predictions as the truth; as `src/evaluate.py` measures students."""
    (one,), (other,) = first.outputs.values(), second.outputs.values()
    if one.ndim == 2:
        cells = metrics.confusions(one.argmax(axis=1), other.argmax(axis=1), one.shape[1])
        return metrics.classification(cells) | {fidelity.IN_NATS: fidelity.predictive_kl(one, other)}
    counts = metrics.pixel_counts(*(output >= predictions.THRESHOLD for output in (one, other)))
    probabilities = [fidelity.binary(predictions.dequantise(output)) for output in (one, other)]
    return metrics.segmentation(counts) | {fidelity.IN_NATS: fidelity.predictive_kl(*probabilities)}


def rows_of(runs: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row per ordered pair of teachers that were tested on the same images, and metric."""
    stored = {run["seed"]: predictions.load(Path(run["folder"]) / "predictions.npz") for run in runs}
    for first, second in permutations(sorted(stored), 2):
        if np.array_equal(stored[first].rows, stored[second].rows):
            for metric, value in compare(stored[first], stored[second]).items():
                shown = value if metric == fidelity.IN_NATS else 100 * value
                yield {"first_seed": first, "second_seed": second, "metric": metric, "value": round(shown, 4)}


def main() -> None:
    """Read, compare, write; a single seed leaves an empty table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, help="JSON list of the teachers' runs: folder, seed")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    write_csv(arguments.out, list(rows_of(json.loads(arguments.runs))), COLUMNS)


if __name__ == "__main__":
    run_script(main)
