"""Makes the table of what leakage is worth at a task and pair: every run under two ways to split, and their difference.

python src/between_protocols.py --runs paper/lgg/small/runs.csv grouped/lgg/small/runs.csv --sheets variants
    --cases */lgg/small/variants/cases.parquet --regions */lgg/small/variants/regions.parquet --out between_protocols.csv
"""

import argparse
from pathlib import Path

from kdml.analysis import at_place, between_protocols, metrics
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.sheets import Records
from kdml.common.errors import UserError, run_script
from kdml.common.files import write_csv
from kdml.runs.run_table import RunTable

DRAWS = (0, between_protocols.OTHER_DRAWS)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs=2, required=True, help="runs.csv under each of two protocols")
    parser.add_argument("--sheets", nargs="+", required=True, help="whose runs are compared")
    parser.add_argument(
        "--cases", type=Path, nargs="+", required=True, help="cases.parquet of these sheets, in folders of both places"
    )
    parser.add_argument("--regions", type=Path, nargs="*", default=[], help="likewise regions.parquet (segmentation)")
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def measured(arguments: argparse.Namespace, table: RunTable, records: Records, draws_seed: int) -> MeasuredRuns:
    """Runs of one place."""
    place = table.path.parent
    of_cases, of_regions = (
        [path for path in paths if place in path.parents] for paths in (arguments.cases, arguments.regions)
    )
    if not of_cases:
        raise UserError(f"--cases names no file below {place}.", "give the cases of both places")
    tables = at_place.read_tables(table, of_cases, of_regions, records)
    return MeasuredRuns(at_place.against_labels(table, tables, records), draws_seed)


def main() -> None:
    """Read, compare, write."""
    arguments = parse_arguments()
    mixed, tables = arguments.allow_mixed_code, map(RunTable, arguments.runs)
    sides = [(table, at_place.records_of(table, arguments.sheets, mixed)) for table in tables]
    at_place.refuse_unlike(*sides, mixed)
    first, second = (measured(arguments, *side, draws) for side, draws in zip(sides, DRAWS, strict=True))
    rows = between_protocols.rows(first, second, metrics.PRIMARY[sides[0][0].kind])
    write_csv(arguments.out, rows, between_protocols.COLUMNS)


if __name__ == "__main__":
    run_script(main)
