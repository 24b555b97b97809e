"""Makes hyperparameters.csv out of a grid search: the weights of every variant that did best on the validation part.

It has the form of the paper's own table of weights, and the configuration can name it as `hyperparameters`.
"""

import argparse
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_csv
from kdml.experiment.grid_search import chosen
from kdml.experiment.loss_weights import COLUMNS

ADDED = ("protocol", "splits", "other_splits", "score", "seeds", "papers_score", "papers_rank", "of")

log = logging.getLogger(__name__)


def warn_of_other_splits(settings: Iterable[Mapping[str, Any]]) -> None:
    """Say where the chosen weights have seen, in their search, what other runs of the experiment are tested on."""
    for searched, others in sorted({(one["splits"], one["other_splits"]) for one in settings}):
        if others:
            log.warning(
                "The search ranked settings on the validation part of the split %s. Its images may be test images of the split %s: "
                "scores there would be too good with these weights.",
                searched,
                others,
            )


def main() -> None:
    """Read, choose, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="+", type=Path, help="settings.csv of every task and pair")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    columns = ("score", "rank", "best", "papers", "splits", "other_splits")
    rows = [row for path in arguments.settings for row in read_csv(path, MAKE_AGAIN, columns)]
    best = [{name: one[name] for name in (*COLUMNS, *ADDED)} for one in chosen(rows)]
    warn_of_other_splits(best)
    write_csv(arguments.out, best, COLUMNS)


if __name__ == "__main__":
    run_script(main)
