"""Makes one CSV of how far independently seeded teachers agree with each other: the reference for a student's fidelity."""

import argparse
from pathlib import Path

from kdml import fidelity, predictions
from kdml.arguments import runs_argument
from kdml.collect import refuse_mixture
from kdml.errors import run_script
from kdml.files import write_csv


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
