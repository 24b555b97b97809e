"""Makes hyperparameters.csv out of a grid search: the weights of every variant that did best on the validation part.

It has the form of the paper's own table of weights, and the configuration can name it as `hyperparameters`.
"""

import argparse
from pathlib import Path

from kdml.errors import run_script
from kdml.files import MAKE_AGAIN, read_csv, write_csv
from kdml.hyperparameters import COLUMNS
from kdml.search import chosen


def main() -> None:
    """Read, choose, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="+", type=Path, help="settings.csv of every task and pair")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    rows = [
        row for path in arguments.settings for row in read_csv(path, MAKE_AGAIN, ("score", "rank", "best", "papers"))
    ]
    added = ("score", "seeds", "papers_score", "papers_rank", "of")
    best = [{name: one[name] for name in (*COLUMNS, *added)} for one in chosen(rows)]
    write_csv(arguments.out, best, COLUMNS)


if __name__ == "__main__":
    run_script(main)
