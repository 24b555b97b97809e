"""Split a prepared data set into training, validation and test part, and report what leaks between them.

python src/split.py --index DIR/index.parquet --protocol grouped --out split.csv --report leakage.json
"""

import argparse
import logging
from pathlib import Path

from kdml.common.errors import run_script
from kdml.common.files import sha256_of, write_json
from kdml.data.leakage import DEFAULT_DISTANCE, leakage_report
from kdml.data.split import PROTOCOLS, make_split, read_index, write_split

log = logging.getLogger(__name__)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True, type=Path, metavar="FILE", help="the data set's index.parquet")
    parser.add_argument("--protocol", required=True, help=f"{' or '.join(PROTOCOLS)}")
    parser.add_argument(
        "--fractions",
        nargs="+",
        type=float,
        default=[0.75, 0.10, 0.15],
        help="shares of training, validation and test part",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="chooses among the splits that are equally good (default 0)"
    )
    parser.add_argument("--task", help="the task's name for the report (default: the name of the index's folder)")
    parser.add_argument(
        "--max-distance",
        type=int,
        default=DEFAULT_DISTANCE,
        help=f"bits by which the hashes of near-duplicates may differ (default {DEFAULT_DISTANCE})",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the split (CSV) to write")
    parser.add_argument("--report", required=True, type=Path, metavar="FILE", help="the leakage report (JSON) to write")
    return parser.parse_args()


def main() -> None:
    """Make the split that the command line asks for, check it, and write it with its report."""
    arguments = parse_arguments()
    index = read_index(arguments.index)
    split = make_split(index, arguments.protocol, arguments.fractions, arguments.seed)
    task = arguments.task or arguments.index.resolve().parent.name
    report = leakage_report(index, split, task, arguments.protocol, arguments.seed, arguments.max_distance)
    write_split(split.table, arguments.out)
    write_json(arguments.report, report | {"sha256": sha256_of(arguments.out)})
    sizes = ", ".join(f"{part} {described['images']}" for part, described in report["parts"].items())
    log.info("%s under %s, by %s: %s", task, arguments.protocol, split.unit, sizes)


if __name__ == "__main__":
    run_script(main)
