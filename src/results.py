"""Makes one result table and the figures that belong to it: ours beside the paper's, learning curves, and every run.

The kind says which: `results` (variants of a task and pair), `baselines` (networks trained alone), `methods` (table 10).
Files of a place P = protocol/task/pair, all but runs.csv of the sheet that the kind shows:
  runs:P=runs.csv values:P=values.csv curves:P=curves.csv bands:P=bands.csv
and of methods also
  contrasts:P=contrasts_methods.csv methods:P=methods.csv
"""

import argparse
from pathlib import Path

from kdml.common.errors import run_script
from kdml.reporting import result_tables
from kdml.reporting.data import Data
from kdml.reporting.figures import beside, curves
from kdml.reporting.figures.common import save
from kdml.reporting.plain_tables import methods
from kdml.reporting.templates import write_table

TABLES = {"results": result_tables.results, "baselines": result_tables.baselines, "methods": methods.table}
FIGURES = {
    "beside": (beside.draw, "ours beside the paper's"),
    "curves": (curves.draw_bands, "learning curves"),
    "runs": (curves.draw_runs, "every run"),
}


def main() -> None:
    """Read, lay out, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="of the table, for example table_03")
    parser.add_argument("--kind", choices=list(TABLES), required=True)
    parser.add_argument("--title", required=True)
    parser.add_argument("--caption", required=True)
    parser.add_argument("--note", default="", help="on the experiment")
    parser.add_argument("--allow-mixed-code", action="store_true", help="accept several versions of the training code")
    parser.add_argument("--data", nargs="+", required=True, metavar="LABEL=FILE")
    parser.add_argument("--table", nargs="+", type=Path, required=True, help="files to write: csv, md, tex, html")
    for figure, (_, what) in FIGURES.items():
        parser.add_argument(
            f"--{figure}", nargs="+", type=Path, required=True, help=f"{what}: files to write: pdf, png"
        )
    arguments = parser.parse_args()
    mixed = "yes" if arguments.allow_mixed_code else ""
    data = Data.labelled(arguments.data, name=arguments.name, kind=arguments.kind, allow_mixed_code=mixed)
    table = TABLES[arguments.kind](data)
    write_table(table, arguments.title, arguments.caption, arguments.note, arguments.table)
    for figure, (draw, what) in FIGURES.items():
        save(draw(data), f"{arguments.title}: {what}", arguments.note, getattr(arguments, figure))


if __name__ == "__main__":
    run_script(main)
