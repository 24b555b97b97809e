"""Makes compression.csv of one task and pair: networks and ensembles with score and costs, and which validation chooses."""

import argparse
from pathlib import Path

from kdml.analysis.metrics import PRIMARY
from kdml.analysis.scores_by_cost import COLUMNS, join, validated
from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_csv
from kdml.runs.run_table import RunTable


def main() -> None:
    """Read, join, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="runs.csv of the place")
    parser.add_argument("--costs", type=Path, required=True, help="costs.csv of the pair")
    parser.add_argument(
        "--values", type=Path, nargs="+", required=True, help="values.csv of variants, of networks alone"
    )
    parser.add_argument("--curves", type=Path, nargs="+", required=True, help="curves.csv of the same")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    columns = ("run", "network", "truth", "metric", "mean")
    values = [row for path in arguments.values for row in read_csv(path, MAKE_AGAIN, columns)]
    costs = read_csv(arguments.costs, MAKE_AGAIN, ("network", "students", "saved"))
    keys = ("run", "seed", "network", "part", "term", "value")
    curves = [row for path in arguments.curves for row in read_csv(path, MAKE_AGAIN, keys)]
    write_csv(arguments.out, join(costs, values, PRIMARY[RunTable(arguments.runs).kind], validated(curves)), COLUMNS)


if __name__ == "__main__":
    run_script(main)
