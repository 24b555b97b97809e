"""Whether a student is good enough to take the teacher's place: not worse than it by a margin that is set beforehand.

The difference is that of the contrasts, paired over seeds and groups of test cases. The smallest difference that a test set could
show, and how often it would show an equal student to be good enough, follow from the scatter of the same difference.

Reference:
    Piaggio et al., Reporting of noninferiority and equivalence randomized trials, JAMA 2012.
"""

import math
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import numpy as np

from kdml.analysis import few_groups
from kdml.analysis.class_pixels import BALANCED, balanced_accuracy_of_constant_masks
from kdml.analysis.contrasts import Contrast, MeasuredRuns
from kdml.analysis.counts import Key, Measured
from kdml.analysis.power import Design
from kdml.analysis.statistics import CONFIDENCE, Interval
from kdml.analysis.things_counted import groups_counted
from kdml.runs.graph import BASELINE, ENSEMBLE, TEACHER, is_student
from kdml.runs.run_table import BASELINE_STUDENT, BASELINE_TEACHER

COLUMNS = (
    "run", "network", "against", "metric", "margin", "estimate", "low", "high", "verdict", "power", "detectable", "seeds", "cases",
    "groups", "by_seed", "remark",
)  # fmt: skip


USELESS = (
    "compared with a network that does no better than naming the most frequent class, or marking the same everywhere"
)


class Verdict(StrEnum):
    """What an interval of a difference, student minus teacher, says with a margin."""

    SUPERIOR = "better"  # all of it above 0
    GOOD_ENOUGH = "good enough"  # all of it above minus the margin
    INFERIOR = "not good enough"  # all of it below minus the margin
    UNDECIDED = "undecided"
    UNKNOWN = "no interval"


def verdict(low: float, high: float, margin: float) -> Verdict:
    """Verdict on an interval, in the units of the margin.

    Args:
        low: its lower end.
        high: its upper end.
        margin: by which a student may be worse, above 0.
    """
    if math.isnan(low) or math.isnan(high):
        return Verdict.UNKNOWN
    if low > 0:
        return Verdict.SUPERIOR
    if low > -margin:
        return Verdict.GOOD_ENOUGH
    return Verdict.INFERIOR if high < -margin else Verdict.UNDECIDED


def rows(runs: MeasuredRuns, metric: str, margin: float) -> Iterator[dict[str, Any]]:
    """A row of `COLUMNS` per student and ensemble against its own teacher, where it has one, and against the teacher trained alone,
    where that was run. The two differ where the teacher of students has a block of its own, or learns beside them.

    Args:
        runs: of the place, measured against their labels.
        metric: to judge by, in percent.
        margin: in percentage points.
    """
    for run, by_seed in runs.runs.items():
        networks = dict.fromkeys(key.network for one in by_seed.values() for key in one.measures)
        for network in networks:
            if is_student(network) or network == ENSEMBLE or (run, network) == (BASELINE_STUDENT, BASELINE):
                for against, contrast in _replaced(runs, run, network, TEACHER in networks, metric):
                    judged = _judged(_settled(runs.contrast(contrast), runs, contrast), margin)
                    if _is_useless(runs, contrast):
                        judged["remark"] = "; ".join(filter(None, (judged.get("remark", ""), USELESS)))
                    yield {
                        "run": run,
                        "network": network,
                        "against": against,
                        "metric": metric,
                        "margin": margin,
                    } | judged


def _replaced(
    runs: MeasuredRuns, run: str, network: str, is_taught: bool, metric: str
) -> Iterator[tuple[str, Contrast]]:
    """What a network could replace, and the contrast with it."""
    if is_taught:
        yield TEACHER, Contrast(run, run, network, "label", metric, with_network=TEACHER)
    if BASELINE_TEACHER in runs.runs:
        yield BASELINE_TEACHER, Contrast(run, BASELINE_TEACHER, network, "label", metric)


def _is_useless(runs: MeasuredRuns, wanted: Contrast) -> bool:
    """Whether the mean of what a network is compared with has learned nothing."""
    name, key = wanted.sides[1]
    gained = [_gained(one, key) for one in runs.runs[name].values() if one.has(key)]
    return bool(gained) and float(np.mean(gained)) <= 0


def _gained(one: Measured, key: Key) -> float:
    """Lead over a network that has learned nothing, as a fraction; of masks in balanced accuracy, which all constant ones share."""
    measure, balanced = one.measure(key), key._replace(metric=BALANCED)
    if not math.isnan(measure.chance):
        return measure.value - measure.chance
    if not one.has(balanced):
        return measure.value
    return one.measure(balanced).value - balanced_accuracy_of_constant_masks(name.metric for name in one.measures)


def _settled(row: dict[str, Any], runs: MeasuredRuns, wanted: Contrast) -> dict[str, Any]:
    """A contrast whose interval has a width: where no group has a difference, the exact one, or none.

    Its own would say that there is none anywhere, however few patients that is seen of.
    """
    if row["low"] != row["high"]:
        return row
    counted = min(groups_counted(one.measure(key) for one in runs.runs[name].values()) for name, key in wanted.sides)
    size, why = few_groups.settled(Interval(row["estimate"], row["low"], row["high"], row["p"]), counted)
    return row | {"low": -size.high, "high": size.high, "remark": "; ".join(filter(None, (row["remark"], why)))}


def _judged(row: dict[str, Any], margin: float) -> dict[str, Any]:
    kept = {name: row.get(name, "") for name in COLUMNS if name in row and name not in ("network", "metric")}
    if "by_seed" not in row:
        return kept | {"verdict": Verdict.UNKNOWN}
    differences = [float(value) for value in row["by_seed"].split()]
    scatter = float(np.std(differences, ddof=1)) if len(differences) > 1 else math.nan
    design = Design(row["seeds"], row["groups"], scatter, row["cases_error"])
    known = row["cases_error"] > 0 and not math.isnan(row["estimate"])  # groups without scatter show none of others
    return kept | {
        "verdict": verdict(row["low"], row["high"], margin),
        "power": design.power(margin, 1 - CONFIDENCE) if known else math.nan,
        "detectable": design.detectable(1 - CONFIDENCE) if known else math.nan,
    }
