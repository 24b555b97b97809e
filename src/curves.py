"""Makes the learning curves of some runs as tidy tables: every epoch of every run, and mean and range over seeds."""

import argparse
from pathlib import Path

from kdml.analysis import learning_curves
from kdml.common.command_line import runs_argument
from kdml.common.errors import run_script
from kdml.common.files import write_csv
from kdml.runs.records import refuse_mixture


def main() -> None:
    """Read, sort, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, help="JSON list of runs: folder, where, run, seed")
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--out", type=Path, required=True, help="CSV of every run")
    parser.add_argument("--bands", type=Path, required=True, help="CSV of mean and range over seeds")
    arguments = parser.parse_args()
    runs = runs_argument(arguments.runs, learning_curves.RUN_KEYS)
    refuse_mixture(runs, ("where", "run"), arguments.allow_mixed_code)
    rows = [row for run in runs for row in learning_curves.rows_of(run)]
    write_csv(arguments.out, rows, learning_curves.COLUMNS)
    write_csv(arguments.bands, list(learning_curves.bands(rows)), learning_curves.BAND_COLUMNS)


if __name__ == "__main__":
    run_script(main)
