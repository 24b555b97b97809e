"""Compares two packs of one experiment: where they differ, and whether that is more than seeds explain."""

import argparse
import logging
from collections import Counter
from pathlib import Path

from kdml.analysis import between_repeats
from kdml.common.errors import run_script
from kdml.common.files import write_csv
from kdml.packs.reading import read_pack
from kdml.packs.repeats import check_one_experiment, known_of, metrics_of
from kdml.reporting.repeats_table import table
from kdml.reporting.templates import write_table

log = logging.getLogger(__name__)


def main() -> None:
    """Read, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--packs", required=True, type=Path, nargs=2, metavar="FILE", help="the second is compared with the first"
    )
    parser.add_argument("--title", required=True)
    parser.add_argument("--caption", required=True)
    parser.add_argument("--note", default="")
    parser.add_argument("--rows", required=True, type=Path, help="CSV of every network and metric")
    parser.add_argument(
        "--table", required=True, type=Path, nargs="+", help="*.html, *.md: the metrics that tables show"
    )
    arguments = parser.parse_args()
    first, second = map(read_pack, arguments.packs)
    check_one_experiment(first, second)
    rows = between_repeats.rows(metrics_of(first), metrics_of(second))
    known = list(between_repeats.differences(known_of(first), known_of(second)))
    write_csv(arguments.rows, rows, between_repeats.COLUMNS)
    write_table(table(rows, known), arguments.title, arguments.caption, arguments.note, arguments.table)
    answers = Counter(row["answer"] for row in rows)
    log.info("; ".join(f"{answer}: {count}" for answer, count in answers.most_common()))


if __name__ == "__main__":
    run_script(main)
