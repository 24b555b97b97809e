"""Makes contrasts.csv of one task and pair: paired differences between runs, with their uncertainty."""

import argparse
from pathlib import Path

from kdml.analysis import cases, claims, counts, families, metrics
from kdml.analysis.contrasts import MeasuredRuns
from kdml.common.errors import UserError, run_script
from kdml.common.files import write_csv
from kdml.runs.records import refuse_mixture
from kdml.runs.run_table import METHODS_SHEET, RunRow, RunTable, described


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="runs.csv of the place")
    parser.add_argument("--sheets", nargs="+", required=True, help="whose runs are compared")
    parser.add_argument("--cases", type=Path, nargs="+", required=True, help="cases.parquet of these sheets")
    parser.add_argument(
        "--regions", type=Path, nargs="*", default=[], help="regions.parquet of these sheets (segmentation)"
    )
    parser.add_argument("--fidelity", type=Path, nargs="*", default=[], help="cases.parquet against teachers")
    parser.add_argument("--claims", type=Path, required=True, help="claims.yaml")
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def measured(arguments: argparse.Namespace, table: RunTable, rows: list[RunRow]) -> list[counts.Measured]:
    """Runs of the sheets as they were measured against labels, and against teachers where that was asked for."""
    found = refuse_mixture(described(rows), ("run",), arguments.allow_mixed_code)
    records = {(row.run, row.seed): found[str(row.folder)] for row in rows}
    regions = None if table.classes else cases.read(arguments.regions, ("region", "area", "share"))
    stack = cases.read(arguments.cases, metrics.columns_of(table.kind, "label"))
    if missing := records.keys() - cases.by_run(stack).keys():
        run, seed = min(missing)
        raise UserError(f"{', '.join(map(str, arguments.cases))}: no cases of {run}, seed {seed}.", cases.AGAIN)
    runs = counts.measured(stack, regions, "label", table.classes, records)
    if not arguments.fidelity:
        return runs
    stack = cases.read(arguments.fidelity, metrics.columns_of(table.kind, "teacher"))
    return counts.together(runs, counts.measured(stack, None, "teacher", table.classes, records))


def main() -> None:
    """Read, compare, write."""
    arguments = parse_arguments()
    table = RunTable(arguments.runs)
    rows = [row for sheet in arguments.sheets for row in table.sheet(sheet)]
    runs = MeasuredRuns(measured(arguments, table, rows))
    claimed = claims.contrasts_at(claims.read_claims(arguments.claims), table.name, table.kind)
    of_methods = METHODS_SHEET in arguments.sheets
    write_csv(arguments.out, list(families.rows(runs, claimed, table.classes, of_methods)), families.COLUMNS)


if __name__ == "__main__":
    run_script(main)
