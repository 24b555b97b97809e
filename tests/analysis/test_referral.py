"""Risk and coverage against their definitions, taken literally."""

from itertools import permutations

import numpy as np
import pytest
from fabricated import SEGMENTATION, SPLIT, FabricatedPlace, by_key, contrasts, evaluate, probabilities, read

from kdml.analysis.disagreement import disagreement, pixel_disagreement
from kdml.analysis.referral import Gain, OfOrder
from kdml.analysis.statistics import Resamples


def literal(signal, loss):
    """Mean over all orders that the signal allows of the mean risk of the first 1, 2, ... cases."""
    orders = [one for one in permutations(range(len(loss))) if (np.diff(np.array(signal)[list(one)]) >= 0).all()]
    curves = [np.array(loss)[list(one)].cumsum() / np.arange(1, len(loss) + 1) for one in orders]
    return np.mean(curves, axis=0)


@pytest.mark.parametrize("seed", range(4))
def test_areas_are_means_over_all_orders_of_ties(seed):
    generator = np.random.default_rng(seed)
    signal, loss = generator.integers(0, 3, 6).astype(float), generator.random(6)
    measure = OfOrder(signal, loss, np.arange(6))
    assert measure.value == pytest.approx(literal(signal, loss).mean())
    assert measure.curve([1 / 3, 1]) == pytest.approx(literal(signal, loss)[[1, 5]])


def test_a_signal_that_knows_the_errors_is_worth_more():
    loss = np.array([0, 0, 1, 1], dtype=float)
    known, useless = OfOrder(loss, loss, np.arange(4)), OfOrder(np.zeros(4), loss, np.arange(4))
    assert known.value == pytest.approx((1 / 3 + 1 / 2) / 4) and useless.value == pytest.approx(0.5)
    assert known.curve([0.25, 0.5, 1]) == pytest.approx([0, 0, 0.5]) and useless.curve([0.25]) == pytest.approx([0.5])
    assert Gain(known, useless).value == pytest.approx(useless.value - known.value)
    resamples = Resamples({0: "abcd"}, resamples=10)
    gained = useless.draws(resamples, 0) - known.draws(resamples, 0)
    assert Gain(known, useless).draws(resamples, 0) == pytest.approx(gained) and gained.max() > 0


def test_without_errors_nothing_is_at_risk():
    measure = OfOrder(np.arange(3.0), np.zeros(3), np.arange(3))
    assert measure.value == 0 and measure.curve([0.5, 1]) == pytest.approx([0, 0])


def test_draws_weight_whole_groups():
    """Draw by draw an area is that of the cases of the drawn groups, each as often as it was drawn."""
    generator = np.random.default_rng(1)
    group = np.array([0, 0, 1, 2, 2, 2])
    signal, loss = generator.integers(0, 4, 6).astype(float), generator.random(6)
    resamples = Resamples({0: ("a", "b", "c")}, resamples=30)
    measure = OfOrder(signal, loss, group)
    drawn, curves = measure.draws(resamples, 0), measure.curve([0.5, 1], resamples.group_weights[0])
    for draw in range(30):
        times = resamples.group_weights[0][draw].astype(int)[group]
        again = OfOrder(np.repeat(signal, times), np.repeat(loss, times), np.arange(times.sum()))
        assert drawn[draw] == pytest.approx(again.value)
        assert curves[draw] == pytest.approx(again.curve([0.5, 1]))


def test_students_disagree_by_the_distance_of_their_probabilities():
    one, other, third = np.array([[0.9, 0.1]]), np.array([[0.2, 0.8]]), np.array([[0.9, 0.1]])
    assert disagreement([one, other]) == pytest.approx([0.7])
    assert disagreement([one, other, third]) == pytest.approx([1.4 / 3])
    masks = np.array([[[0, 255]]], dtype=np.uint8), np.array([[[128, 255]]], dtype=np.uint8)
    assert pixel_disagreement(masks) == pytest.approx([0.25])


