"""Negative flips: what a network that could be replaced gets right, and the one in its place wrong; in total and by subgroup.

A case is a test image, or in segmentation a region of the true masks, which is right if it is found. Of several subgroups the
worst would look bad by chance; so all intervals of subgroups hold together (Bonferroni), and that of the worst one, too, however
it was picked.

Reference:
    Yan et al., Positive-Congruent Training, CVPR 2021 (negative flip rate).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kdml.analysis import few_groups, statistics
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.ratios import ratio
from kdml.analysis.units import Subgroup, Units
from kdml.runs.graph import BASELINE, ENSEMBLE, TEACHER, is_student
from kdml.runs.run_table import BASELINE_RUNS, BASELINE_STUDENT

ALL: Subgroup = ("", "")
FEWEST = 10  # cases of a subgroup that is shown
COLUMNS = (
    "run", "network", "against", "attribute", "subgroup", "cases", "groups", "seeds", "flips", "low", "high", "gains", "level",
    "subgroups", "left_out", "worst", "remark",
)  # fmt: skip


def rows(runs: MeasuredRuns, units: Mapping[int, Units]) -> Iterator[dict[str, Any]]:
    """A row of `COLUMNS` per network, what it would replace, and subgroup; shares of the cases in percent.

    `flips` are cases that only the replaced network gets right, `gains` those that only the new one does. `cases` and `groups` are
    those of the smallest test set. `level` is the confidence of the interval; `subgroups` how many there are, and `left_out` how
    many more have fewer than `FEWEST` cases in a seed.

    Args:
        runs: of the place, measured against their labels.
        units: of every seed.
    """
    for run, network in dict.fromkeys(key for one in units.values() for key in one.right):
        if is_student(network) or network == ENSEMBLE or run == BASELINE_STUDENT:
            for against in (TEACHER, *BASELINE_RUNS):
                if against != run:
                    yield from _rows(runs, units, (run, network), against)


def _rows(
    runs: MeasuredRuns, units: Mapping[int, Units], new: tuple[str, str], against: str
) -> Iterator[dict[str, Any]]:
    old = (new[0], TEACHER) if against == TEACHER else (against, BASELINE)
    both = {seed: one for seed, one in units.items() if {new, old} <= one.right.keys()}
    if not both:
        return
    known = [
        name for name in next(iter(both.values())).subgroups if all(name in one.subgroups for one in both.values())
    ]
    shown = [name for name in known if all(one.subgroups[name].sum() >= FEWEST for one in both.values())]
    level = 1 - (1 - statistics.CONFIDENCE) / max(len(shown), 1)
    counts = {seed: _counts(one, new, old, shown) for seed, one in both.items()}
    shared = runs.resamples(both)
    drawn = {seed: np.tensordot(shared.group_weights[seed], one, 1) for seed, one in counts.items()}
    found = [
        {"attribute": name[0], "subgroup": name[1]}
        | _described(
            runs,
            new[0],
            name,
            {seed: one[:, place] for seed, one in counts.items()},
            {seed: one[:, place] for seed, one in drawn.items()},
            statistics.CONFIDENCE if name == ALL else level,
        )
        for place, name in enumerate([ALL, *shown])
    ]
    worst = worst_of(found[1:], lambda row: row["flips"])
    who = {"run": new[0], "network": new[1], "against": against}
    more = {"subgroups": len(shown), "left_out": len(known) - len(shown)}
    yield from (who | row | more | {"worst": int(row is worst)} for row in found)


def worst_of(subgroups: Sequence[dict[str, Any]], badness: Callable[[dict[str, Any]], float]) -> dict[str, Any] | None:
    """Worst of several subgroups; None where all are alike, or there are not two.

    Those with an interval come first: of a single patient anything may be seen. The others count where these do not tell.

    Args:
        subgroups: rows with `low`, the lower end of their interval, which is not a number where there is none.
        badness: of a row; not a number where nothing is known.
    """
    known = [row for row in subgroups if not math.isnan(badness(row))]
    for rows in ([row for row in known if not math.isnan(row["low"])], known):
        if len(set(map(badness, rows))) > 1:
            return max(rows, key=badness)
    return None


def _counts(one: Units, new: tuple[str, str], old: tuple[str, str], shown: Sequence[Subgroup]) -> np.ndarray:
    """Flips, gains and cases of every group and of all cases and every subgroup, (groups, 1 + subgroups, 3)."""
    flips, gains = one.right[old] & ~one.right[new], one.right[new] & ~one.right[old]
    members = [np.ones(len(flips), dtype=bool), *(one.subgroups[name] for name in shown)]
    values = [column for member in members for column in (flips & member, gains & member, member)]
    return one.counted(np.stack(values, axis=1).astype(float)).reshape(len(one.groups), len(members), 3)


def _described(
    runs: MeasuredRuns,
    run: str,
    name: Subgroup,
    counts: Mapping[int, np.ndarray],
    drawn: Mapping[int, np.ndarray],
    level: float,
) -> dict[str, Any]:
    """Numbers of one subgroup.

    Args:
        runs: of the place.
        run: the new network's.
        name: of the subgroup, or `ALL`.
        counts: flips, gains and cases of every group by seed, (groups, 3).
        drawn: the same under every draw, (resamples, 3).
        level: of the interval.
    """
    sums = {seed: one.sum(axis=0) for seed, one in counts.items()}
    groups = min(int((one[:, 2] > 0).sum()) for one in counts.values())
    flips = {seed: float(100 * ratio(one[0], one[2])) for seed, one in sums.items()}
    shares = {seed: 100 * ratio(one[:, 0], one[:, 2]) for seed, one in drawn.items()}
    summary, found = runs.interval(run, flips, shares, groups, level)
    if name == ALL:
        interval, remark = few_groups.settled(found, groups)
    else:
        interval, remark = few_groups.of_subgroup(found, groups, True, level)
    return {
        "cases": int(min(one[2] for one in sums.values())),
        "groups": groups,
        "seeds": summary.n,
        "flips": summary.mean,
        "low": float(np.clip(interval.low, 0, 100)),
        "high": float(np.clip(interval.high, 0, 100)),
        "gains": float(np.mean([100 * one[1] / one[2] for one in sums.values()])),
        "level": level,
        "remark": remark,
    }
