"""Makes the arrays, the index and the report of one data set from its archives."""

import argparse
import logging
from pathlib import Path

from kdml.common.command_line import mapping_argument, positive
from kdml.common.errors import run_script
from kdml.data.archives import read_record
from kdml.data.layouts import LAYOUTS, Choice
from kdml.data.own import own_of
from kdml.data.prepare import prepare

log = logging.getLogger(__name__)


THREADS = 2  # each reads the directory of the largest archive for itself: 3 s and 170 MB


def main() -> None:
    """Prepare one data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help=f"{', '.join(LAYOUTS)}, or one of your own")
    parser.add_argument(
        "--record", type=Path, action="append", required=True, help="of each archive, made by src/fetch.py"
    )
    parser.add_argument(
        "--archives",
        type=Path,
        help="folder that holds the archives, of a data set of your own the folder or zip that it is"
        " (default: where they were when they were recorded)",
    )
    parser.add_argument("--size", type=positive, required=True, help="side of the images in pixels")
    parser.add_argument("--subset", type=positive, help="size of the balanced random subset")
    parser.add_argument("--limit", type=positive, help="keep about so many images")
    parser.add_argument("--seed", type=int, default=0, help="of subset and limit")
    parser.add_argument("--slides", type=Path, help="CSV with the columns id and wsi")
    parser.add_argument("--own", help="JSON: how a data set of your own lies (kdml.data.own.Own)")
    parser.add_argument("--table", help="CSV or Parquet that lists the pictures of a data set of your own")
    parser.add_argument("--threads", type=positive, default=THREADS, help="that decode (default %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    if (arguments.own is None) != (arguments.dataset in LAYOUTS):
        parser.error("--own goes with a --dataset of your own, and with no other")
    own = None if arguments.own is None else own_of(mapping_argument(arguments.own, "--own"), arguments.table)
    records = [read_record(path, "run src/fetch.py first") for path in arguments.record]
    choice = Choice(arguments.subset, arguments.limit, arguments.seed, arguments.slides)
    report = prepare(
        arguments.dataset, records, arguments.size, choice, arguments.out, arguments.threads, arguments.archives, own
    )
    log.info("%s: %d pictures kept, %s", arguments.dataset, report["kept"], report["classes"])


if __name__ == "__main__":
    run_script(main)
