"""Makes slices.npz and slices.csv: test slices chosen by a rule, with the masks and predictions of some runs, for figures 4,
5, 7, 9."""

import argparse
from pathlib import Path

import numpy as np

from kdml.analysis import slices
from kdml.common.command_line import runs_argument
from kdml.common.errors import run_script
from kdml.common.files import write_csv, written_whole


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, help="JSON list of what to show: run, folder, networks")
    parser.add_argument(
        "--judges", nargs="+", type=Path, required=True, help="folders of runs whose IoU says what is hard"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of prepared arrays")
    parser.add_argument("--rule", choices=list(slices.RULES), required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--images", type=Path, required=True, help="npz to write")
    parser.add_argument("--out", type=Path, required=True, help="CSV to write: slices, and regions found and missed")
    return parser.parse_args()


def main() -> None:
    """Choose, cut out, write."""
    arguments = parse_arguments()
    runs = runs_argument(arguments.runs, slices.RUN_KEYS)
    candidates = slices.with_lesion(arguments.judges)
    chosen = slices.RULES[arguments.rule](candidates, arguments.count)
    pictures = slices.pictures(runs, chosen, arguments.data)
    table = slices.table(runs, chosen, len(candidates))
    with written_whole(arguments.images) as temporary:
        np.savez_compressed(temporary, **pictures)
    write_csv(arguments.out, table)


if __name__ == "__main__":
    run_script(main)
