"""Makes the learning curves of some runs as tidy tables: every epoch of every run, and mean and range over seeds."""

import argparse
from pathlib import Path

from kdml import histories
from kdml.arguments import runs_argument
from kdml.collect import refuse_mixture
from kdml.errors import run_script
from kdml.files import write_csv


def main() -> None:
    """Read, sort, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, help="JSON list of runs: folder, where, run, seed")
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--out", type=Path, required=True, help="CSV of every run")
    parser.add_argument("--bands", type=Path, required=True, help="CSV of mean and range over seeds")
    arguments = parser.parse_args()
    runs = runs_argument(arguments.runs, histories.RUN_KEYS)
    refuse_mixture(runs, ("where", "run"), arguments.allow_mixed_code)
    rows = [row for run in runs for row in histories.rows_of(run)]
    write_csv(arguments.out, rows, histories.COLUMNS)
    write_csv(arguments.bands, list(histories.bands(rows)), histories.BAND_COLUMNS)


if __name__ == "__main__":
    run_script(main)
