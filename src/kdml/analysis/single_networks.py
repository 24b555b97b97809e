"""Scores of one network of one run, or of the ensemble of its students, with intervals over the test cases; also by subgroup."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kdml.analysis import cases, subgroup_scores
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.counts import measured
from kdml.analysis.sheets import evaluated
from kdml.runs.run_table import RunRow

LABEL = "label"


class Scored(NamedTuple):
    """A network on its test set.

    Args:
        scores: a row per metric: `metric`, `value` and the ends `low` and `high` of its 95 % interval (bootstrap over groups of
            test cases), `chance` (what naming the most frequent class every time would have), `cases`, `groups`, and what is to
            be known as `remark`.
        subgroups: rows of `kdml.analysis.subgroup_scores`.
    """

    scores: list[dict[str, Any]]
    subgroups: list[dict[str, Any]]


def scored(row: RunRow, network: str, kind: str, data: Path, record: Mapping[str, Any]) -> Scored:
    """Measure a network against the labels or true masks.

    Args:
        row: of its run, in the table of runs.
        network: its name in the run, or `ensemble`.
        kind: of the task.
        data: folder of the prepared arrays, which masks and what is known of the pictures are read from.
        record: run.json.
    """
    names = record["settings"]["classes"]
    classes = len(names) if kind == "classification" else 0
    found = evaluated([row], kind, data, LABEL)
    regions = None if classes else cases.stacked(found, "regions")
    table = cases.stacked(found, "cases")
    runs = MeasuredRuns(measured(table, regions, LABEL, classes, {(row.run, row.seed): record}))
    scores = [
        {"metric": value["metric"], "value": value["mean"]}
        | {name: value[name] for name in ("low", "high", "chance", "cases", "groups", "remark")}
        for value in runs.values()
        if value["network"] == network
    ]
    return Scored(scores, list(subgroup_scores.rows(runs, table, regions, network, names)))
