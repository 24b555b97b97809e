"""Makes what is drawn from the sharing graphs alone: figures 1, 2, 3 and 8, tables 1 and 5.

The stem of a file's name says which of them it is, its ending the form.
"""

import argparse
from pathlib import Path

from kdml.common.errors import UserError, run_script
from kdml.reporting.data import Data, texts_by_name
from kdml.reporting.figures import schemes
from kdml.reporting.figures.common import save
from kdml.reporting.plain_tables import losses, sharing
from kdml.reporting.templates import write_table

TABLES = {"table_01": sharing.table, "table_05": losses.table}
FIGURES = {"figure_01": "1", "figure_02": "2", "figure_03": "3", "figure_08": "8"}


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=Path, required=True, help="CSV: variant, source, learner, knowledge")
    parser.add_argument("--titles", nargs="+", default=[], metavar="NAME=TEXT", help="of each table and figure")
    parser.add_argument("--captions", nargs="+", default=[], metavar="NAME=TEXT", help="of each table")
    parser.add_argument("--note", default="", help="on the experiment")
    parser.add_argument("--out", nargs="+", type=Path, required=True, help="files to write, such as table_01.csv")
    arguments = parser.parse_args()
    titles, captions = texts_by_name(arguments.titles, "--titles"), texts_by_name(arguments.captions, "--captions")
    for name in dict.fromkeys(path.stem for path in arguments.out):
        files = [path for path in arguments.out if path.stem == name]
        title, caption = titles.get(name, name), captions.get(name, "")
        data = Data({"graphs": [arguments.graphs]}, {"number": FIGURES.get(name, "")})
        if name in TABLES:
            write_table(TABLES[name](data), title, caption, arguments.note, files)
        elif name in FIGURES:
            save(schemes.draw(data), title, arguments.note, files)
        else:
            raise UserError(
                f"{name} is not drawn from the sharing graphs.", f"ask for {', '.join((*TABLES, *FIGURES))}"
            )


if __name__ == "__main__":
    run_script(main)
