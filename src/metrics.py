"""Makes one tidy CSV of every metric of every run of the experiment, each run once: run keys, network, truth, metric, value."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_csv
from kdml.runs.records import run_keys

COLUMNS = ("protocol", "task", "pair", "run", "seed", "network", "truth", "metric", "value", "cases", "folder")


def rows_of(tables: list[Path]) -> Iterator[dict[str, str]]:
    """Rows of all tables under the keys of their runs; a network that several places share comes once."""
    seen: set[tuple[str, ...]] = set()
    for path in tables:
        for row in read_csv(path, MAKE_AGAIN, COLUMNS):
            key = tuple(row[name] for name in ("folder", "network", "truth", "metric"))
            if key not in seen:
                seen.add(key)
                yield row | run_keys(row["folder"])


def main() -> None:
    """Read, join, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", type=Path, help="by_seed.csv of every sheet")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    write_csv(arguments.out, list(rows_of(arguments.tables)), COLUMNS)


if __name__ == "__main__":
    run_script(main)
