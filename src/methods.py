"""Makes methods.csv of one task and pair: how every published method was trained, and what it adds to the student."""

import argparse
from pathlib import Path

from kdml.analysis.methods import COLUMNS, row_of
from kdml.common.errors import run_script
from kdml.common.files import write_csv
from kdml.runs.graph import VARIANTS
from kdml.runs.records import refuse_mixture
from kdml.runs.run_table import METHODS_SHEET, RunRow, RunTable, described


def main() -> None:
    """Read, describe, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="runs.csv of the place")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    rows = [row for row in RunTable(arguments.runs).sheet(METHODS_SHEET) if row.run not in VARIANTS]
    records = refuse_mixture(described(rows), ("run",), allow_mixed_code=True)  # values and contrasts see to the code
    by_name: dict[str, list[RunRow]] = {}
    for row in rows:
        by_name.setdefault(row.run, []).append(row)
    write_csv(arguments.out, [row_of(seeds, records[str(seeds[0].folder)]) for seeds in by_name.values()], COLUMNS)


if __name__ == "__main__":
    run_script(main)
