"""Makes the files of a sheet that follow from its test cases, where there are no predictions to make the cases from: in a pack.

They are those of src/evaluate.py, or of src/fidelity.py, without cases.parquet, regions.parquet and what teachers agree on.
"""

import argparse
from pathlib import Path

from kdml.analysis import cases
from kdml.analysis.at_place import records_of
from kdml.analysis.sheets import follows, write
from kdml.common.errors import run_script
from kdml.runs.run_table import SHEETS, RunTable


def main() -> None:
    """Read, resample, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="runs.csv of the place")
    parser.add_argument("--sheet", choices=SHEETS, required=True)
    parser.add_argument("--cases", type=Path, required=True, help="its cases.parquet")
    parser.add_argument("--regions", type=Path, help="its regions.parquet; none of fidelity")
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--out", type=Path, required=True, help="folder of the sheet")
    arguments = parser.parse_args()
    table = RunTable(arguments.runs)
    records = records_of(table, [arguments.sheet], arguments.allow_mixed_code)
    tested = cases.read([arguments.cases])
    regions = None if arguments.regions is None else cases.read([arguments.regions])
    write(arguments.out, follows(table, arguments.sheet, tested, regions, records))


if __name__ == "__main__":
    run_script(main)
