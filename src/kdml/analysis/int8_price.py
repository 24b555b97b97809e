"""Price of computing a trained network in 8-bit integers: every metric beside its own in float32, paired on the same test cases."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kdml.analysis import cases, few_groups
from kdml.analysis.cases import Evaluated
from kdml.analysis.contrasts import ONE_SEED, Contrast, MeasuredRuns
from kdml.analysis.counts import measured
from kdml.analysis.evaluation import Evaluation, TestSet, against_labels, against_teacher
from kdml.analysis.metrics import AURC, METRICS, scale_of
from kdml.analysis.statistics import Interval
from kdml.runs.graph import TEACHER
from kdml.runs.predictions import Predictions

FLOAT, INT8 = "float32", "int8"
LABEL, NETWORK = "label", "network"
LOWER_IS_BETTER = frozenset({metric.name for metric in METRICS if not metric.higher_is_better} | {AURC})


def price(tested: TestSet, exact: np.ndarray, rounded: np.ndarray, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Measure a network in both forms, and their difference, by the statistics of contrasts between runs.

    Args:
        tested: test part of the split.
        exact: outputs in float32, as predictions are stored: probabilities (n, K) float32, or quantised ones
            (n, h, w) or (n, K, h, w) uint8.
        rounded: outputs in 8-bit integers, in the same form.
        record: run.json of the network's run.

    Returns:
        A row per metric `against` the label: its value in both forms, `difference` (int8 minus float32) with the ends `low` and
        `high` of its 95 % interval, which resamples groups of test cases, `p`, and `worse`: whether the interval lies on the
        worse side of 0. And a row per metric `against` float32, as if this were the teacher: how far int8 says the same, as the
        value of int8, with the interval of that value.
    """
    both = {FLOAT: exact, INT8: rounded}
    said = {name: against_labels(Predictions(tested.rows, {NETWORK: one}), tested) for name, one in both.items()}
    same = against_teacher(Predictions(tested.rows, {TEACHER: exact, NETWORK: rounded}), tested)
    return [*_differences(_measured(said, LABEL, record)), *_sameness(_measured({INT8: same}, TEACHER, record))]


def _measured(found: Mapping[str, Evaluation], truth: str, record: Mapping[str, Any]) -> MeasuredRuns:
    """The forms of a network as if they were runs of one seed."""
    settings = record["settings"]
    runs = [Evaluated(name, settings["seed"], one) for name, one in found.items()]
    classes = len(settings["classes"]) if settings["kind"] == "classification" else 0
    regions = None if classes or truth == TEACHER else cases.stacked(runs, "regions")
    records = {(one.run, one.seed): record for one in runs}
    return MeasuredRuns(measured(cases.stacked(runs, "cases"), regions, truth, classes, records))


def _differences(runs: MeasuredRuns) -> list[dict[str, Any]]:
    rows = []
    ((_, first),) = runs.runs[FLOAT].items()
    for key in first.measures:
        found = runs.contrast(Contrast(INT8, FLOAT, key.network, key.truth, key.metric))
        values = {
            name: scale_of(key.metric) * measure.value
            for name, by_seed in runs.runs.items()
            for one in by_seed.values()
            for measure in [one.measure(key)]
        }
        by_bootstrap = Interval(found["estimate"], found["low"], found["high"], found["p"])
        ends, why = few_groups.settled(by_bootstrap, 0)
        worse = ends.low > 0 if key.metric in LOWER_IS_BETTER else ends.high < 0
        tests = {name: found.get(name, "") for name in ("cases", "groups", "test", "p_cases")}
        rows.append(
            {
                "against": LABEL,
                "metric": key.metric,
                **values,
                "difference": found["estimate"],
                "low": ends.low,
                "high": ends.high,
                "p": ends.p,
            }
            | {"worse": int(worse), **tests, "remark": _remark(found["remark"]) or why}
        )
    return rows


def _sameness(runs: MeasuredRuns) -> list[dict[str, Any]]:
    return [
        {"against": FLOAT, "metric": row["metric"], INT8: row["mean"]}
        | {name: row[name] for name in ("low", "high", "cases", "groups")}
        | {"remark": _remark(row["remark"])}
        for row in runs.values()
    ]


def _remark(said: str) -> str:
    """Remark without the one on a single seed: one trained network is what is asked about."""
    return said.removeprefix(ONE_SEED).removeprefix("; ")


def worse_metrics(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the metrics whose whole interval says that int8 is worse than float32.

    Args:
        rows: of `price`.
    """
    return [row["metric"] for row in rows if row.get("worse") == 1]
