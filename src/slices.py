"""Makes images.npz and slices.csv for one figure: test slices chosen by a rule, with masks and predictions of some runs (figures 4,
5, 7, 9)."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from kdml.analysis import evaluation, slices
from kdml.common.errors import UserError, run_script
from kdml.common.files import write_csv, written_whole
from kdml.runs import predictions
from kdml.runs.run_table import RunRow, RunTable


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="runs.csv of the place")
    parser.add_argument("--seed", type=int, required=True, help="of all runs")
    parser.add_argument("--show", nargs="+", required=True, metavar="RUN", help="names of the runs to show")
    parser.add_argument("--networks", nargs="+", required=True, help="of each, such as s1 s2")
    parser.add_argument(
        "--judges", nargs="+", required=True, metavar="RUN", help="names of runs whose IoU says how hard a slice is"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of prepared arrays")
    parser.add_argument("--rule", choices=list(slices.RULES), required=True)
    parser.add_argument("--grey", type=int, help="channel that pictures show in grey; else they have colours")
    parser.add_argument("--images", type=Path, required=True, help="npz to write")
    parser.add_argument(
        "--out", type=Path, required=True, help="CSV to write: slices, scores, and regions found and missed"
    )
    return parser.parse_args()


def named(table: RunTable, names: list[str], seed: int) -> list[RunRow]:
    """Rows of the table of runs with these names.

    Raises:
        UserError: a run is not listed.
    """
    found = {row.run: row for row in table.rows if row.seed == seed}
    missing = [name for name in names if name not in found]
    if missing:
        raise UserError(f"{table.path} does not list seed {seed} of '{missing[0]}'.", "name one of its runs")
    return [found[name] for name in names]


def main() -> None:
    """Choose, cut out, write."""
    arguments = parse_arguments()
    table = RunTable(arguments.runs)
    judges, shown = (named(table, names, arguments.seed) for names in (arguments.judges, arguments.show))
    tested = evaluation.read_test_set(shown[0].split, arguments.data)

    def stored(row: RunRow) -> predictions.Predictions:
        path = row.folder / "predictions.npz"
        found = predictions.load(path)
        evaluation.check(found, tested, table.kind, (path, row.split))
        return found

    def cases(row: RunRow) -> pd.DataFrame:
        return evaluation.against_labels(stored(row), tested).cases

    def seen(row: RunRow) -> pd.DataFrame:
        found = cases(row)
        return found[found["network"].isin(arguments.networks)]

    candidates = slices.with_lesion(map(cases, judges), map(seen, shown))
    chosen = slices.RULES[arguments.rule](candidates)
    collected = slices.Shown(chosen, tested, arguments.data, arguments.grey)
    for row in shown:
        collected.add(row.run, stored(row), arguments.networks)
    with written_whole(arguments.images) as temporary:
        np.savez_compressed(temporary, **collected.arrays)
    write_csv(arguments.out, collected.table(len(candidates), table.class_names))


if __name__ == "__main__":
    run_script(main)
