"""Calibration against scikit-learn and torchmetrics, and the curves by hand."""

import numpy as np
import pytest
import torch
import torchmetrics.functional.classification as tm
from fabricated import LABELS, SEGMENTATION, SPLIT, FabricatedPlace, by_key, evaluate, probabilities, read
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from kdml.analysis import evaluation, metrics, reliability
from kdml.analysis.evaluation import TestSet
from kdml.runs import predictions
from kdml.runs.predictions import Predictions, dequantise


def values_of(outputs, labels, masks=None):
    """Brier score and ECE of a network by the metrics that tables show."""
    n, names = len(outputs), np.array([str(place) for place in range(len(outputs))], dtype=object)
    tested = TestSet(np.arange(n), names, names, labels, masks)
    cases = evaluation.against_labels(Predictions(np.arange(n), {"s1": outputs}), tested).cases
    columns = {name: cases[name].to_numpy() for name in cases}
    classes = outputs.shape[1] if masks is None else 0
    kind = "classification" if classes else "segmentation"
    wanted = {metric.name: metric for metric in metrics.of_truth(kind, "label") if metric.name in ("brier", "ece")}
    return {name: float(one.of_counts(one.of_cases(columns, classes).sum(axis=0))) for name, one in wanted.items()}


@pytest.mark.parametrize("seed", range(4))
def test_two_classes_against_libraries(seed):
    """The probability is that of the second class, whatever is predicted."""
    generator = np.random.default_rng(seed)
    labels, second = generator.integers(0, 2, 80), generator.random(80).astype(np.float32)
    ours = values_of(np.stack([1 - second, second], axis=1), labels)
    assert ours["brier"] == pytest.approx(sk.brier_score_loss(labels, second), abs=1e-5)
    theirs = tm.binary_calibration_error(torch.tensor(second), torch.tensor(labels), n_bins=10, norm="l1")
    assert ours["ece"] == pytest.approx(theirs.item(), abs=1e-5)


@pytest.mark.parametrize("classes", [3, 7])
def test_several_classes_against_libraries(classes):
    """The probability is that of the predicted class."""
    generator = np.random.default_rng(classes)
    labels, given = generator.integers(0, classes, 80), generator.dirichlet(np.ones(classes), 80).astype(np.float32)
    ours = values_of(given, labels)
    assert ours["brier"] == pytest.approx(
        sk.brier_score_loss(labels, given, scale_by_half=True, labels=range(classes)), abs=1e-5
    )
    theirs = tm.multiclass_calibration_error(torch.tensor(given), torch.tensor(labels), classes, n_bins=10, norm="l1")
    assert ours["ece"] == pytest.approx(theirs.item(), abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_pixels_against_libraries(seed):
    generator = np.random.default_rng(seed)
    masks = generator.random((5, 8, 8)) < 0.3
    stored = predictions.quantise((0.5 * masks + 0.7 * generator.random(masks.shape)).clip(0, 1))
    ours = values_of(stored, np.zeros(5, int), masks)
    pixels, truth = dequantise(stored).ravel(), masks.ravel()
    assert ours["brier"] == pytest.approx(sk.brier_score_loss(truth, pixels), abs=1e-6)
    theirs = tm.binary_calibration_error(torch.tensor(pixels), torch.tensor(truth).int(), n_bins=10, norm="l1")
    assert ours["ece"] == pytest.approx(theirs.item(), abs=1e-6)


def test_an_ensembles_probabilities_are_divided_by_their_sum():
    """Of two students that are 0.8 sure of different classes nothing is known."""
    tested = TestSet(np.arange(1), np.array(["a"], object), np.array(["a"], object), np.array([1]))
    outputs = {"s1": probabilities(0.8), "s2": probabilities(0.2)}
    cases = evaluation.against_labels(Predictions(np.arange(1), outputs), tested).cases
    row = cases[cases["network"] == "ensemble"].iloc[0]
    assert (row["uncertainty"], row["brier"]) == pytest.approx((0.5, 0.25))


def test_every_probability_has_a_bin_and_nothing_has_no_error():
    counts = reliability.bins(np.array([0.0, 0.1, 0.99, 1.0]), np.array([False, True, True, False]))
    assert np.flatnonzero(counts[:, ::3].sum(axis=0)).tolist() == [0, 1, 9]
    assert np.isnan(reliability.calibration_error(np.zeros(len(reliability.COLUMNS))))


def test_curves_are_scikit_learns(tmp_path):
    place = FabricatedPlace(tmp_path, SPLIT)
    second = (0.15, 0.18, 0.55, 0.55, 0.91, 0.95)
    place.add("baseline_student", {"baseline": probabilities(*second)}, sheet="alone")
    assert evaluate(place, "alone") == (0, "")
    rows = read(tmp_path / "alone/reliability.csv")
    assert {(row["of"], row["scaled"]) for row in rows} == {("cases", "0"), ("cases", "1")}  # images have no regions
    rows = [row for row in rows if row["scaled"] == "0"]
    known = [row for row in rows if row["seeds"] != "0"]
    assert [row["bin"] for row in known] == ["1", "5", "9"] and [row["count"] for row in known] == ["2.0"] * 3
    observed, probability = calibration_curve(LABELS, second, n_bins=10)
    assert [float(row["observed"]) for row in known] == pytest.approx(100 * observed)
    assert [float(row["probability"]) for row in known] == pytest.approx(100 * probability, abs=1e-4)
    assert len(rows) == 10 and rows[0]["observed"] == ""


def test_a_bin_is_of_the_seeds_that_have_cases_there(tmp_path):
    place = FabricatedPlace(tmp_path, SPLIT)
    for seed, first in enumerate((0.15, 0.25)):
        place.add("baseline_student", {"baseline": probabilities(first, *[0.95] * 5)}, seed, sheet="alone")
    assert evaluate(place, "alone") == (0, "")
    seeds = {row["bin"]: row["seeds"] for row in read(tmp_path / "alone/reliability.csv") if row["scaled"] == "0"}
    assert (seeds["1"], seeds["2"], seeds["9"], seeds["5"]) == ("1", "1", "2", "0")


def test_intervals_of_pixels_are_of_whole_groups(tmp_path):
    """One of three patients has all the lesions: no interval is narrower than what that patient decides."""
    place = FabricatedPlace(tmp_path, SPLIT, **SEGMENTATION)
    masks = np.zeros((8, 8, 8), dtype=np.uint8)
    masks[:2] = 1
    np.save(tmp_path / "masks.npy", masks)
    place.add("baseline_student", {"baseline": np.full((6, 8, 8), 160, dtype=np.uint8)}, sheet="alone")
    assert evaluate(place, "alone") == (0, "")
    row = by_key(read(tmp_path / "alone/reliability.csv"), "of", "scaled", "bin")["cases", "0", "6"]
    assert float(row["observed"]) == pytest.approx(100 / 3) and row["count"] == "384.0"
    assert float(row["low"]) == 0 and float(row["high"]) > 90
