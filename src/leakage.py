"""Put the leakage reports of several splits into one table, as CSV, Markdown, or both.

python src/leakage.py --splits splits.csv --out leakage.csv leakage.md
"""

import argparse
import csv
import io
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError, run_script
from kdml.common.files import MAKE_AGAIN, read_csv, read_json, write_text
from kdml.data.leakage import leakage_table

log = logging.getLogger(__name__)

Row = Mapping[str, Any]


def as_csv(rows: Sequence[Row]) -> str:
    """The table with every digit."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def as_markdown(rows: Sequence[Row]) -> str:
    """The table for reading: one column per split, shares in percent."""
    lines = [[name.replace("_", " "), *(cell(name, row[name]) for row in rows)] for name in rows[0]]
    header, *body = ("| " + " | ".join(line) + " |" for line in lines)
    return "\n".join([header, "|---" * (len(rows) + 1) + "|", *body]) + "\n"


def cell(name: str, value: object) -> str:
    """One value of the table for reading."""
    if value is None:
        return "unknown"
    return f"{value:.1%}" if name.endswith("_share") else str(value)


FORMATS: dict[str, Callable[[Sequence[Row]], str]] = {".csv": as_csv, ".md": as_markdown}


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
    parser.add_argument(
        "--out", required=True, nargs="+", type=Path, metavar="FILE", help="tables to write: *.csv, *.md"
    )
    arguments = parser.parse_args()
    for path in arguments.out:
        if path.suffix not in FORMATS:
            raise UserError(f"{path} has no known format.", f"let the name end in {' or '.join(FORMATS)}")
    listed = read_csv(arguments.splits, MAKE_AGAIN, ("report",))
    rows = leakage_table(read_reports([Path(row["report"]) for row in listed]))
    for path in arguments.out:
        write_text(path, FORMATS[path.suffix](rows))
    log.info("put %d reports into %s", len(rows), " and ".join(map(str, arguments.out)))


if __name__ == "__main__":
    run_script(main)
