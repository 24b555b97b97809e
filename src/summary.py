"""Makes a table of means and standard deviations over seeds (or over pairs of teachers) out of tidy tables."""

import argparse
import csv
from pathlib import Path

from kdml.analysis.over_seeds import PER_RUN, SUMMARY, over_seeds
from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_csv


def header(path: Path) -> list[str]:
    """Names of the columns of a table."""
    with open(path, newline="", encoding="utf-8") as file:
        return next(csv.reader(file))


def main() -> None:
    """Read, summarise, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", type=Path, help="of one form")
    parser.add_argument("--value", default="value", help="column to summarise")
    parser.add_argument("--over", nargs="+", default=PER_RUN, help="columns to leave out; the first tells values apart")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    columns = (arguments.value, arguments.over[0])
    rows = [row for path in arguments.tables for row in read_csv(path, MAKE_AGAIN, columns)]
    left_out = {arguments.value, *arguments.over}
    kept = [name for name in header(arguments.tables[0]) if name not in left_out]  # also where there is no row
    write_csv(arguments.out, over_seeds(rows, arguments.value, arguments.over), (*kept, *SUMMARY))


if __name__ == "__main__":
    run_script(main)
