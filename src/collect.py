"""Makes one tidy CSV of the metrics of several runs: run keys, network, metric, value in percent."""

import argparse
from pathlib import Path

from kdml.analysis.over_seeds import tidy
from kdml.common.command_line import runs_argument
from kdml.common.errors import run_script
from kdml.common.files import write_csv


def main() -> None:
    """Read, check, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, help="JSON list of runs with their folder and keys, or a file of it")
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    runs = runs_argument(arguments.runs, ("folder", "protocol", "task", "pair", "run", "seed"))
    write_csv(arguments.out, tidy(runs, arguments.allow_mixed_code))


if __name__ == "__main__":
    run_script(main)
