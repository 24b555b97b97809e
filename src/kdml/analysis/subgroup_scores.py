"""Scores of one trained network in the subgroups of its test set, with intervals that hold together, and the worst of them.

Of classes: the share of test images named right. Of masks: the share of the regions of the true masks that are found, and the IoU
of the images of a subgroup, where regions have no sizes. Of several subgroups the worst looks bad by chance; so all its intervals
of a metric hold together (Bonferroni), and that of the worst one, too, however it was picked.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kdml.analysis import few_groups, metrics, statistics, units
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.counts import OfCounts
from kdml.analysis.flips import FEWEST, worst_of
from kdml.analysis.metrics import FOUND, PRIMARY, Function
from kdml.analysis.units import Subgroup

COLUMNS = (
    "metric", "attribute", "subgroup", "cases", "groups", "value", "low", "high", "level", "worst", "remark",
)  # fmt: skip
TOO_FEW = f"fewer than {FEWEST} cases"
UNDEFINED = "undefined: no case of it could count"


@dataclass(frozen=True)
class _Judged:
    """What a metric counts in every unit.

    Args:
        metric: its name.
        of_counts: sums of counts to its value.
        counts: of every unit, (n, k).
        group: place of each unit's group in the order of the draws, (n,).
        groups: how many there are.
        subgroups: whether a unit belongs to each, (n,).
    """

    metric: str
    of_counts: Function
    counts: np.ndarray
    group: np.ndarray
    groups: int
    subgroups: Mapping[Subgroup, np.ndarray]

    def of(self, members: np.ndarray) -> OfCounts:
        """The metric of some units."""
        sums = np.zeros((self.groups, self.counts.shape[1]))
        np.add.at(sums, self.group[members], self.counts[members])
        return OfCounts(self.of_counts, sums)


def rows(
    runs: MeasuredRuns, cases: pd.DataFrame, found: pd.DataFrame | None, network: str, class_names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """A row of `COLUMNS` per metric and subgroup, in percent; one with too few cases has no value, and says so.

    Args:
        runs: a single run of one seed, measured against its labels.
        cases: of the run, as `kdml.analysis.cases.read` gives them.
        found: their regions; None for classification.
        network: of the run, or `ensemble`.
        class_names: of the labels; of masks without the background.
    """
    ((run, by_seed),) = runs.runs.items()
    ((seed, _),) = by_seed.items()
    for judged in _judged(cases, found, (run, seed, network), class_names):
        yield from _rows(runs, run, seed, judged)


def _judged(
    cases: pd.DataFrame, found: pd.DataFrame | None, who: tuple[str, int, str], class_names: Sequence[str]
) -> Iterator[_Judged]:
    """Classes: images that are right. Masks: pixels of images by metadata, and regions that are found."""
    run, seed, network = who
    if found is not None:
        mine = cases[cases["network"] == network]
        places = {name: place for place, name in enumerate(dict.fromkeys(mine["group"]))}
        group = np.array([places[name] for name in mine["group"]])
        pixels = metrics.pixel_columns({name: mine[name].to_numpy() for name in mine})
        known = dict(units.of_metadata(mine, mine["id"].tolist()))
        yield _Judged(PRIMARY["segmentation"], metrics.iou, pixels.astype(float), group, len(places), known)
    by_seed = units.of_cases(cases, class_names) if found is None else units.of_regions(cases, found, class_names)
    if seed in by_seed:  # test sets without any region have none
        one = by_seed[seed]
        right = one.right[run, network].astype(float)
        counts = np.stack([right, np.ones_like(right)], axis=1)
        metric = PRIMARY["classification"] if found is None else FOUND
        yield _Judged(metric, metrics.share, counts, one.group, len(one.groups), one.subgroups)


def _rows(runs: MeasuredRuns, run: str, seed: int, judged: _Judged) -> Iterator[dict[str, Any]]:
    shown = [name for name, members in judged.subgroups.items() if members.sum() >= FEWEST]
    level = 1 - (1 - statistics.CONFIDENCE) / max(len(shown), 1)
    found: list[dict[str, Any]] = []
    for name, members in judged.subgroups.items():
        row: dict[str, Any] = {
            "metric": judged.metric,
            "attribute": name[0],
            "subgroup": name[1],
            "cases": int(members.sum()),
        }
        row |= {"groups": len(set(judged.group[members]))}
        values = _described(runs, run, seed, judged, members, level) if name in shown else _no_value(TOO_FEW)
        found.append(row | values | {"level": level})
    worst = worst_of(found, lambda row: -row["value"])
    yield from (row | {"worst": int(row is worst)} for row in found)


def _no_value(remark: str) -> dict[str, Any]:
    return dict.fromkeys(("value", "low", "high"), math.nan) | {"remark": remark}


def _described(
    runs: MeasuredRuns, run: str, seed: int, judged: _Judged, members: np.ndarray, level: float
) -> dict[str, Any]:
    """Value of one subgroup and its interval, as `few_groups` gives it."""
    measure, groups = judged.of(members), len(set(judged.group[members]))
    value = 100 * measure.value
    if math.isnan(value):
        return _no_value(UNDEFINED)
    draws = 100 * measure.draws(runs.resamples([seed]), seed)
    _, found = runs.interval(run, {seed: value}, {seed: draws}, groups, level)
    interval, remark = few_groups.of_subgroup(found, groups, judged.of_counts is metrics.share, level)
    low, high = (float(np.clip(end, 0, 100)) for end in (interval.low, interval.high))
    return {"value": value, "low": low, "high": high, "remark": remark}
