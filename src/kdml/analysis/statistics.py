"""Tests and intervals for comparing networks: over test cases with the networks fixed, over seeds, and over both.

Two uncertainties are kept apart. Over cases: would another test set say the same of these trained networks? Groups (patients,
lesions, slides) are resampled, never images, because images of one patient are no independent witnesses. Over seeds: would
other trainings say the same? `Resamples` draws both. Metrics are ratios of counts, so a resample is a matrix product and costs
little.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 2000
FEW_DISCORDANT = 25

Counts = Float[np.ndarray, "groups counts"]
Metric = Callable[[Float[np.ndarray, "*any counts"]], Float[np.ndarray, "*any"]]


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval, and the two-sided p of the hypothesis that it is 0."""

    estimate: float
    low: float
    high: float
    p: float


def mcnemar(left: Bool[np.ndarray, " cases"], right: Bool[np.ndarray, " cases"]) -> float:
    """Two-sided p of McNemar's test that two classifiers are equally often right, on the same cases.

    Exact binomial with fewer than 25 discordant cases, else chi-squared with continuity correction.

    Args:
        left: where the one is right.
        right: where the other is.

    Raises:
        ValueError: the cases are not the same ones.

    Reference:
        McNemar, Psychometrika 1947.
    """
    from statsmodels.stats.contingency_tables import mcnemar as test  # costs two seconds, and most analyses do without

    _check_paired(left, right)
    only_left, only_right = int((left & ~right).sum()), int((~left & right).sum())
    if only_left + only_right == 0:
        return 1.0
    table = [[int((left & right).sum()), only_left], [only_right, int((~left & ~right).sum())]]
    return min(1.0, float(test(table, exact=only_left + only_right < FEW_DISCORDANT).pvalue))


def delong(
    left: Float[np.ndarray, " cases"], right: Float[np.ndarray, " cases"], positive: Bool[np.ndarray, " cases"]
) -> Interval:
    """DeLong's test for two correlated ROC curves: the difference of their areas, left minus right.

    Args:
        left: scores of the one, higher for positive cases.
        right: of the other, on the same cases.
        positive: the truth.

    Returns:
        Estimate, normal interval and two-sided p; all NaN if a class has fewer than 2 cases, interval and p if the areas
        differ without any spread.

    Raises:
        ValueError: the cases are not the same ones.

    Reference:
        DeLong, DeLong, Clarke-Pearson, Biometrics 1988; by mid-ranks as in Sun and Xu, IEEE Signal Processing Letters 2014.
    """
    _check_paired(left, right, positive)
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) < 2:
        return Interval(math.nan, math.nan, math.nan, math.nan)
    components = [_placements(scores, positive) for scores in (left, right)]
    areas = [float(of_positive.mean()) for of_positive, _ in components]
    by_positive, by_negative = (np.stack(pair) for pair in zip(*components, strict=True))
    contrast = np.array([1.0, -1.0])
    variance = sum(
        float(contrast @ np.atleast_2d(np.cov(values)) @ contrast) / size
        for values, size in ((by_positive, m), (by_negative, n))
    )
    difference = areas[0] - areas[1]
    if variance <= 1e-15:
        equal = abs(difference) < 1e-12
        return Interval(difference, 0.0, 0.0, 1.0) if equal else Interval(difference, math.nan, math.nan, math.nan)
    error = math.sqrt(variance)
    reach = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * error
    return Interval(
        difference, difference - reach, difference + reach, float(2 * stats.norm.sf(abs(difference) / error))
    )


