"""Makes what a clinic asks: the table `clinic`, and its curves as figures, each of some of the places.

The stems of the figures' files are their names; places are dealt out to them evenly, in their order.
"""

import argparse
import math
from pathlib import Path

from kdml.common.errors import run_script
from kdml.reporting.data import Data
from kdml.reporting.figures import clinic as curves
from kdml.reporting.figures.common import save
from kdml.reporting.plain_tables import clinic
from kdml.reporting.templates import write_table


def main() -> None:
    """Read, lay out, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--title", required=True, help="of the table and, with what is drawn, of the figures")
    parser.add_argument("--caption", required=True, help="of the table")
    parser.add_argument("--note", default="", help="on the experiment")
    parser.add_argument("--drawn", action="store_true", help="say on the figures that the images are synthetic")
    parser.add_argument("--data", nargs="+", required=True, metavar="LABEL=FILE")
    parser.add_argument("--table", nargs="+", type=Path, required=True, help="files to write: csv, md, tex, html")
    parser.add_argument("--figures", nargs="+", type=Path, required=True, help="files to write: pdf, png")
    arguments = parser.parse_args()
    data = Data.labelled(arguments.data)
    write_table(clinic.table(data), arguments.title, arguments.caption, arguments.note, arguments.table)
    names = list(dict.fromkeys(path.stem for path in arguments.figures))
    places = data.places("runs")
    each = math.ceil(len(places) / len(names))
    for page, name in enumerate(names):
        figure = curves.draw(data.of_places(places[page * each : (page + 1) * each]))
        files = [path for path in arguments.figures if path.stem == name]
        save(figure, f"{arguments.title}: curves", arguments.note, files, arguments.drawn)


if __name__ == "__main__":
    run_script(main)
