"""Makes a table of means and standard deviations over seeds (or over pairs of teachers) out of tidy tables."""

import argparse
from pathlib import Path

from kdml.collect import PER_RUN, over_seeds
from kdml.errors import run_script
from kdml.files import MAKE_AGAIN, read_csv, write_csv


def main() -> None:
    """Read, summarise, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", type=Path, help="of one form")
    parser.add_argument("--value", default="value", help="column to summarise")
    parser.add_argument("--over", nargs="+", default=PER_RUN, help="columns to leave out; the first tells values apart")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    rows = [
        row for path in arguments.tables for row in read_csv(path, MAKE_AGAIN, (arguments.value, arguments.over[0]))
    ]
    write_csv(arguments.out, over_seeds(rows, arguments.value, arguments.over), ("mean", "std", "seeds", "remark"))


if __name__ == "__main__":
    run_script(main)
