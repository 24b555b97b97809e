"""Makes the files of a place on the fidelity of students: the same metrics with the teacher's predictions as the truth.

cases.parquet: agreement on every test image. values.csv, by_seed.csv: metrics over seeds and of every run. comparison.csv: the
paper's numbers beside ours. teachers.csv, teachers_summary.csv: how far independently seeded teachers agree, for reference.
"""

import argparse
from pathlib import Path

from kdml.analysis import cases, fidelity
from kdml.analysis.over_seeds import SUMMARY, over_seeds
from kdml.analysis.sheets import evaluated, follows, write
from kdml.common.errors import run_script
from kdml.common.files import write_csv
from kdml.runs import predictions
from kdml.runs.records import refuse_mixture
from kdml.runs.run_table import FIDELITY_SHEET, RunTable, described


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="runs.csv of the place")
    parser.add_argument("--data", type=Path, required=True, help="folder of prepared arrays")
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--out", type=Path, required=True, help="folder of the sheet")
    return parser.parse_args()


def main() -> None:
    """Read, measure, compare, write; a single seed leaves the table of teachers empty."""
    arguments = parse_arguments()
    table, out = RunTable(arguments.runs), arguments.out
    rows, teachers = table.sheet(FIDELITY_SHEET), table.teachers()
    records = refuse_mixture(described([*rows, *teachers]), ("run",), arguments.allow_mixed_code)
    by_key = {(row.run, row.seed): records[str(row.folder)] for row in rows}
    found = evaluated(rows, table.kind, arguments.data, "teacher")
    stack = cases.stacked(found, "cases")
    files = follows(table, FIDELITY_SHEET, stack, None, by_key)
    stored = {row.seed: predictions.load(row.folder / "predictions.npz") for row in teachers}
    pairs = list(fidelity.between_teachers(stored))
    cases.write(out / "cases.parquet", stack)
    write(out, files)
    write_csv(out / "teachers.csv", pairs, fidelity.TEACHER_COLUMNS)
    write_csv(out / "teachers_summary.csv", over_seeds(pairs, over=fidelity.TEACHER_COLUMNS[:2]), ("metric", *SUMMARY))


if __name__ == "__main__":
    run_script(main)
