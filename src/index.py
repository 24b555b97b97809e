"""Makes index.html, the page that a reader opens first, and beside it runs.html, a row for every training."""

import argparse
from pathlib import Path

from kdml.common.command_line import list_argument
from kdml.common.errors import UserError, run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_text
from kdml.reporting import first_screen, index_page
from kdml.reporting.claims_page import RULES, pages
from kdml.reporting.design import DETECTS, SAME, detects, teachers
from kdml.reporting.places import departures
from kdml.reporting.templates import fill, write_table
from kdml.runs.run_table import RunTable


def main() -> None:
    """Read, lay out, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--title", required=True)
    parser.add_argument("--note", default="", help="on the experiment")
    parser.add_argument("--drawn", action="store_true", help="the images are drawn look-alikes")
    parser.add_argument(
        "--contents", required=True, help="contents.json: name, category, title, caption, files of items"
    )
    parser.add_argument("--claims", type=Path, required=True, help="claims.csv")
    parser.add_argument("--readings", type=Path, required=True, help="readings.csv")
    parser.add_argument("--design", type=Path, required=True, help="design.csv")
    parser.add_argument(
        "--comparison", type=Path, required=True, help="comparison.csv: how runs differ from the paper's"
    )
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv, in the folder of the experiment")
    parser.add_argument("--runs", nargs="+", type=Path, required=True, help="runs.csv of every place")
    parser.add_argument("--values", nargs="*", type=Path, default=[], help="values.csv of the variants of every place")
    parser.add_argument("--leakage", type=Path, required=True, help="leakage.csv; leakage.md lies beside it")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    page = arguments.out
    items = index_page.shown(
        list_argument(arguments.contents, "--contents", ("name", "category", "title", "caption", "files")), page
    )
    runs = index_page.runs_by_folder(read_csv(arguments.metrics, MAKE_AGAIN, index_page.METRIC_COLUMNS))
    if not runs:
        raise UserError(f"{arguments.metrics} has no rows.", MAKE_AGAIN)
    records = index_page.records_of(runs)
    recorded, places = list(records.values()), [RunTable(path).facts for path in arguments.runs]
    claims = read_csv(arguments.claims, MAKE_AGAIN, ("claim", "verdict", "seeds"))
    protocols = pages(claims, read_csv(arguments.readings, MAKE_AGAIN, ("claim", "saved", "verdict")))
    design = read_csv(arguments.design, MAKE_AGAIN, ("place", "power", "table"))
    differing = departures(read_csv(arguments.comparison, MAKE_AGAIN, ("departures",)))
    no_claim = first_screen.no_claim(protocols)
    lead = index_page.lead_of(items, no_claim)
    others = [item for item in items if item != lead]
    table = index_page.runs_table(runs, records, arguments.metrics.parent, page)
    runs_page = page.with_name("runs.html")
    write_table(table, "Every training", "Its scores, its time, and its files.", arguments.note, [runs_page])
    needed = ("network", "metric", "mean", "chance")
    values = [read_csv(path, MAKE_AGAIN, needed) for path in arguments.values]
    filled = fill(
        "index.html.j2",
        title=arguments.title,
        note=arguments.note,
        ran=first_screen.what_ran(recorded, places),
        bars=first_screen.bars(protocols),
        no_claim=no_claim,
        badge=first_screen.badge(arguments.drawn, differing),
        trust=list(first_screen.trust(recorded, read_csv(arguments.leakage, MAKE_AGAIN), places, values)),
        lead=lead,
        departures=differing,
        rules=RULES,
        protocols=protocols,
        design=[(SAME, teachers(design)), (DETECTS, detects(design))],
        more_on_claims=[item for item in others if item["category"] == index_page.CLAIMS],
        chapters=index_page.chapters(others),
        provenance=index_page.provenance(recorded),
        runs=index_page.link(runs_page, page),
        leakage=index_page.link(arguments.leakage.with_suffix(".md"), page),
    )
    write_text(page, filled)


if __name__ == "__main__":
    run_script(main)
