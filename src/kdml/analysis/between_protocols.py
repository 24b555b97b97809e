"""What leakage is worth: how much better runs score where the parts of a split share patients, lesions or slides."""

import math
from collections.abc import Iterator
from typing import Any

from kdml.analysis import statistics
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.counts import Key
from kdml.analysis.statistics import holm, welch

OTHER_DRAWS = 1  # seed of the draws of the second protocol, which must not be those of the first
COLUMNS = (
    "run", "network", "metric", "first_mean", "first_std", "first_cases", "first_groups",
    "second_mean", "second_std", "second_cases", "second_groups", "estimate", "low", "high", "p", "p_holm", "seeds",
)  # fmt: skip


def rows(first: MeasuredRuns, second: MeasuredRuns, metric: str) -> list[dict[str, Any]]:
    """Compare every run and network between two protocols, in percent and percentage points.

    Trainings and test sets differ, so nothing is paired. The interval is the wider of two: a bootstrap that draws seeds and
    groups of test cases of each protocol on its own, and Welch's over seeds. p is adjusted (Holm) over all comparisons; rows that
    are equal in every number are one, being of one network: as teacher and as student, or the online teacher of six variants.

    Args:
        first: runs of a task and pair under one protocol.
        second: under the other, whose draws have another seed.
        metric: to judge by, against the labels.

    Returns:
        Rows of `COLUMNS`, first minus second, of what both were measured on.
    """
    found = [_row(first, second, run, key) for run, key in _in_both(first, second, metric)]
    once = {_numbers(row): row["p"] for row in found}
    adjusted = dict(zip(once, holm(list(once.values())), strict=True))
    return [row | {"p_holm": adjusted[_numbers(row)]} for row in found]


def _numbers(row: dict[str, Any]) -> tuple[str, ...]:
    """All that was found, which two networks never share."""
    return tuple(str(row[name]) for name in COLUMNS if name not in ("run", "network", "p_holm"))


def _in_both(first: MeasuredRuns, second: MeasuredRuns, metric: str) -> Iterator[tuple[str, Key]]:
    for run in first.runs:
        for key in first.keys_in_all(run):
            if (key.truth, key.metric) == ("label", metric) and key in second.keys_in_all(run):
                yield run, key


def _row(first: MeasuredRuns, second: MeasuredRuns, run: str, key: Key) -> dict[str, Any]:
    sides = {"first": first.sample(run, key), "second": second.sample(run, key)}
    one, other = sides.values()
    estimate = one.summary.mean - other.summary.mean
    of_cases = statistics.percentile(estimate, one.draws - other.draws, min(one.groups, other.groups))
    of_seeds = welch(*([(side.summary.mean, side.summary.std, side.summary.n)] for side in (one, other)))
    found = statistics.wider(of_cases, of_seeds)
    row: dict[str, Any] = {"run": run, "network": key.network, "metric": key.metric}
    for name, side in sides.items():
        row |= {f"{name}_mean": side.summary.mean, f"{name}_std": side.summary.std}
        row |= {f"{name}_cases": side.cases, f"{name}_groups": side.groups}
    return row | {
        "estimate": found.estimate,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "p_holm": math.nan,
        "seeds": min(one.summary.n, other.summary.n),
    }
