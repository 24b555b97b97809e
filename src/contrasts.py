"""Makes contrasts.csv of one task and pair: paired differences between runs, with their uncertainty.

With --against, beside it: flips.csv, what the teacher gets right and a student wrong; non_inferiority.csv, whether a student is
good enough to replace it; second_student.csv, what an ensemble is worth beyond its best student, and a third student beside both.
"""

import argparse
from pathlib import Path

from kdml.analysis import (
    at_place,
    cases,
    claims,
    counts,
    families,
    flips,
    metrics,
    non_inferiority,
    second_student,
    units,
)
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.scores_by_cost import validated
from kdml.analysis.sheets import Records, thirds_of
from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_csv
from kdml.runs.run_table import METHODS_SHEET, RunTable


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True, help="runs.csv of the place")
    parser.add_argument("--sheets", nargs="+", required=True, help="whose runs are compared")
    parser.add_argument("--cases", type=Path, nargs="+", required=True, help="cases.parquet of these sheets")
    parser.add_argument(
        "--regions", type=Path, nargs="*", default=[], help="regions.parquet of these sheets (segmentation)"
    )
    parser.add_argument("--fidelity", type=Path, nargs="*", default=[], help="cases.parquet against teachers")
    parser.add_argument("--claims", type=Path, required=True, help="claims.yaml")
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--against", type=Path, help="folder to write what a clinic asks of a student to")
    parser.add_argument("--margin", type=float, default=2.0, help="of non-inferiority, in percentage points")
    parser.add_argument("--curves", type=Path, nargs="*", default=[], help="curves.csv of these sheets, for --against")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def measured(
    arguments: argparse.Namespace, table: RunTable, tables: at_place.Tables, records: Records
) -> list[counts.Measured]:
    """Runs as they were measured against labels, and against teachers where that was asked for."""
    runs = at_place.against_labels(table, tables, records)
    if not arguments.fidelity:
        return runs
    stack = cases.read(arguments.fidelity, metrics.columns_of(table.kind, "teacher"))
    return counts.together(runs, counts.measured(stack, None, "teacher", table.classes, records))


def write_against(
    arguments: argparse.Namespace, table: RunTable, runs: MeasuredRuns, tables: at_place.Tables, records: Records
) -> None:
    """Write what a clinic asks of students beside the teacher, and of two beside one."""
    metric, (stack, found) = metrics.PRIMARY[table.kind], tables
    names = table.class_names
    judged = units.of_cases(stack, names) if found is None else units.of_regions(stack, found, names)
    keys = ("run", "seed", "network", "part", "term", "value")
    scores = validated([row for path in arguments.curves for row in read_csv(path, MAKE_AGAIN, keys)])
    files = {
        "flips": (flips.rows(runs, judged), flips.COLUMNS),
        "non_inferiority": (non_inferiority.rows(runs, metric, arguments.margin), non_inferiority.COLUMNS),
        "second_student": (second_student.rows(runs, metric, scores, thirds_of(records)), second_student.COLUMNS),
    }
    for name, (rows, columns) in files.items():
        write_csv(arguments.against / f"{name}.csv", list(rows), columns)


def main() -> None:
    """Read, compare, write."""
    arguments = parse_arguments()
    table = RunTable(arguments.runs)
    records = at_place.records_of(table, arguments.sheets, arguments.allow_mixed_code)
    tables = at_place.read_tables(table, arguments.cases, arguments.regions, records)
    runs = MeasuredRuns(measured(arguments, table, tables, records))
    claimed = claims.contrasts_at(claims.read_claims(arguments.claims), table.name, table.kind)
    of_methods = METHODS_SHEET in arguments.sheets
    if arguments.against is not None:
        write_against(arguments, table, runs, tables, records)
    write_csv(arguments.out, list(families.rows(runs, claimed, table.classes, of_methods)), families.COLUMNS)


if __name__ == "__main__":
    run_script(main)
