"""Makes values.csv of some runs of one task: every metric of every network, mean and spread over seeds, with its interval."""

import argparse
from pathlib import Path

from kdml.arguments import runs_argument
from kdml.contrasts import Place
from kdml.errors import run_script
from kdml.files import write_csv
from kdml.measured import read_runs


def main() -> None:
    """Read, resample, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, help="JSON list of runs: folder, run, seed")
    parser.add_argument("--classes", type=int, required=True, help="of the task; 0 for segmentation")
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    described = runs_argument(arguments.runs, ("folder", "run", "seed"))
    runs = read_runs(described, arguments.classes, arguments.allow_mixed_code)
    write_csv(arguments.out, list(Place(runs).values()))


if __name__ == "__main__":
    run_script(main)
