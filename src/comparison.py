"""Makes one tidy CSV of every number of the paper beside ours: those of all tasks and pairs, and what was not run."""

import argparse
from pathlib import Path

from kdml.analysis import paper_comparison
from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_csv


def main() -> None:
    """Join, add what is missing, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", type=Path, help="comparison.csv of every sheet")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    rows = [row for path in arguments.tables for row in read_csv(path, MAKE_AGAIN, ("table", "metric"))]
    rows += paper_comparison.not_run(rows)
    ordered = sorted(rows, key=lambda row: (int(row["table"]), row.get("protocol", "")))
    write_csv(arguments.out, ordered, paper_comparison.COLUMNS)


if __name__ == "__main__":
    run_script(main)
