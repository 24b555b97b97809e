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

from kdml.analysis import cases
from kdml.analysis.at_place import records_of
from kdml.analysis.sheets import evaluated, follows, thirds_of, write
from kdml.common.errors import run_script
from kdml.runs.run_table import EVALUATED, RunTable

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
    records = records_of(table, [arguments.sheet], arguments.allow_mixed_code)
    found = evaluated(rows, table.kind, arguments.data, "label", thirds_of(records))
    log.info("%d runs evaluated", len(rows))
    tested, regions = cases.with_bins_of_groups(cases.stacked(found, "cases")), cases.stacked(found, "regions")
    files = follows(table, arguments.sheet, tested, regions, records)
    cases.write(out / "cases.parquet", tested)
    cases.write(out / "regions.parquet", regions)
    write(out, files)


if __name__ == "__main__":
    run_script(main)
