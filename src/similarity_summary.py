"""Makes two CSV of one task and pair: mean CKA of the higher layers of every run and two networks (similarity.csv), and that over
seeds, mean and spread (similarity_summary.csv)."""

import argparse
from pathlib import Path

from kdml.analysis.over_seeds import SUMMARY, over_seeds
from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_csv
from kdml.runs.run_table import VARIANTS_SHEET, RunTable

COLUMNS = ("run", "seed", "first", "second", "upper_mean", "images", "batch", "code_hash")


def main() -> None:
    """Read, summarise, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="runs.csv of the place")
    parser.add_argument(
        "--cka", type=Path, required=True, help="folder of what src/similarity.py made: GROUP/upper.csv"
    )
    parser.add_argument("--out", type=Path, required=True, help="CSV to write")
    parser.add_argument("--summary", type=Path, required=True, help="CSV to write")
    arguments = parser.parse_args()
    runs = RunTable(arguments.runs).sheet(VARIANTS_SHEET)
    paths = [arguments.cka / group / "upper.csv" for group in dict.fromkeys(run.values["group"] for run in runs)]
    rows = [row for path in paths for row in read_csv(path, MAKE_AGAIN, COLUMNS)]
    summary = over_seeds(rows, "upper_mean")
    write_csv(arguments.out, rows, COLUMNS)
    write_csv(arguments.summary, summary, ("run", "first", "second", "images", "batch", "code_hash", *SUMMARY))


if __name__ == "__main__":
    run_script(main)
