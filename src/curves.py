"""Makes the learning curves of some runs as tidy tables: every epoch of every run, and mean and range over seeds."""

import argparse
import json
import logging
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kdml.errors import UserError, run_script
from kdml.files import read_csv, write_csv

log = logging.getLogger(__name__)
AGAIN = "let the workflow train the run again"
BAND = ("where", "run", "part", "network", "term", "epoch")
Row = dict[str, Any]


def rows_of(run: Row) -> Iterator[Row]:
    """Values of one run: column `train.s1.total` becomes part train, network s1, term total.

    Raises:
        UserError: its history is missing or no history.
    """
    path = Path(run["folder"]) / "history.csv"
    for line in read_csv(path, AGAIN, ("epoch", "learning_rate")):
        for column, text in line.items():
            part, _, rest = column.partition(".")
            network, _, term = rest.partition(".")
            if part not in ("train", "validation") or text in ("", None):
                continue
            try:
                value = float(text)
            except ValueError:
                raise UserError(f"{path}: '{text}' in the column {column} is no number.", AGAIN) from None
            if not math.isfinite(value):
                log.warning("%s: %s is %s in epoch %s; the curve has a gap there", path, column, text, line["epoch"])
                continue
            keys = {
                "where": run["where"],
                "run": run["run"],
                "seed": run["seed"],
                "epoch": int(line["epoch"]),
                "part": part,
            }
            yield keys | {"network": network, "term": term, "value": value}


def bands(rows: list[Row]) -> Iterator[Row]:
    """Mean, smallest and largest value over the seeds that reached an epoch."""
    groups: dict[tuple, list[float]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in BAND)].append(row["value"])
    for key, values in groups.items():
        keys = dict(zip(BAND, key, strict=True))
        yield keys | {
            "mean": math.fsum(values) / len(values),
            "low": min(values),
            "high": max(values),
            "seeds": len(values),
        }


def main() -> None:
    """Read, sort, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, help="JSON list of runs: folder, where, run, seed")
    parser.add_argument("--out", type=Path, required=True, help="CSV of every run")
    parser.add_argument("--bands", type=Path, required=True, help="CSV of mean and range over seeds")
    arguments = parser.parse_args()
    rows = [row for run in json.loads(arguments.runs) for row in rows_of(run)]
    write_csv(arguments.out, rows, ("where", "run", "seed", "epoch", "part", "network", "term", "value"))
    write_csv(arguments.bands, list(bands(rows)), (*BAND, "mean", "low", "high", "seeds"))


if __name__ == "__main__":
    run_script(main)
