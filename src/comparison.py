"""Makes one tidy CSV of every number of the paper beside ours: difference, its interval, and how our setting departs."""

import argparse
import json
from pathlib import Path
from typing import Any

from kdml import comparison
from kdml.errors import run_script
from kdml.files import read_csv, write_csv

AGAIN = "delete it and let the workflow make it again"


def rows_at(place: dict[str, Any]) -> list[comparison.Row]:
    """Rows on one place."""
    rows = read_csv(Path(place["values"]), AGAIN, ("run", "network", "truth", "metric", "mean"))
    values = {(row["run"], row["network"], row["truth"], row["metric"]): row for row in rows}
    baselines = {place["teacher"]: "baseline_teacher", place["student"]: "baseline_student"}
    found = [
        *comparison.of_variants(place["task"], place["student"], values),
        *comparison.of_baselines(place["task"], baselines, values),
        *(comparison.of_rivals(place["task"], values) if place["student"] == "resnet18" else ()),
    ]
    return [{"protocol": place["protocol"], "pair": place["pair"]} | row for row in found]


def main() -> None:
    """Read, compare, write; a baseline that several pairs share is listed once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--places", required=True, help="JSON list: protocol, task, pair, teacher, student, values (file)"
    )
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    places = json.loads(arguments.places)
    rows = [row for place in places for row in rows_at(place)]
    rows += comparison.not_run([(place["task"], place["student"]) for place in places])
    unique = {}
    for row in rows:
        pair = "" if row["network"] == "baseline" else row.get("pair")
        unique.setdefault(
            (row.get("protocol"), row["table"], row["task"], pair, row["run"], row["network"], row["metric"]), row
        )
    ordered = sorted(unique.values(), key=lambda row: (row["table"], row.get("protocol", "")))
    write_csv(arguments.out, ordered, ("protocol", "pair", "table", "task", "run", "network", "metric"))


if __name__ == "__main__":
    run_script(main)
