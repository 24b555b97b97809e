"""Makes, from one run's stored predictions, metrics.json (per network and ensemble), cases.csv (per test image) and
regions.csv.

regions.csv says of each connected region of the true masks how much of it every network marks; it is empty for classification.
"""

import argparse
from pathlib import Path

from kdml.analysis import evaluation
from kdml.common.errors import run_script
from kdml.common.files import write_csv, write_json
from kdml.runs import predictions


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of prepared arrays")
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--kind", choices=list(evaluation.DIMENSIONS), required=True)
    parser.add_argument("--out", type=Path, required=True, help="metrics.json")
    parser.add_argument("--cases", type=Path, required=True, help="cases.csv")
    parser.add_argument("--regions", type=Path, required=True, help="regions.csv")
    return parser.parse_args()


def main() -> None:
    """Read, count, write."""
    arguments = parse_arguments()
    stored, rows = predictions.load(arguments.predictions), evaluation.tested_rows(arguments.split)
    evaluation.check(stored, rows, arguments.kind, (arguments.predictions, arguments.split))
    if arguments.kind == "segmentation":
        found = evaluation.of_segmentation(stored, rows, evaluation.true_masks(arguments.data, stored.rows))
    else:
        found = evaluation.of_classification(stored, rows)
    write_csv(arguments.cases, found.cases)
    write_csv(arguments.regions, found.regions, evaluation.REGION_COLUMNS)
    scores, faithful = (evaluation.undefined_as_null(part) for part in (found.scores, found.fidelity))
    write_json(arguments.out, {"kind": arguments.kind, "n": len(rows), "networks": scores, "fidelity": faithful})


if __name__ == "__main__":
    run_script(main)
