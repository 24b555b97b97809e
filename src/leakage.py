"""Put the leakage reports of several splits into one table: every number as CSV, words for reading as Markdown.

python src/leakage.py --splits splits.csv --out leakage.csv leakage.md
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError, run_script
from kdml.common.files import MAKE_AGAIN, read_csv, read_json, write_csv
from kdml.data.leakage import leakage_table
from kdml.reporting import leakage_table as in_words
from kdml.reporting.data import texts_by_name
from kdml.reporting.templates import by_suffix, write_table

log = logging.getLogger(__name__)

FORMATS = ("csv", "md")


def read_reports(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Read leakage reports; raise a `UserError` if a file is none."""
    remedy = "give the reports that src/split.py wrote"
    reports = [read_json(path, remedy) for path in paths]
    for path, report in zip(paths, reports, strict=True):
        if not isinstance(report, dict) or "near_duplicates" not in report:
            raise UserError(f"{path} is not a leakage report.", remedy)
    return reports


def main() -> None:
    """Write the table in each format that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", required=True, type=Path, help="CSV whose column `report` names the reports")
    parser.add_argument("--title", default="Leakage", help="above the words")
    parser.add_argument("--caption", default="", help="below the title")
    parser.add_argument("--tasks", nargs="+", default=[], metavar="TASK=TITLE", help="what tasks are called")
    parser.add_argument(
        "--out", required=True, nargs="+", type=Path, metavar="FILE", help="tables to write: *.csv, *.md"
    )
    arguments = parser.parse_args()
    files = by_suffix(arguments.out, FORMATS)
    titles = texts_by_name(arguments.tasks, "--tasks")
    listed = read_csv(arguments.splits, MAKE_AGAIN, ("report",))
    rows = leakage_table(read_reports([Path(row["report"]) for row in listed]))
    if "csv" in files:
        write_csv(files["csv"], rows)
    if "md" in files:
        write_table(in_words.table(rows, titles), arguments.title, arguments.caption, "", [files["md"]])
    log.info("put %d reports into %s", len(rows), " and ".join(map(str, arguments.out)))


if __name__ == "__main__":
    run_script(main)