def test_areas_and_curves_of_a_run(tmp_path):
    """S1 is right at 1-4 and unsure at its errors; where it errs, S2 says something else."""
    place = FabricatedPlace(tmp_path, SPLIT)
    s1, s2 = probabilities(0.6, 0.9, 0.9, 0.1, 0.1, 0.4), probabilities(0.1, 0.8, 0.8, 0.2, 0.2, 0.9)
    place.add("ml_v1", {"s1": s1, "s2": s2})
    assert evaluate(place) == (0, "")
    values = by_key(read(tmp_path / "variants/values.csv"), "network", "metric")
    area = 100 * (1 / 5 + 2 / 6) / 6
    for metric in ("aurc", "aurc_disagreement"):
        assert float(values["s1", metric]["mean"]) == pytest.approx(area, rel=1e-5)
        assert float(values["s1", metric]["low"]) < area < float(values["s1", metric]["high"])
    assert float(values["s1", "aurc_gain"]["mean"]) == pytest.approx(0, abs=1e-9)
    rows = by_key(read(tmp_path / "variants/coverage.csv"), "network", "signal", "coverage")
    assert float(rows["s1", "own", "50.0"]["risk"]) == 0
    assert float(rows["s1", "disagreement", "100.0"]["risk"]) == pytest.approx(100 / 3)
    assert {key[:2] for key in rows} == {
        (network, signal) for network in ("s1", "s2", "ensemble") for signal in ("own", "disagreement")
    }


def test_a_network_alone_disagrees_with_nobody(tmp_path):
    place = FabricatedPlace(tmp_path, SPLIT)
    place.add("baseline_student", {"baseline": probabilities(*[0.9] * 6)}, sheet="alone")
    assert evaluate(place, "alone") == (0, "")
    assert {row["signal"] for row in read(tmp_path / "alone/coverage.csv")} == {"own"}
    assert "aurc_gain" not in {row["metric"] for row in read(tmp_path / "alone/values.csv")}


def test_the_error_of_a_mask_is_what_its_f_score_lacks(tmp_path):
    """The third patient's masks are missed; nothing there and nothing marked is right."""
    place = FabricatedPlace(tmp_path, SPLIT, **SEGMENTATION)
    masks, found = np.zeros((8, 4, 4), dtype=np.uint8), np.full((6, 4, 4), 10, dtype=np.uint8)
    masks[0], masks[4, :2], found[0, :2] = 1, 1, 250
    np.save(tmp_path / "masks.npy", masks)
    place.add("ml_v1", {"s1": found, "s2": np.full_like(found, 10)})
    assert evaluate(place) == (0, "")
    rows = by_key(read(tmp_path / "variants/coverage.csv"), "network", "signal", "coverage")
    assert float(rows["s1", "own", "100.0"]["risk"]) == pytest.approx(100 * (1 / 3 + 1) / 6)
    # S2 marks nothing, so they disagree on the first image alone, which is decided last.
    assert float(rows["s1", "disagreement", "80.0"]["risk"]) == pytest.approx(100 / 5)


def test_gains_of_diversified_knowledge_are_compared_case_by_case(tmp_path):
    """S1 is equally sure of all: under V3 the students disagree most where it errs, under V1 where it is right."""
    n = 40
    split = [(row, f"i{row}", 1, f"g{row}", "test") for row in range(n)] + [(n, "x", 0, "h", "train")]
    place = FabricatedPlace(tmp_path, split)
    wrong = np.arange(n) < 10
    sure, apart, near = np.where(wrong, 0.1, 0.9), np.where(wrong, 0.6, 0.85), np.where(wrong, 0.15, 0.6)
    place.add("ml_v3", {"s1": probabilities(*sure), "s2": probabilities(*apart)})
    place.add("ml_v1", {"s1": probabilities(*sure), "s2": probabilities(*near)})
    assert evaluate(place) == (0, "") and contrasts(place, "variants") == (0, "")
    values = by_key(read(tmp_path / "variants/values.csv"), "run", "network", "metric")
    gains = {run: float(values[run, "s1", "aurc_gain"]["mean"]) for run in ("ml_v3", "ml_v1")}
    rows = by_key([row for row in read(tmp_path / "contrasts.csv") if row["family"] == "referral"], "network")
    row = rows["s1",]
    assert (row["left"], row["right"], row["cases"], row["groups"]) == ("ml_v3", "ml_v1", "40", "40")
    assert gains["ml_v3"] > 20 and gains["ml_v1"] < -20
    assert float(row["estimate"]) == pytest.approx(gains["ml_v3"] - gains["ml_v1"])
    assert 0 < float(row["low"]) < float(row["estimate"]) < float(row["high"]) and float(row["p_holm"]) < 0.05
    # What the ensemble is unsure of are the same cases that its students disagree on, so nothing can be gained there.
    assert float(rows["ensemble",]["estimate"]) == 0
