"""Makes one plain table as CSV, Markdown, LaTeX and HTML from tidy tables."""

import argparse
from pathlib import Path

from kdml.common.command_line import labelled_files, mapping_argument
from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_csv, write_text
from kdml.reporting.plain_tables import GRIDS, Sources
from kdml.reporting.templates import fill

FORMATS = ("md", "tex", "html")


def main() -> None:
    """Read, lay out, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=list(GRIDS), required=True)
    parser.add_argument("--title", required=True)
    parser.add_argument("--caption", required=True)
    parser.add_argument("--note", default="", help="on the experiment")
    parser.add_argument("--data", nargs="*", default=[], metavar="LABEL=FILE", help="tidy tables")
    parser.add_argument("--graphs", default="{}", help="JSON: edges of each variant")
    for suffix in ("csv", *FORMATS):
        parser.add_argument(f"--{suffix}", type=Path, required=True)
    arguments = parser.parse_args()
    rows: dict[str, list] = {}
    for label, path in labelled_files(arguments.data, "--data"):
        rows.setdefault(label, []).extend(read_csv(path, MAKE_AGAIN))
    grid = GRIDS[arguments.kind](Sources(rows, mapping_argument(arguments.graphs, "--graphs")))
    columns, values = grid.stored()
    write_csv(arguments.csv, values, columns)
    notes = [note for note in (arguments.caption, *grid.notes, arguments.note) if note]
    for suffix in FORMATS:
        write_text(getattr(arguments, suffix), fill(f"grid.{suffix}.j2", title=arguments.title, notes=notes, grid=grid))


if __name__ == "__main__":
    run_script(main)
