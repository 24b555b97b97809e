"""Writes a result pack: one zip with all numbers of an experiment, in the form of an RO-Crate."""

import argparse
import logging
from pathlib import Path

from kdml.common.command_line import mapping_argument
from kdml.common.errors import run_script
from kdml.common.files import sha256_of
from kdml.packs.publishing import publish

log = logging.getLogger(__name__)
KEYS = (
    "experiment",
    "description",
    "configuration",
    "records",
    "given",
    "again",
    "left_out",
    "files",
    "licences",
    "renewed_from",
)


def main() -> None:
    """Read, pack, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listed", required=True, metavar="FILE", help="JSON: what goes into the pack")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="zip to write")
    arguments = parser.parse_args()
    listed = mapping_argument(arguments.listed, "--listed", KEYS, "let the workflow make it again")
    count = publish(arguments.out, listed)
    size = arguments.out.stat().st_size / 1000
    log.info("%d files, %.0f kB, sha256 %s", count, size, sha256_of(arguments.out))


if __name__ == "__main__":
    run_script(main)
