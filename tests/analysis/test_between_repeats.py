"""Two repeats of one experiment: what is called a difference, and what the scatter of seeds explains."""

import math

import numpy as np
import pytest
from scipy import stats

from kdml.analysis.between_repeats import ALONE, COLUMNS, EQUAL, MORE, UNKNOWN, WHERE, WITHIN, differences, rows

PLACE = {"protocol": "paper", "task": "hcd", "pair": "small", "truth": "label", "metric": "accuracy"}


def measured(values, run="kd_ml_v3", network="s1", first_seed=0, **place):
    keys = PLACE | {"run": run, "network": network} | place
    return [{**keys, "seed": str(first_seed + number), "value": str(value)} for number, value in enumerate(values)]


def answer(first, second):
    (row,) = rows(first, second)
    assert list(row) == list(COLUMNS)
    return row["answer"]


def test_difference_is_welch_of_independent_seeds():
    first, second = [90.0, 91.0, 92.5], [88.0, 86.5, 87.0]
    (row,) = rows(measured(first), measured(second, first_seed=3))
    test = stats.ttest_ind(second, first, equal_var=False)
    low, high = test.confidence_interval(0.95)
    found = [row[name] for name in ("estimate", "low", "high", "p", "first_std", "second_mean")]
    assert found == pytest.approx(
        [np.mean(second) - np.mean(first), low, high, test.pvalue, np.std(first, ddof=1), np.mean(second)]
    )
    assert (row["first_seeds"], row["p_holm"], row["answer"]) == (3, row["p"], MORE)


def test_answers():
    values = [90.0, 91.0, 92.5]
    assert answer(measured(values), measured(values)) == EQUAL
    assert answer(measured(values), measured(values, first_seed=3)) == WITHIN, "other seeds that come out alike"
    assert answer(measured(values), measured([90.5, 91.0, 92.0])) == WITHIN
    assert answer(measured(values), measured([80.0, 81.0, 82.0])) == MORE
    assert answer(measured(values), measured([80.0])) == UNKNOWN
    assert answer(measured(values), []) == ALONE
    assert answer(measured(values), measured([value + 1e-6 for value in values])) == EQUAL, "another rounding"
    assert answer(measured(values), measured([*values[:2], values[2] + 1e-3])) == WITHIN, "another training"
    assert answer(measured(["", 1.0]), measured(["", 1.0])) == EQUAL
    assert answer(measured(["", 1.0]), measured([2.0, 1.0])) == UNKNOWN


@pytest.mark.parametrize(
    ("metric", "small", "large"),
    [("accuracy", 5e-6, 1e-3), ("hd95", 5e-6, 1e-3), ("brier", 5e-8, 5e-6), ("predictive_kl", 5e-8, 5e-6)],
)
def test_rounding_is_smaller_where_values_are(metric, small, large):
    """Percent and pixels are shown with two digits less than fractions and nats."""
    first = measured([0.004], metric=metric)
    assert answer(first, measured([0.004 + small], metric=metric)) == EQUAL
    assert answer(first, measured([0.004 + large], metric=metric)) == UNKNOWN


def test_p_is_adjusted_within_a_place_and_metric():
    first = [
        *measured([90.0, 91.0, 92.5]),
        *measured([70.0, 71.0, 72.0], network="s2"),
        *measured([1.0, 2.0, 3.0], metric="f1"),
    ]
    second = [
        *measured([88.0, 86.5, 87.0]),
        *measured([70.5, 71.0, 72.5], network="s2"),
        *measured([7.0, 8.0, 9.0], metric="f1"),
    ]
    found = rows(first, second)
    assert found[0]["p_holm"] == pytest.approx(2 * found[0]["p"]) and found[2]["p_holm"] == pytest.approx(found[2]["p"])


def test_equal_experiments_are_rarely_called_different():
    """Of 200 experiments of 12 networks each, whose seeds scatter alike, about 1 in 20 has any row that is called different."""
    draw = np.random.default_rng(0)
    wrong = 0
    for _ in range(200):
        sides = [
            [
                row
                for number in range(12)
                for row in measured(draw.normal(80, 2, 3), network=f"s{number}", first_seed=start)
            ]
            for start in (0, 3)
        ]
        wrong += any(row["answer"] == MORE for row in rows(*sides))
    assert wrong <= 20


def test_what_differs_besides_is_named():
    first = {"run": {"seeds": [0, 1]}, "device": "cpu", "same": 1}
    assert list(differences(first, {"run": {"seeds": [2, 3]}, "same": 1})) == [
        ("run.seeds", "[0, 1]", "[2, 3]"),
        ("device", "cpu", "None"),
    ]
    assert list(differences(first, first)) == []


def test_undefined_values_are_no_numbers():
    (row,) = rows(measured([""]), measured([1.0], first_seed=1))
    assert math.isnan(row["first_mean"]) and set(WHERE) <= row.keys()
