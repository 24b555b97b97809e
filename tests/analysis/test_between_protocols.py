"""What leakage is worth: differences of runs whose test sets are not the same."""

import math

import numpy as np
import pytest
from scipy import stats

from kdml.analysis import class_cells
from kdml.analysis.between_protocols import COLUMNS, OTHER_DRAWS, rows
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.counts import Key, Measured, OfCounts
from kdml.analysis.statistics import holm

ENSEMBLE = Key("ensemble", "label", "accuracy")
FIDELITY = Key("ensemble", "teacher", "accuracy")


def run(name, seed, right, keys=(ENSEMBLE,)):
    """A training that is right where it is said; each case is a group of its own."""
    cells = np.stack([right, ~right, 0 * right, 0 * right], axis=1).astype(float)
    measures = dict.fromkeys(keys, OfCounts(class_cells.accuracy, cells))
    return Measured(name, seed, tuple(map(str, range(len(right)))), len(right), measures, {"ensemble": right})


def shares(values, cases, name="kd_ml_v3"):
    """Seeds of a run with these shares of right cases, each drawn anew."""
    return [run(name, seed, np.arange(cases) < round(value * cases)) for seed, value in enumerate(values)]


def both(first, second):
    return MeasuredRuns(first), MeasuredRuns(second, OTHER_DRAWS)


def test_over_seeds_it_is_welch():
    first, second = [0.9, 0.8, 0.7], [0.6, 0.65, 0.5]
    (row,) = rows(*both(shares(first, 20000), shares(second, 10000)), "accuracy")
    assert list(row) == list(COLUMNS) and row["seeds"] == 3
    test = stats.ttest_ind(np.multiply(100, first), np.multiply(100, second), equal_var=False)
    low, high = test.confidence_interval(0.95)
    found = [row[name] for name in ("estimate", "low", "high", "p")]
    assert found == pytest.approx([100 * (np.mean(first) - np.mean(second)), low, high, test.pvalue])
    assert (row["first_cases"], row["second_cases"], row["second_groups"]) == (20000, 10000, 10000)
    assert (row["first_std"], row["second_mean"]) == pytest.approx((100 * np.std(first, ddof=1), 100 * np.mean(second)))


def test_over_cases_it_is_the_difference_of_two_independent_shares():
    """The same draws on both sides would make it too sure of itself where both test sets have the same size."""
    (row,) = rows(*both(shares([0.8], 400), shares([0.7], 400)), "accuracy")
    error = 100 * math.sqrt(0.8 * 0.2 / 400 + 0.7 * 0.3 / 400)
    assert row["estimate"] == pytest.approx(10)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(1.96 * error, rel=0.06)


def test_alike_is_not_told_apart():
    (row,) = rows(*both(shares([0.8, 0.78, 0.81], 300), shares([0.79, 0.8, 0.8], 300)), "accuracy")
    assert row["low"] < 0 < row["high"] and row["p"] > 0.2


def test_what_only_one_protocol_was_measured_on_is_left_out():
    first = [*shares([0.9, 0.8], 50), *shares([0.9], 50, "alone_here")]
    second = [run("kd_ml_v3", 0, np.arange(40) < 20, (ENSEMBLE, FIDELITY)), run("kd_ml_v3", 1, np.arange(40) < 21)]
    found = rows(*both(first, second), "accuracy")
    assert [(row["run"], row["network"], row["seeds"]) for row in found] == [("kd_ml_v3", "ensemble", 2)]


def test_p_is_adjusted_over_all_networks():
    """A network that stands in two rows, as teacher and as student trained alone, is tested once."""
    first, second = [0.9, 0.88, 0.91], [0.87, 0.85, 0.89]
    ahead = {"ml_v1": 0.0, "ml_v2": -0.01, "baseline_teacher": -0.02, "baseline_student": -0.02}
    better = [one for name, by in ahead.items() for one in shares(np.add(first, by), 2000, name)]
    worse = [one for name in ahead for one in shares(second, 2000, name)]
    found = {row["run"]: row for row in rows(*both(better, worse), "accuracy")}
    p = [found[name]["p"] for name in ("ml_v1", "ml_v2", "baseline_teacher")]
    assert len(set(p)) == 3 and all(0 < one < 1 for one in p)
    assert [found[name]["p_holm"] for name in ("ml_v1", "ml_v2", "baseline_teacher")] == pytest.approx(holm(p))
    assert found["baseline_student"] | {"run": ""} == found["baseline_teacher"] | {"run": ""}
