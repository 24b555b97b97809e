"""Makes the page of verdicts on the paper's claims, as Markdown and HTML, from claims.csv."""

import argparse
from pathlib import Path

from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_text
from kdml.reporting.claims_page import RULES, pages, warnings
from kdml.reporting.design import DETECTS, SAME, detects, teachers
from kdml.reporting.templates import by_suffix, fill


def main() -> None:
    """Read, lay out, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=Path, required=True, help="claims.csv")
    parser.add_argument("--readings", type=Path, required=True, help="readings.csv")
    parser.add_argument("--design", type=Path, required=True, help="design.csv")
    parser.add_argument(
        "--comparison", type=Path, required=True, help="comparison.csv: how runs depart from the paper's"
    )
    parser.add_argument("--note", default="", help="what the runs are, if they are not the paper's")
    parser.add_argument("--page", nargs="+", type=Path, required=True, help="files to write: md, html")
    arguments = parser.parse_args()
    rows = read_csv(arguments.claims, MAKE_AGAIN, ("claim", "verdict", "seeds"))
    compared = read_csv(arguments.comparison, MAKE_AGAIN, ("departures", "seeds"))
    read_as = read_csv(arguments.readings, MAKE_AGAIN, ("claim", "saved", "verdict"))
    content = {"protocols": pages(rows, read_as), "notes": list(warnings(compared, arguments.note)), "rules": RULES}
    design = read_csv(arguments.design, MAKE_AGAIN, ("place", "power", "table"))
    content["design"] = [(SAME, teachers(design)), (DETECTS, detects(design))]
    for suffix, path in by_suffix(arguments.page, ("md", "html")).items():
        write_text(path, fill(f"claims.{suffix}.j2", **content))


if __name__ == "__main__":
    run_script(main)
