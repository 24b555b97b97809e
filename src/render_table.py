"""Makes one result table in the paper's layout, as CSV, Markdown, LaTeX and HTML, from tables of means over seeds."""

import argparse
from pathlib import Path

from kdml.common.command_line import labelled_files
from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_csv, write_text
from kdml.reporting import labels, result_tables
from kdml.reporting.templates import fill


def main() -> None:
    """Read, build, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=int, required=True, help="its number in the paper")
    parser.add_argument("--summaries", type=Path, nargs="+", required=True, help="tables of means over seeds")
    parser.add_argument("--title-note", default="", help="on the experiment, shown under the caption")
    parser.add_argument(
        "--teachers",
        nargs="*",
        default=[],
        metavar="PROTOCOL/TASK/PAIR=FILE",
        help="agreement of two teachers, for tables 11 and 12",
    )
    parser.add_argument("--allow-mixed-code", action="store_true")
    for suffix in result_tables.FORMATS:
        parser.add_argument(f"--{suffix}", type=Path, required=True)
    arguments = parser.parse_args()
    rows = result_tables.read_summaries(arguments.summaries, arguments.allow_mixed_code)
    teachers = {
        place: read_csv(path, MAKE_AGAIN, ("metric", "mean", "std", "seeds"))
        for place, path in labelled_files(arguments.teachers, "--teachers")
    }
    table = result_tables.build(arguments.table, rows, arguments.title_note, teachers)
    write_csv(arguments.csv, list(result_tables.as_rows(table)))
    for suffix in result_tables.FORMATS[1:]:
        content = fill(f"table.{suffix}.j2", table=table, metric_titles=labels.METRICS)
        write_text(getattr(arguments, suffix), content)


if __name__ == "__main__":
    run_script(main)
