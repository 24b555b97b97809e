"""Makes the files on one run by itself: metrics.json (per network and ensemble), cases.csv (per test image) and regions.csv.

For a run that stands in no table, or to look at one before the others are trained.
"""

import argparse
import logging
import math
from pathlib import Path

import pandas as pd

from kdml.analysis import cases
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.counts import measured
from kdml.analysis.sheets import evaluated, thirds_of
from kdml.common.errors import run_script
from kdml.common.files import write_csv, write_json
from kdml.runs.graph import TEACHER
from kdml.runs.records import read_record, trained_as
from kdml.runs.run_table import RunRow

log = logging.getLogger(__name__)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of prepared arrays")
    parser.add_argument("--out", type=Path, required=True, help="metrics.json")
    parser.add_argument("--cases", type=Path, required=True, help="cases.csv")
    parser.add_argument("--regions", type=Path, required=True, help="regions.csv")
    return parser.parse_args()


def number(value: float, what: str) -> float | None:
    """Give a metric as JSON holds it: an undefined one is null, and said in the log."""
    if math.isnan(value):
        log.warning("%s is undefined: the test set has no case that it could count", what)
        return None
    return value


def main() -> None:
    """Read, measure, write."""
    arguments = parse_arguments()
    record = read_record(arguments.run)
    settings = trained_as(record, arguments.run)
    row = RunRow(
        {"run": settings.run, "seed": str(settings.seed), "folder": str(arguments.run), "split": str(arguments.split)}
    )
    classes = settings.outputs if settings.kind == "classification" else 0
    scores: dict[str, dict[str, dict[str, float | None]]] = {truth: {} for truth in ("label", TEACHER)}
    tables, regions = [], pd.DataFrame()
    truths = ["label", *([TEACHER] if TEACHER in settings.networks and len(settings.networks) > 1 else [])]
    for truth in truths:
        found = evaluated([row], settings.kind, arguments.data, truth, thirds_of({(row.run, row.seed): record}))
        table = cases.stacked(found, "cases")
        here = cases.stacked(found, "regions") if truth == "label" and not classes else None
        regions = regions if here is None else here
        runs = MeasuredRuns(measured(table, here, truth, classes, {(row.run, row.seed): record}))
        for key, measure in runs.runs[row.run][row.seed].measures.items():
            scores[truth].setdefault(key.network, {})[key.metric] = number(
                measure.value, f"{key.metric} of {key.network}"
            )
        # A copy in one piece: of as many columns as masks have, pandas warns of each that is added.
        tables.append(table.copy().assign(truth=truth))
    write_csv(arguments.cases, pd.concat(tables, ignore_index=True).drop(columns=["run", "seed"]).to_dict("records"))
    write_csv(
        arguments.regions, regions.drop(columns=["run", "seed"], errors="ignore").to_dict("records"), ("id", "share")
    )
    n = len(tables[0]) // tables[0]["network"].nunique()
    write_json(arguments.out, {"kind": settings.kind, "n": n, "networks": scores["label"], "fidelity": scores[TEACHER]})


if __name__ == "__main__":
    run_script(main)