def _placements(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the negatives below every positive, and of the positives above every negative; ties count half."""
    above, below = scores[positive], scores[~positive]
    ranks = stats.rankdata(np.concatenate([above, below]))
    m, n = len(above), len(below)
    return (ranks[:m] - stats.rankdata(above)) / n, 1 - (ranks[m:] - stats.rankdata(below)) / m


def wilcoxon(differences: Float[np.ndarray, " groups"]) -> float:
    """Two-sided p of the signed-rank test that paired differences, one per group, scatter around 0; zeros are ranked
    (Pratt)."""
    differences = np.asarray(differences, dtype=float)
    if not differences.any():
        return 1.0
    return float(stats.wilcoxon(differences, zero_method="pratt").pvalue)


def paired_seeds(differences: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Mean of paired differences, one per seed, with Student's interval and p; a single seed has neither, and equal differences
    other than 0 have none either.

    With 3 seeds the interval has 2 degrees of freedom and reaches 4.3 standard errors; no sign-flip test on 3 seeds can give
    less than p = 0.25.

    Args:
        differences: one per seed.
        confidence: of the interval.
    """
    values = np.asarray(differences, dtype=float)
    mean, n = float(values.mean()), len(values)
    if n < 2:
        return Interval(mean, math.nan, math.nan, math.nan)
    error = float(values.std(ddof=1)) / math.sqrt(n)
    if error == 0:
        return Interval(mean, 0.0, 0.0, 1.0) if mean == 0 else Interval(mean, math.nan, math.nan, math.nan)
    reach = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error
    return Interval(mean, mean - reach, mean + reach, float(2 * stats.t.sf(abs(mean) / error, n - 1)))


def wider(over_both: Interval, over_seeds: Interval) -> Interval:
    """The cautious one of two answers to one question: the larger p, and an interval that holds both.

    A bootstrap that draws among 3 seeds cannot see more spread than these 3 show: where seeds are the larger part of the
    uncertainty, it calls 1 in 4 differences of equal methods significant. Student's t over seeds does not, but sees nothing of
    the test cases that all seeds share. Both together keep to the level.

    Args:
        over_both: bootstrap over seeds and test cases; undefined, it stays so.
        over_seeds: of the same quantity; undefined for a single seed, which leaves the other as it is.
    """
    if math.isnan(over_both.low) or math.isnan(over_seeds.low):
        return over_both
    low, high = min(over_both.low, over_seeds.low), max(over_both.high, over_seeds.high)
    return Interval(over_both.estimate, low, high, max(over_both.p, over_seeds.p))


def mean_of_correlated(intervals: Sequence[Interval]) -> Interval:
    """Mean of estimates on the same test cases, such as one per seed, as if all erred on the same cases.

    Args:
        intervals: normal intervals, at least one.

    Returns:
        Mean estimate with the mean of the standard errors, which is the largest that their mean can have.
    """
    estimate = float(np.mean([one.estimate for one in intervals]))
    reach = float(np.mean([(one.high - one.low) / 2 for one in intervals]))
    if reach == 0 or math.isnan(reach):
        p = math.nan if math.isnan(reach) else 1.0 if estimate == 0 else 0.0
        return Interval(estimate, estimate - reach, estimate + reach, p)
    z = abs(estimate) / reach * float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    return Interval(estimate, estimate - reach, estimate + reach, float(2 * stats.norm.sf(z)))


Summarised = tuple[float, float, int]
"""Mean, standard deviation (ddof 1) and number of runs."""


def welch(left: Sequence[Summarised], right: Sequence[Summarised]) -> Interval:
    """Welch's interval and p of a difference of means, each of one run or the unweighted mean of several.

    Args:
        left: mean, SD and n of each run of the one side.
        right: of the other.

    Returns:
        Of left minus right; interval and p are NaN if something was run once only, or nothing has any spread.

    Reference:
        Welch, Biometrika 1947: degrees of freedom of a linear combination of means.
    """
    terms = [(sign / len(side), *one) for sign, side in ((1, left), (-1, right)) for one in side]
    difference = math.fsum(weight * mean for weight, mean, _, _ in terms)
    parts = [(weight * sd) ** 2 / n for weight, _, sd, n in terms]
    variance = math.fsum(parts)
    if min(n for *_, n in terms) < 2 or math.isnan(variance) or variance == 0:
        return Interval(difference, math.nan, math.nan, math.nan)
    freedom = variance**2 / math.fsum(part**2 / (n - 1) for part, (*_, n) in zip(parts, terms, strict=True))
    error = math.sqrt(variance)
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(difference) / error, freedom))
    return Interval(difference, difference - reach, difference + reach, p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p of one family of tests; undefined ones (NaN) stay so and do not count as tests.

    Reference:
        Holm, Scandinavian Journal of Statistics 1979.
    """
    from statsmodels.stats.multitest import multipletests  # costs two seconds, and most analyses do without

    p = np.asarray(p_values, dtype=float)
    adjusted, known = np.full(len(p), np.nan), ~np.isnan(p)
    if known.any():
        adjusted[known] = multipletests(p[known], method="holm")[1]
    return adjusted.tolist()


class Resamples:
    """Bootstrap draws shared by all runs of a comparison: seeds, then groups of test cases.

    Every run is measured on the same draws, so that a difference of two runs is paired. Where all seeds share one test set, so
    do their draws of groups; where every seed has a split of its own, groups are drawn for each.

    Args:
        groups: names of the test groups by seed, in the order of the counts.
        resamples: number of draws.
        seed: of the draws.

    Reference:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993 (percentile interval).
    """

    def __init__(self, groups: Mapping[int, Sequence[str]], resamples: int = RESAMPLES, seed: int = 0):
        generator = np.random.default_rng(seed)
        self.seeds = tuple(groups)
        self.size = resamples
        # How often each seed is drawn, as a share of the draws: (resamples, seeds).
        share = np.full(len(groups), 1 / len(groups))
        self.seed_weights = generator.multinomial(len(groups), share, size=resamples) / len(groups)
        drawn: dict[tuple[str, ...], np.ndarray] = {}
        for names in map(tuple, groups.values()):
            if names not in drawn:
                drawn[names] = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
        self.group_weights = {seed: drawn[tuple(names)].astype(np.float64) for seed, names in groups.items()}
        self._last: dict[int, tuple[Counts, np.ndarray]] = {}

    def of(self, seed: int, counts: Counts, metric: Metric) -> Float[np.ndarray, " resamples"]:
        """A metric of one run under every draw of groups."""
        # Several metrics of one network share their counts.
        if seed not in self._last or self._last[seed][0] is not counts:
            self._last[seed] = (counts, self.group_weights[seed] @ counts)
        return metric(self._last[seed][1])

    def combine(self, by_seed: Mapping[int, np.ndarray]) -> Float[np.ndarray, " resamples"]:
        """Mean over the drawn seeds of what `of` gave; `by_seed` holds every seed of the comparison."""
        return np.einsum("rs,sr->r", self.seed_weights, np.stack([by_seed[seed] for seed in self.seeds]))


def percentile(
    estimate: float, draws: Float[np.ndarray, " resamples"], groups: int, confidence: float = CONFIDENCE
) -> Interval:
    """Expanded percentile interval of bootstrap draws, and the p at which it would end at 0.

    The plain percentile interval is too narrow for few groups, by the factor sqrt((n - 1) / n) and for want of Student's tails;
    its quantiles are moved outwards by as much. A draw is at least as extreme as 1 in (draws + 1). Draws in which the metric is
    undefined are left out; if more than 1 in 20 are, interval and p are undefined, as they are where all draws are alike but not
    0: groups without spread say nothing of other groups.

    Args:
        estimate: of the metric or difference.
        draws: of it.
        groups: independent groups of test cases that were drawn from.
        confidence: of the interval.

    Reference:
        Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 2015, section 5.3.
    """
    known = draws[~np.isnan(draws)]
    if math.isnan(estimate) or groups < 2 or len(known) < 0.95 * len(draws):
        return Interval(estimate, math.nan, math.nan, math.nan)
    if np.ptp(known) == 0:
        return Interval(estimate, 0.0, 0.0, 1.0) if estimate == 0 else Interval(estimate, math.nan, math.nan, math.nan)
    shrunk = math.sqrt((groups - 1) / groups)
    outwards = float(stats.norm.cdf(stats.t.ppf((1 - confidence) / 2, groups - 1) / shrunk))
    low, high = np.quantile(known, [outwards, 1 - outwards])
    tail = (int(min((known <= 0).sum(), (known >= 0).sum())) + 1) / (len(known) + 1)
    p = 2 * float(stats.t.cdf(float(stats.norm.ppf(min(tail, 0.5))) * shrunk, groups - 1))
    return Interval(estimate, float(low), float(high), min(1.0, p))


def probability_of_outperforming(differences: Sequence[float]) -> float:
    """Share of seeds in which the left run is ahead; ties count half (Bouthillier et al., MLSys 2021)."""
    values = np.asarray(differences, dtype=float)
    return float(((values > 0) + 0.5 * (values == 0)).mean())


def sums_by_group(counts: Int[np.ndarray, "cases counts"], groups: Sequence[str]) -> tuple[list[str], Counts]:
    """Counts of cases added up within their groups.

    Returns:
        The groups' names in order of appearance, and their sums as floating numbers.
    """
    names = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    sums = np.zeros((len(names), counts.shape[1]))
    np.add.at(sums, [names[group] for group in groups], counts)
    return list(names), sums


def _check_paired(*arrays: np.ndarray) -> None:
    if len({len(array) for array in arrays}) > 1:
        raise ValueError(f"paired cases are needed, not {' and '.join(str(len(array)) for array in arrays)}")
