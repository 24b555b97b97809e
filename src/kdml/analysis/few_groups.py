"""Intervals where groups of test cases (patients, lesions, slides) are few, or all alike: one rule for all that is shown.

A bootstrap over groups says nothing beyond what these groups show. Of few it is too sure of itself, and of groups that are all
alike it has no width.
"""

import math

from kdml.analysis.statistics import CONFIDENCE, Interval

TOO_FEW = "too few patients (groups) for an interval: {groups}, and {fewest} are needed"
TIMES = 2  # the groups that an interval needs at least
NO_INTERVAL = "no interval: all groups are alike, or hold nothing of it in too many resamples"


def fewest(confidence: float) -> int:
    """Count the groups that an interval of a subgroup needs: twice the n from which on 1 - 2^(1 - n) is the confidence.

    No resample lies beyond the lowest and the highest group, and all of n groups lie on one side of the median with probability
    2^(1 - n): of fewer than n no such interval can hold so often, however its ends are chosen. So many only just can; at 99.7 %
    (n of 10) intervals held in 97 % of 400 simulations of normal values, of shares of 80 % and of 5 % that differ between
    groups; with 20 groups in 100, 99.5 and 98.5 %.

    Args:
        confidence: of the interval, 0 to 1; of several that hold together (Bonferroni) that of each.
    """
    return math.ceil(TIMES * (1 - math.log2(1 - confidence)) - 1e-9)


def settled(found: Interval, groups: int, confidence: float = CONFIDENCE) -> tuple[Interval, str]:
    """Interval as it is shown, and why there is none: the exact one where all that is counted is of one kind, none without a width.

    Args:
        found: by bootstrap, in percent where something is counted.
        groups: independent ones with a case that could count, where the estimate is a share of things that are counted one by one;
            else 0.
        confidence: of the interval.

    Reference:
        Clopper and Pearson, Biometrika 1934.
    """
    if groups and found.estimate in (0, 100):
        # The largest share of groups with a case of the other kind that would still give none among so many, which the share of
        # cases cannot exceed where groups are of one size.
        reach = 100 * (1 - ((1 - confidence) / 2) ** (1 / groups))
        low, high = (0.0, reach) if found.estimate == 0 else (100 - reach, 100.0)
        return Interval(found.estimate, low, high, 1.0 if found.estimate == 0 else math.nan), ""
    return (found, "") if found.low < found.high else _none(found, NO_INTERVAL)


def of_subgroup(found: Interval, groups: int, is_count: bool, confidence: float) -> tuple[Interval, str]:
    """Interval of a subgroup as it is shown, and why there is none: as `settled`, and none of fewer than `fewest` groups.

    Args:
        found: by bootstrap, in percent.
        groups: independent ones, with a case of the subgroup.
        is_count: whether the estimate is a share of things that are counted one by one.
        confidence: of the interval.
    """
    if groups < fewest(confidence):
        return _none(found, TOO_FEW.format(groups=groups, fewest=fewest(confidence)))
    return settled(found, groups if is_count else 0, confidence)


def _none(found: Interval, why: str) -> tuple[Interval, str]:
    return Interval(found.estimate, math.nan, math.nan, found.p), why
