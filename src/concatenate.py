"""Makes one tidy CSV of several: their rows one after the other, under the columns of all of them."""

import argparse
import csv
from pathlib import Path

from kdml.errors import UserError, run_script
from kdml.files import write_csv


def rows_of(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file.

    Raises:
        UserError: the file is missing or has no header.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "let the workflow make it") from None
    if not reader.fieldnames:
        raise UserError(f"{path} is empty.", "delete it and let the workflow make it again")
    return rows


def main() -> None:
    """Read, join, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    write_csv(arguments.out, [row for path in arguments.tables for row in rows_of(path)])


if __name__ == "__main__":
    run_script(main)
