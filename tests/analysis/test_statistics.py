"""Every statistic on data whose answer is known, and against definitions written out."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from kdml.analysis import statistics
from kdml.analysis.statistics import Interval, Resamples


def accuracy(counts):
    return counts[..., 0] / counts[..., 1]


def test_identical_predictions_give_p_of_one():
    right = np.arange(50) % 3 > 0
    scores, truth = np.linspace(0, 1, 50), np.arange(50) % 2 == 0
    assert statistics.mcnemar(right, right) == 1.0
    assert statistics.delong(scores, scores, truth).p == 1.0
    assert statistics.wilcoxon(np.zeros(20)) == 1.0
    assert statistics.paired_seeds([0.0, 0.0, 0.0]).p == 1.0


def test_mcnemar_exact_when_few_discordant():
    left, right = np.ones(30, bool), np.ones(30, bool)
    right[:8], left[8] = False, False  # 8 against 1
    assert statistics.mcnemar(left, right) == pytest.approx(stats.binomtest(1, 9).pvalue)


def test_mcnemar_published_example():
    """Agresti, Categorical Data Analysis, approval of a prime minister: 150 and 86 discordant, chi-squared 17.36 uncorrected."""
    left = np.repeat([True, True, False, False], [794, 150, 86, 570])
    right = np.repeat([True, False, True, False], [794, 150, 86, 570])
    plain, corrected = (150 - 86) ** 2 / (150 + 86), (abs(150 - 86) - 1) ** 2 / (150 + 86)
    assert statistics.mcnemar(left, right) == pytest.approx(stats.chi2.sf(corrected, 1))
    assert plain == pytest.approx(17.36, abs=0.01)


def delong_by_definition(left, right, positive):
    """Kernels and structural components as DeLong et al. write them, pair by pair."""
    areas, tens, ones = [], [], []
    for scores in (left, right):
        kernel = np.array(
            [[1.0 if x > y else 0.5 if x == y else 0.0 for y in scores[~positive]] for x in scores[positive]]
        )
        areas.append(kernel.mean())
        tens.append(kernel.mean(axis=1))
        ones.append(kernel.mean(axis=0))
    covariance = np.cov(tens) / positive.sum() + np.cov(ones) / (~positive).sum()
    z = (areas[0] - areas[1]) / math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    return areas, 2 * stats.norm.sf(abs(z))


def test_delong_equals_its_definition_and_areas_scikit_learn():
    generator = np.random.default_rng(3)
    positive = generator.random(90) < 0.4
    left, right = (
        positive + generator.normal(size=90).round(1),
        0.5 * positive + generator.normal(size=90).round(1),
    )  # with ties
    found = statistics.delong(left, right, positive)
    areas, p = delong_by_definition(left, right, positive)
    assert areas == pytest.approx([roc_auc_score(positive, left), roc_auc_score(positive, right)])
    assert (found.estimate, found.p) == pytest.approx((areas[0] - areas[1], p), rel=1e-10)
    assert found.low < found.estimate < found.high and ((found.low > 0) or (found.high < 0)) == (p < 0.05)


def test_delong_with_one_class_is_undefined():
    found = statistics.delong(np.arange(5.0), np.arange(5.0), np.ones(5, bool))
    assert math.isnan(found.estimate) and math.isnan(found.p)


def test_delong_of_a_single_positive_case_is_undefined():
    scores, positive = np.array([0.9, 0.1, 0.2]), np.array([True, False, False])
    assert math.isnan(statistics.delong(scores, -scores, positive).p)
    opposite = statistics.delong(
        np.array([1.0, 1, 0, 0]), np.array([0.0, 0, 1, 1]), np.array([True, True, False, False])
    )
    assert opposite.estimate == 1 and math.isnan(opposite.p)  # no spread at all says nothing of other cases


def test_equal_differences_of_all_seeds_have_no_spread_to_judge_by():
    found = statistics.paired_seeds([5.0, 5.0, 5.0])
    assert found.estimate == 5 and math.isnan(found.p) and math.isnan(found.low)


def test_paired_seeds_is_the_t_test():
    found = statistics.paired_seeds([0.5, 0.9, 0.4])
    expected = stats.ttest_1samp([0.5, 0.9, 0.4], 0)
    interval = expected.confidence_interval()
    assert (found.low, found.high, found.p) == pytest.approx((interval.low, interval.high, expected.pvalue))
    assert math.isnan(statistics.paired_seeds([0.5]).p)


def test_welch_from_the_papers_headline():
    """KD+ML V3 against V2 on HCD: 96.68 +- 0.584 against 96.15 +- 0.22, t about 1.5."""
    found = statistics.welch([(96.68, 0.584, 3)], [(96.15, 0.22, 3)])
    assert 0.2 < found.p < 0.3 and found.low < 0 < found.high
    data = np.random.default_rng(0).normal(size=(2, 6))
    summaries = [[(row.mean(), row.std(ddof=1), 6)] for row in data]
    expected = stats.ttest_ind(*data, equal_var=False)
    assert statistics.welch(*summaries).p == pytest.approx(expected.pvalue)
    assert statistics.welch(*summaries).low == pytest.approx(expected.confidence_interval().low)


def test_welch_of_a_mean_of_several_runs_keeps_its_level():
    """One run against the mean of three of equal expectation, unequal spread: 1 in 20 is significant, and the interval fits p."""
    draws = np.random.default_rng(1).normal(size=(1500, 4, 4)) * np.array([1.0, 0.3, 2.0, 0.5])[:, None]
    summarised = [[(row.mean(), row.std(ddof=1), 4) for row in one] for one in draws]
    found = [statistics.welch(one[:1], one[1:]) for one in summarised]
    assert 0.03 < np.mean([one.p < 0.05 for one in found]) < 0.07
    assert all((one.p < 0.05) == (one.low > 0 or one.high < 0) for one in found)
    alike = [(4.0, 0.0, 3)]
    assert statistics.welch([(5.0, 1.0, 3)], alike * 2).estimate == 1
    assert math.isnan(statistics.welch(alike, alike).p) and math.isnan(statistics.welch([(5.0, 1.0, 1)], alike).p)


def test_holm_worked_example():
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.01, math.nan, 0.04])[::2] == pytest.approx([0.02, 0.04])
    assert math.isnan(statistics.holm([0.01, math.nan])[1]) and statistics.holm([]) == []


def patients(generator, count, slices, rate):
    """Right and wrong per slice; slices of one patient agree."""
    right = (generator.random(count) < rate).repeat(slices)
    return np.stack([right, np.ones_like(right)], axis=1).astype(float), np.arange(count).repeat(slices).astype(
        str
    ).tolist()


def test_correlated_slices_do_not_shrink_the_interval():
    widths = {}
    for slices in (1, 20):
        counts, groups = patients(np.random.default_rng(1), 100, slices, 0.8)
        for level, names in (("group", groups), ("image", [str(i) for i in range(len(groups))])):
            names, sums = statistics.sums_by_group(counts, names)
            found = statistics.percentile(0.8, Resamples({0: names}).of(0, sums, accuracy), len(names))
            widths[slices, level] = found.high - found.low
    assert widths[20, "group"] == pytest.approx(widths[1, "group"], rel=0.1)
    assert widths[20, "image"] < 0.4 * widths[20, "group"]


def test_planted_difference_of_five_points_over_a_hundred_patients_is_found():
    generator = np.random.default_rng(5)
    level = generator.uniform(0.6, 0.9, 100)
    counts = {
        name: np.stack([generator.binomial(400, level + shift), np.full(100, 400)], axis=1).astype(float)
        for name, shift in (("left", 0.05), ("right", 0.0))
    }
    resamples = Resamples({0: [str(i) for i in range(100)]})
    draws = {name: resamples.of(0, values, accuracy) for name, values in counts.items()}
    estimate = accuracy(counts["left"].sum(0)) - accuracy(counts["right"].sum(0))
    found = statistics.percentile(estimate, draws["left"] - draws["right"], 100)
    assert 0.04 < found.low < 0.05 < found.high < 0.06 and found.p < 0.01
    unpaired = statistics.percentile(estimate, draws["left"] - draws["right"][::-1], 100)
    assert unpaired.high - unpaired.low > 2 * (
        found.high - found.low
    )  # same draws on both sides are what makes it narrow
    assert statistics.wilcoxon((counts["left"] - counts["right"])[:, 0]) < 1e-6


def test_bootstrap_interval_covers_as_often_as_it_says():
    generator = np.random.default_rng(7)
    names = [str(i) for i in range(60)]
    resamples = Resamples({0: names}, resamples=500)
    covered = 0
    for _ in range(300):
        counts = np.stack([generator.random(60) < 0.7, np.ones(60)], axis=1).astype(float)
        found = statistics.percentile(counts[:, 0].mean(), resamples.of(0, counts, accuracy), 60)
        covered += found.low <= 0.7 <= found.high
    assert 0.90 < covered / 300 < 0.98


def test_few_groups_do_not_make_sure():
    """With 3 patients a plain bootstrap calls 1 in 4 differences of equal methods significant."""
    generator = np.random.default_rng(13)
    for groups in (3, 5, 10):
        names = [str(i) for i in range(groups)]
        resamples = Resamples({0: names}, resamples=1000)
        called = 0
        for _ in range(300):
            differences = generator.normal(0, 1, groups)
            draws = resamples.of(0, np.stack([differences, np.ones(groups)], axis=1), accuracy)
            called += statistics.percentile(float(differences.mean()), draws, groups).p < 0.05
        assert called / 300 < 0.09, groups


def test_one_group_or_groups_that_are_all_alike_have_no_interval():
    alike = Resamples({0: ["a", "b", "c"]}).of(0, np.array([[1.0, 10.0]] * 3), accuracy)
    for found in (statistics.percentile(0.1, alike, 3), statistics.percentile(0.1, np.linspace(0, 1, 50), 1)):
        assert math.isnan(found.low) and math.isnan(found.p) and found.estimate == 0.1
    assert statistics.percentile(0.0, 0 * alike, 3).p == 1


def test_seeds_add_their_own_uncertainty():
    names = [str(i) for i in range(200)]
    resamples = Resamples({0: names, 1: names, 2: names})
    same = {seed: np.stack([np.arange(200) % 5 > 0, np.ones(200)], axis=1).astype(float) for seed in range(3)}
    apart = {
        seed: np.stack([np.arange(200) % (2 + 2 * seed) > 0, np.ones(200)], axis=1).astype(float) for seed in range(3)
    }
    width = {}
    for name, runs in (("same", same), ("apart", apart)):
        draws = resamples.combine({seed: resamples.of(seed, counts, accuracy) for seed, counts in runs.items()})
        found = statistics.percentile(0.8, draws, 200)
        width[name] = found.high - found.low
    assert width["apart"] > 2 * width["same"]


def test_splits_of_their_own_are_drawn_for_each_seed():
    shared = Resamples({0: ["a", "b"], 1: ["a", "b"]})
    apart = Resamples({0: ["a", "b"], 1: ["a", "c"]})
    assert np.array_equal(shared.group_weights[0], shared.group_weights[1])
    assert not np.array_equal(apart.group_weights[0], apart.group_weights[1])


def test_draws_repeat_bit_by_bit():
    assert np.array_equal(
        Resamples({0: ["a", "b", "c"]}).group_weights[0], Resamples({0: ["a", "b", "c"]}).group_weights[0]
    )


def test_undefined_draws_make_the_interval_undefined():
    draws = np.linspace(0, 1, 100)
    draws[:10] = np.nan
    assert math.isnan(statistics.percentile(0.5, draws, 50).low)
    draws[3:10] = 0.5
    assert not math.isnan(statistics.percentile(0.5, draws, 50).low)


def test_cases_must_be_paired():
    with pytest.raises(ValueError, match="paired"):
        statistics.mcnemar(np.ones(3, bool), np.ones(4, bool))


def test_share_of_seeds_ahead():
    assert statistics.probability_of_outperforming([1.0, -1.0, 0.0, 2.0]) == pytest.approx(0.625)


def equal_methods_called_different(spread_of_seeds, trials=150):
    """How often the bootstrap alone, and the wider of both, call methods different that are not; 3 seeds, 100 groups of 30 cases."""
    generator = np.random.default_rng(11)
    names = [str(i) for i in range(100)]
    resamples = Resamples(dict.fromkeys(range(3), names), resamples=500)
    found = {"bootstrap": 0, "wider": 0}
    for _ in range(trials):
        level = generator.beta(8, 2, 100)
        draws, values = {}, []
        for seed in range(3):
            rates = [np.clip(level + generator.normal(0, spread_of_seeds), 0, 1) for _ in range(2)]
            counts = [
                np.stack([generator.binomial(30, rate), np.full(100, 30)], axis=1).astype(float) for rate in rates
            ]
            draws[seed] = np.subtract(*(resamples.of(seed, one, accuracy) for one in counts))
            values.append(float(np.subtract(*(accuracy(one.sum(0)) for one in counts))))
        both = statistics.percentile(float(np.mean(values)), resamples.combine(draws), 100)
        found["bootstrap"] += both.p < 0.05
        found["wider"] += statistics.wider(both, statistics.paired_seeds(values)).p < 0.05
    return {name: count / trials for name, count in found.items()}


def test_equal_methods_are_seldom_called_different_with_three_seeds():
    """A bootstrap of 3 seeds cannot see their spread; the wider of both keeps to the level wherever the uncertainty lies."""
    of_seeds, of_cases = equal_methods_called_different(0.03), equal_methods_called_different(0.001)
    assert of_seeds["bootstrap"] > 0.15 and of_seeds["wider"] < 0.08
    assert of_cases["wider"] < 0.08


def test_the_wider_of_both_holds_both_intervals():
    both, seeds = Interval(1.0, 0.2, 1.8, 0.01), Interval(1.0, -0.5, 2.5, 0.12)
    assert statistics.wider(both, seeds) == Interval(1.0, -0.5, 2.5, 0.12)
    assert statistics.wider(both, Interval(1.0, 0.9, 1.1, 0.001)) == both
    assert statistics.wider(both, Interval(1.0, math.nan, math.nan, math.nan)) == both  # a single seed
    assert math.isnan(
        statistics.wider(Interval(1.0, math.nan, math.nan, math.nan), seeds).p
    )  # an undefined metric stays so


def test_mean_over_seeds_on_the_same_cases_is_no_surer_than_one():
    one = Interval(0.1, 0.0, 0.2, 0.05)
    assert statistics.mean_of_correlated([one] * 3).p == pytest.approx(0.05, abs=1e-4)
    apart = statistics.mean_of_correlated([one, Interval(0.3, 0.1, 0.5, 0.003)])
    assert (apart.estimate, apart.low, apart.high) == pytest.approx((0.2, 0.05, 0.35))
    assert statistics.mean_of_correlated([Interval(0.0, 0.0, 0.0, 1.0)]).p == 1
