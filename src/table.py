"""Makes one table whose rows a reader may sort, as CSV, Markdown, LaTeX and HTML, from tidy tables."""

import argparse
from pathlib import Path

from kdml.common.errors import run_script
from kdml.reporting.data import Data
from kdml.reporting.draws import drawn_by
from kdml.reporting.templates import write_table


def main() -> None:
    """Read, lay out, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", required=True, help="module:function below kdml.reporting")
    parser.add_argument("--title", required=True)
    parser.add_argument("--caption", required=True)
    parser.add_argument("--note", default="", help="on the experiment")
    parser.add_argument("--data", nargs="+", required=True, metavar="LABEL=FILE", help="tidy tables")
    parser.add_argument("--table", nargs="+", type=Path, required=True, help="files to write: csv, md, tex, html")
    arguments = parser.parse_args()
    table = drawn_by(arguments.draws)(Data.labelled(arguments.data))
    write_table(table, arguments.title, arguments.caption, arguments.note, arguments.table)


if __name__ == "__main__":
    run_script(main)
