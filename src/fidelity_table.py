"""Makes one table of fidelity, and its figure of ours beside the paper's.

Files of a place P = protocol/task/pair: runs:P=runs.csv, of the sheet of fidelity values:P=values.csv, and where there are several
teachers teachers:P=teachers_summary.csv.
"""

import argparse
from pathlib import Path

from kdml.common.errors import run_script
from kdml.reporting import result_tables
from kdml.reporting.data import Data
from kdml.reporting.figures import beside
from kdml.reporting.figures.common import save
from kdml.reporting.templates import write_table


def main() -> None:
    """Read, lay out, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="of the table, for example table_11")
    parser.add_argument("--title", required=True)
    parser.add_argument("--caption", required=True)
    parser.add_argument("--note", default="", help="on the experiment")
    parser.add_argument("--allow-mixed-code", action="store_true", help="accept several versions of the training code")
    parser.add_argument("--data", nargs="+", required=True, metavar="LABEL=FILE")
    parser.add_argument("--table", nargs="+", type=Path, required=True, help="files to write: csv, md, tex, html")
    parser.add_argument("--beside", nargs="+", type=Path, required=True, help="files to write: pdf, png")
    arguments = parser.parse_args()
    mixed = "yes" if arguments.allow_mixed_code else ""
    data = Data.labelled(arguments.data, name=arguments.name, kind="fidelity", allow_mixed_code=mixed)
    table = result_tables.fidelity(data)
    write_table(table, arguments.title, arguments.caption, arguments.note, arguments.table)
    title = f"{arguments.title}: ours beside the paper's"
    save(beside.draw(data), title, arguments.note, arguments.beside)


if __name__ == "__main__":
    run_script(main)
