"""Temperature scaling: what was made too sure by a known factor is brought back, decisions stay, and what stored outputs say is enough."""

import numpy as np
import pytest
from scipy import special
from sklearn.linear_model import LogisticRegression

from kdml.analysis import evaluation, reliability, temperature
from kdml.analysis.evaluation import TestSet
from kdml.runs.predictions import Predictions, dequantise, quantise


def classes(seed, n=4000, k=3, factor=3.0):
    """Labels drawn from probabilities, and the same probabilities made too sure by a factor."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1.5, (n, k))
    honest = special.softmax(logits, axis=1)
    labels = np.array([generator.choice(k, p=one) for one in honest])
    return labels, special.softmax(factor * logits, axis=1).astype(np.float32)


def masks(seed, n=30, side=24, factor=2.0):
    generator = np.random.default_rng(seed)
    logits = generator.normal(-1, 1.2, (n, side, side))
    truth = generator.random(logits.shape) < special.expit(logits)
    return truth, quantise(special.expit(factor * logits))


def test_a_known_factor_is_found():
    labels, sure = classes(0)
    assert temperature.of_networks({"s1": sure}, labels)["s1"] == pytest.approx(3, rel=0.07)
    truth, levels = masks(0)
    assert temperature.of_networks({"s1": levels}, truth)["s1"] == pytest.approx(2, rel=0.07)


def test_two_classes_agree_with_a_logistic_regression_without_intercept():
    labels, sure = classes(1, k=2, factor=2.0)
    logits = np.diff(np.log(sure.astype(float)), axis=1)
    slope = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8).fit(logits, labels).coef_[0, 0]
    assert temperature.of_networks({"s1": sure}, labels)["s1"] == pytest.approx(1 / slope, rel=1e-3)


def test_ensembles_have_a_temperature_of_their_own():
    labels, sure = classes(2)
    found = temperature.of_networks({"s1": sure, "s2": sure[:, ::-1].copy(), "teacher": sure}, labels)
    assert set(found) == {"s1", "s2", "teacher", "ensemble"} and found["s1"] == found["teacher"]
    assert found["s2"] > 10 * found["s1"] or found["s2"] == pytest.approx(temperature.LIMITS[1], rel=0.01)


def test_no_decision_changes_and_nothing_is_undefined():
    _, sure = classes(3, factor=40.0)
    for one in (0.05, 1.0, 20.0):
        scaled = reliability.scaled(sure, one)
        assert np.isfinite(scaled).all() and scaled.sum(axis=1) == pytest.approx(1)
    clear = np.sort(sure, axis=1)
    clear = clear[:, -1] - clear[:, -2] > 1e-3
    assert (reliability.scaled(sure, 7.0).argmax(axis=1) == sure.argmax(axis=1))[clear].all()
    levels = temperature.scaled_levels(3.0)
    assert ((levels >= 0.5) == (dequantise(np.arange(256)) >= 0.5)).all() and np.allclose(
        temperature.scaled_levels(1.0), dequantise(np.arange(256))
    )


def test_where_all_is_right_the_temperature_stays_within_its_limits():
    labels, _ = classes(4, n=20)
    right = np.eye(3, dtype=np.float32)[labels] * 0.8 + 0.2 / 3
    low, high = temperature.LIMITS
    assert low <= temperature.of_networks({"s1": right}, labels)["s1"] < 0.5
    assert temperature.at_limit(low) and temperature.at_limit(0.999 * high) and not temperature.at_limit(0.1)
    wrong = np.roll(right, 1, axis=1)
    assert temperature.of_networks({"s1": wrong}, labels)["s1"] == pytest.approx(high, rel=0.01)


def error_of(columns, classes, name):
    """Calibration error as the metric of this name has it."""
    from kdml.analysis.metrics import METRICS

    kind = "classification" if classes else "segmentation"
    metric = next(one for one in METRICS if (one.kind, one.name) == (kind, name))
    return float(metric.of_counts(metric.of_cases(columns, classes).sum(axis=0)))


def columns_of(cases):
    return {name: cases[name].to_numpy() for name in cases}


def test_scaled_probabilities_are_better_calibrated_on_other_images():
    labels, sure = classes(5, n=4000)
    tested = TestSet(np.arange(4000), np.arange(4000).astype(str), np.arange(4000).astype(str), labels)
    found = evaluation.against_labels(Predictions(tested.rows, {"s1": sure}), tested, {"s1": 3.0}).cases
    before, after = (error_of(columns_of(found), 3, name) for name in ("ece", "ece_scaled"))
    assert after < 0.03 < 0.1 < before
    scaled = special.softmax(np.log(sure.astype(float)) / 3.0, axis=1)
    by_hand = np.square(scaled - np.eye(3)[labels]).sum(axis=1) / 2
    assert found["brier_scaled"].to_numpy() == pytest.approx(by_hand, abs=2e-6) and set(found["temperature"]) == {3.0}
    assert "brier_scaled" not in evaluation.against_labels(Predictions(tested.rows, {"s1": sure}), tested).cases


def test_scaled_masks_are_better_calibrated_by_pixel():
    truth, levels = masks(6)
    n = len(truth)
    tested = TestSet(np.arange(n), np.arange(n).astype(str), np.arange(n).astype(str), np.ones(n, dtype=int), truth)
    found = columns_of(evaluation.against_labels(Predictions(tested.rows, {"s1": levels}), tested, {"s1": 2.0}).cases)
    before, after = (error_of(found, 0, name) for name in ("ece", "ece_scaled"))
    assert after < 0.02 < 0.05 < before
    warmer = special.expit(special.logit(dequantise(levels).astype(float)) / 2)
    assert found["brier_scaled"] == pytest.approx(np.square(warmer - truth).mean(axis=(1, 2)), abs=2e-6)


def test_marked_regions_are_counted_by_their_mean_probability():
    """Three regions: half right, wrong, and too small to count."""
    levels, truth = np.zeros((1, 12, 12), dtype=np.uint8), np.zeros((1, 12, 12), dtype=bool)
    levels[0, 0:2, 0:4], truth[0, 0:1, 0:4] = 200, True
    levels[0, 6:9, 6:9] = 240
    levels[0, 11, 0] = 255
    ways = np.stack([temperature.LEVELS, temperature.scaled_levels(4.0)])
    found = reliability.region_bins(levels, truth, ways)
    plain, scaled = (one[:, :-1].reshape(reliability.BINS, 3) for one in found)
    assert plain[:, 0].sum() == scaled[:, 0].sum() == 2
    assert plain[7].tolist() == [1, pytest.approx(200.5 / 256), 1] and plain[9].tolist() == [
        1,
        pytest.approx(240.5 / 256),
        0,
    ]
    assert (
        scaled[:, 1].sum() == pytest.approx(temperature.scaled_levels(4.0)[[200, 240]].sum())
        and scaled[:, 2].sum() == 1
    )
    gap = reliability.calibration_error(plain.reshape(-1))
    assert gap == pytest.approx((1 - 200.5 / 256 + 240.5 / 256) / 2)
    chances = temperature.scaled_levels(4.0)[[200, 240]]
    squares = [(1 - 200.5 / 256) ** 2 + (240.5 / 256) ** 2, (1 - chances[0]) ** 2 + chances[1] ** 2]
    assert [one[0, -1] for one in found] == pytest.approx(squares)
    tested = TestSet(np.arange(1), np.array(["a"]), np.array(["a"]), np.ones(1, dtype=int), truth)
    columns = columns_of(evaluation.against_labels(Predictions(tested.rows, {"s1": levels}), tested, {"s1": 4.0}).cases)
    errors = [error_of(columns, 0, name) for name in ("region_brier", "region_brier_scaled")]
    assert errors == pytest.approx([one / 2 for one in squares], abs=1e-6)
