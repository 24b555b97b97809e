"""Makes one tidy CSV of several: their rows one after the other, under the columns of all of them."""

import argparse
from pathlib import Path

from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_csv


def main() -> None:
    """Read, join, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    write_csv(
        arguments.out,
        [row for path in arguments.tables for row in read_csv(path, MAKE_AGAIN)],
    )


if __name__ == "__main__":
    run_script(main)
