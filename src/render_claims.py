"""Makes the page of verdicts on the paper's claims, as Markdown and HTML, from claims.csv."""

import argparse
from pathlib import Path

from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_text
from kdml.reporting.claims_page import RULES, pages
from kdml.reporting.templates import fill


def main() -> None:
    """Read, lay out, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=Path, required=True)
    parser.add_argument("--note", default="", help="what the runs are, if they are not the paper's")
    parser.add_argument(
        "--comparison", type=Path, required=True, help="comparison.csv: how the runs depart from the paper's"
    )
    parser.add_argument("--md", type=Path, required=True)
    parser.add_argument("--html", type=Path, required=True)
    arguments = parser.parse_args()
    compared = read_csv(arguments.comparison, MAKE_AGAIN, ("departures", "seeds"))
    departures = dict.fromkeys(part for row in compared for part in row["departures"].split("; ") if part)
    notes = []
    if arguments.note or departures:
        differing = f"They depart from the paper's setting: {'; '.join(departures)}." if departures else ""
        notes = [
            " ".join(
                filter(
                    None,
                    ["These verdicts are about the runs below and not about the paper.", arguments.note, differing],
                )
            )
        ]
    rows = read_csv(arguments.claims, MAKE_AGAIN, ("claim", "verdict", "seeds"))
    if max(int(row["seeds"]) for row in compared) == 1:
        notes.append("One seed: they are about these trained networks, not about training them once more.")
    protocols = pages(rows)
    for suffix in ("md", "html"):
        write_text(
            getattr(arguments, suffix), fill(f"claims.{suffix}.j2", protocols=protocols, notes=notes, rules=RULES)
        )


if __name__ == "__main__":
    run_script(main)
