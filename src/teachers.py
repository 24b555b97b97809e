"""Makes one CSV of how far independently seeded teachers agree with each other: the reference for a student's fidelity."""

import argparse
from pathlib import Path

from kdml.analysis import fidelity
from kdml.common.command_line import runs_argument
from kdml.common.errors import run_script
from kdml.common.files import write_csv
from kdml.runs import predictions
from kdml.runs.records import refuse_mixture


def main() -> None:
    """Read, compare, write; a single seed leaves an empty table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, help="JSON list of the teachers' runs: folder, seed")
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    runs = runs_argument(arguments.runs, ("folder", "seed"))
    refuse_mixture(runs, (), arguments.allow_mixed_code)
    stored = {run["seed"]: predictions.load(Path(run["folder"]) / "predictions.npz") for run in runs}
    write_csv(arguments.out, list(fidelity.between_teachers(stored)), fidelity.TEACHER_COLUMNS)


if __name__ == "__main__":
    run_script(main)
