"""Makes compression.csv of one task and pair: every network and ensemble with its score, its costs, and whether anything smaller
is better."""

import argparse
from pathlib import Path

from kdml.analysis.metrics import primary
from kdml.analysis.scores_by_cost import COLUMNS, join
from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_csv
from kdml.reporting.plain_tables import renamed


def main() -> None:
    """Read, join, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--costs", type=Path, required=True, help="costs.csv of the pair")
    parser.add_argument("--values", type=Path, required=True, help="values.csv of its runs")
    for role in ("teacher", "student"):
        parser.add_argument(f"--{role}-alone", type=Path, help=f"values.csv of the {role} network trained alone")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    columns = ("run", "network", "truth", "metric", "mean")
    values = read_csv(arguments.values, MAKE_AGAIN, columns)
    for role in ("teacher", "student"):
        if path := getattr(arguments, f"{role}_alone"):
            values += renamed(read_csv(path, MAKE_AGAIN, columns), role)
    costs = read_csv(arguments.costs, MAKE_AGAIN, ("network", "students", "saved"))
    write_csv(arguments.out, join(costs, values, primary(values)), COLUMNS)


if __name__ == "__main__":
    run_script(main)
