"""Makes what a clinic asks: the tables `clinic` and `clinic_teacher`, and their figures, each of some of the places.

The stems of the files are the names of tables and figures; places are dealt out evenly, in their order, to the figures of a kind,
which are named `clinic_flips`, `clinic_flips_2` and so on.
"""

import argparse
import math
from pathlib import Path

from kdml.common.errors import UserError, run_script
from kdml.reporting.data import Data, texts_by_name
from kdml.reporting.figures import flips, referral, reliability
from kdml.reporting.figures.common import save
from kdml.reporting.plain_tables import clinic, clinic_teacher
from kdml.reporting.templates import write_table

TABLES = {"clinic": clinic.table, "clinic_teacher": clinic_teacher.table}
# Kind of figure: what draws it, the table that it belongs to, and what it shows of that.
FIGURES = {
    "clinic_reliability": (reliability.draw, "clinic", "reliability"),
    "clinic_referral": (referral.draw, "clinic", "referral"),
    "clinic_flips": (flips.draw, "clinic_teacher", "by subgroup"),
}


def main() -> None:
    """Read, lay out, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", nargs="+", default=[], metavar="NAME=TEXT", help="of each table")
    parser.add_argument("--captions", nargs="+", default=[], metavar="NAME=TEXT", help="of each table")
    parser.add_argument("--note", default="", help="on the experiment")
    parser.add_argument("--drawn", action="store_true", help="say on the figures that the images are synthetic")
    parser.add_argument("--data", nargs="+", required=True, metavar="LABEL=FILE")
    parser.add_argument("--tables", nargs="+", type=Path, required=True, help="files to write: csv, md, tex, html")
    parser.add_argument("--figures", nargs="+", type=Path, required=True, help="files to write: pdf, png")
    arguments = parser.parse_args()
    titles, captions = (texts_by_name(getattr(arguments, name), f"--{name}") for name in ("titles", "captions"))
    data = Data.labelled(arguments.data)
    for name, files in by_stem(arguments.tables).items():
        if name not in TABLES:
            raise UserError(f"{name} is no table of what a clinic asks.", f"ask for {', '.join(TABLES)}")
        write_table(TABLES[name](data), titles.get(name, name), captions.get(name, ""), arguments.note, files)
    figures = by_stem(arguments.figures)
    for name in figures:
        if not any(name.startswith(kind) for kind in FIGURES):
            raise UserError(f"{name} is no figure of what a clinic asks.", f"ask for {', '.join(FIGURES)}")
    places = data.places("runs")
    for kind, (draw, table, what) in FIGURES.items():
        mine = [name for name in figures if name.startswith(kind)]
        each = math.ceil(len(places) / max(len(mine), 1))
        for page, name in enumerate(mine):
            figure = draw(data.of_places(places[page * each : (page + 1) * each]))
            title = f"{titles.get(table, table)}: {what}"
            save(figure, title, arguments.note, figures[name], arguments.drawn)


def by_stem(paths: list[Path]) -> dict[str, list[Path]]:
    """Files by the stem of their names, in their order."""
    return {name: [path for path in paths if path.stem == name] for name in dict.fromkeys(path.stem for path in paths)}


if __name__ == "__main__":
    run_script(main)
