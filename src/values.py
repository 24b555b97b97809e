"""Makes values.csv of some runs of one task: every metric of every network, mean and spread over seeds, with its interval."""

import argparse
from pathlib import Path

from kdml.analysis.contrasts import Place
from kdml.analysis.counts import read_runs
from kdml.common.command_line import runs_argument
from kdml.common.errors import run_script
from kdml.common.files import write_csv


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
