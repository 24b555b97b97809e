"""Makes index.html, the page that a reader opens first: verdicts, tables, figures, provenance, and a link to every run."""

import argparse
from pathlib import Path

from kdml.common.command_line import list_argument
from kdml.common.errors import UserError, run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_text
from kdml.reporting import index_page
from kdml.reporting.templates import fill


def main() -> None:
    """Read, lay out, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--title", required=True)
    parser.add_argument("--note", default="", help="on the experiment")
    parser.add_argument(
        "--contents", required=True, help="contents.json: name, category, title, caption, files of items"
    )
    parser.add_argument("--claims", type=Path, required=True, help="claims.html")
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv, in the folder of the experiment")
    parser.add_argument("--leakage", type=Path, required=True, help="leakage.md")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    items = list_argument(arguments.contents, "--contents", ("name", "category", "title", "caption", "files"))
    runs = index_page.runs_by_folder(read_csv(arguments.metrics, MAKE_AGAIN, index_page.METRIC_COLUMNS))
    if not runs:
        raise UserError(f"{arguments.metrics} has no rows.", MAKE_AGAIN)
    records = index_page.records_of(runs)
    page = fill(
        "index.html.j2",
        title=arguments.title,
        note=arguments.note,
        claims=index_page.content_of(arguments.claims),
        sections=list(index_page.sections(items, arguments.out)),
        provenance=index_page.provenance(list(records.values())),
        runs=index_page.runs_block(runs, records, arguments.metrics.parent, arguments.out),
        leakage=index_page.link(arguments.leakage, arguments.out),
    )
    write_text(arguments.out, page)


if __name__ == "__main__":
    run_script(main)
