"""Makes one result table and the figures that belong to it: ours beside the paper's, learning curves, and every run.

The kind says which: `results` (variants of a task and pair), `baselines` (networks trained alone), `methods` (table 10), or
`fidelity`, which has no learning curves.
Files of a place P = protocol/task/pair, all but runs.csv of the sheet that the kind shows:
  runs:P=runs.csv values:P=values.csv
for learning curves and every run also
  curves:P=curves.csv bands:P=bands.csv
of methods also
  contrasts:P=contrasts_methods.csv methods:P=methods.csv
of fidelity, where there are several teachers, also
  teachers:P=teachers_summary.csv
"""

import argparse
from pathlib import Path

from kdml.common.errors import UserError, run_script
from kdml.reporting import result_tables
from kdml.reporting.data import Data, files_by_label
from kdml.reporting.figures import beside, curves
from kdml.reporting.figures.common import save
from kdml.reporting.plain_tables import methods
from kdml.reporting.templates import write_table

TABLES = {
    "results": result_tables.results,
    "baselines": result_tables.baselines,
    "methods": methods.table,
    "fidelity": result_tables.fidelity,
}
FIGURES = {
    "beside": (beside.draw, "ours beside the paper's"),
    "curves": (curves.draw_bands, "learning curves"),
    "runs": (curves.draw_runs, "every run"),
}


def figure_files(entries: list[str]) -> dict[str, list[Path]]:
    """Files to write, by figure.

    Raises:
        UserError: there is no such figure.
    """
    found = files_by_label(entries, "--figures")
    if unknown := [name for name in found if name not in FIGURES]:
        raise UserError(f"--figures: there is no figure '{unknown[0]}' beside a table.", f"name {', '.join(FIGURES)}")
    return found


def main() -> None:
    """Read, lay out, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="of the table, for example table_03")
    parser.add_argument("--kind", choices=list(TABLES), required=True)
    parser.add_argument("--title", required=True)
    parser.add_argument("--caption", required=True)
    parser.add_argument("--note", default="", help="on the experiment")
    parser.add_argument("--drawn", action="store_true", help="say on the figures that the images are synthetic")
    parser.add_argument("--allow-mixed-code", action="store_true", help="accept several versions of the training code")
    parser.add_argument("--data", nargs="+", required=True, metavar="LABEL=FILE")
    parser.add_argument("--table", nargs="+", type=Path, required=True, help="files to write: csv, md, tex, html")
    parser.add_argument(
        "--figures", nargs="+", required=True, metavar="NAME=FILE",
        help=f"files to write, pdf and png of each of {', '.join(FIGURES)}",
    )  # fmt: skip
    arguments = parser.parse_args()
    files = figure_files(arguments.figures)
    mixed = "yes" if arguments.allow_mixed_code else ""
    data = Data.labelled(arguments.data, name=arguments.name, kind=arguments.kind, allow_mixed_code=mixed)
    table = TABLES[arguments.kind](data)
    write_table(table, arguments.title, arguments.caption, arguments.note, arguments.table)
    for name, paths in files.items():
        draw, what = FIGURES[name]
        save(draw(data), f"{arguments.title}: {what}", arguments.note, paths, arguments.drawn)


if __name__ == "__main__":
    run_script(main)
