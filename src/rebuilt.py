"""Says of every file of a pack that was rebuilt whether it equals the published one to the byte, differs, or was left out."""

import argparse
import logging
from collections import Counter
from pathlib import Path

from kdml.common.errors import run_script
from kdml.common.files import write_csv
from kdml.packs.reading import read_pack
from kdml.packs.rebuilt import COLUMNS, rows

log = logging.getLogger(__name__)


def main() -> None:
    """Compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", required=True, type=Path, help="that the files were rebuilt from")
    parser.add_argument("--out", required=True, type=Path, help="CSV to write")
    arguments = parser.parse_args()
    found = list(rows(read_pack(arguments.pack), Path()))
    write_csv(arguments.out, found, COLUMNS)
    counts = Counter(row["state"] for row in found)
    log.info("; ".join(f"{state}: {count}" for state, count in sorted(counts.items())))


if __name__ == "__main__":
    run_script(main)
