"""Makes the files of one sheet of a place's runs out of their stored predictions and histories.

cases.parquet and regions.parquet: what every network did on every test image and every region of the true masks. found.csv: how
many students find each region. values.csv: every metric with mean and spread over seeds and its interval; by_seed.csv: of every
single run. confusion.csv: test cases by true and predicted class. reliability.csv: how often what was predicted came true.
coverage.csv: what is wrong among the surest cases. comparison.csv: the paper's numbers beside ours. curves.csv, bands.csv:
learning curves.
"""

import argparse
import logging
from pathlib import Path

from kdml.analysis import cases, confusion, coverage_curves, learning_curves, reliability_curves
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.counts import measured
from kdml.analysis.found import COLUMNS, by_region
from kdml.analysis.sheets import evaluated, thirds_of, with_outputs, write_values
from kdml.common.errors import run_script
from kdml.common.files import write_csv
from kdml.runs.records import refuse_mixture
from kdml.runs.run_table import EVALUATED, RunTable, described

log = logging.getLogger(__name__)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="runs.csv of the place")
    parser.add_argument("--sheet", choices=EVALUATED, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of prepared arrays")
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--out", type=Path, required=True, help="folder of the sheet")
    return parser.parse_args()


def main() -> None:
    """Read, measure, resample, compare, write."""
    arguments = parse_arguments()
    table, out = RunTable(arguments.runs), arguments.out
    rows = table.sheet(arguments.sheet)
    records = refuse_mixture(described(rows), ("run",), arguments.allow_mixed_code)
    by_key = {(row.run, row.seed): records[str(row.folder)] for row in rows}
    found = evaluated(rows, table.kind, arguments.data, "label", thirds_of(by_key))
    tables = {part: cases.stacked(found, part) for part in ("cases", "regions")}
    log.info("%d runs evaluated", len(rows))
    each = measured(tables["cases"], None if table.classes else tables["regions"], "label", table.classes, by_key)
    runs = MeasuredRuns(with_outputs(each, found))
    curves = [line for row in rows for line in learning_curves.rows_of(row)]
    for part, one in tables.items():
        cases.write(out / f"{part}.parquet", one)
    write_csv(out / "found.csv", by_region(tables["regions"]).to_dict("records"), COLUMNS)
    write_csv(out / "confusion.csv", confusion.rows(each, table.kind, table.class_names), confusion.COLUMNS)
    write_csv(out / "reliability.csv", list(reliability_curves.rows(runs)), reliability_curves.COLUMNS)
    write_csv(out / "coverage.csv", list(coverage_curves.rows(runs)), coverage_curves.COLUMNS)
    write_values(out, table, arguments.sheet, runs, by_key)
    write_csv(out / "curves.csv", curves, learning_curves.COLUMNS)
    write_csv(out / "bands.csv", list(learning_curves.bands(curves)), learning_curves.BAND_COLUMNS)


if __name__ == "__main__":
    run_script(main)
