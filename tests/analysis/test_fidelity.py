"""Agreement with a teacher, against scipy and by hand."""

import math

import numpy as np
import pytest
from scipy.stats import entropy

from kdml.analysis import fidelity, metrics
from kdml.runs.predictions import Predictions


def values(kind, columns, classes=0):
    """Fidelity of a test set, by metric."""
    return {
        metric.name: float(metric.of_counts(metric.of_cases(columns, classes).sum(axis=0)))
        for metric in metrics.of_truth(kind, "teacher")
        if metric.columns <= columns.keys()
    }


def agreement(teacher, student, truth):
    """Agreement of predicted classes where the teacher is right, and where it is wrong."""
    found = values("classification", fidelity.of_cases(np.eye(2)[teacher], np.eye(2)[student], truth), 2)
    return {name: value for name, value in found.items() if name.startswith("agreement")}


def test_predictive_kl_against_scipy_and_teacher_first():
    generator = np.random.default_rng(0)
    teacher, student = generator.dirichlet(np.ones(4), size=(2, 30))
    found = fidelity.predictive_kl(teacher, student)
    assert found == pytest.approx(entropy(teacher, student, axis=1))
    assert found.mean() != pytest.approx(fidelity.predictive_kl(student, teacher).mean(), rel=1e-3)
    assert not fidelity.predictive_kl(teacher, teacher).any()


def test_certain_predictions_stay_finite_and_ensembles_are_normalised():
    certain = np.array([[1.0, 0.0]])
    assert 20 < fidelity.predictive_kl(certain, certain[:, ::-1]) < 40
    assert fidelity.predictive_kl(certain, np.array([[0.9, 0.9]])) == pytest.approx(math.log(2))


def test_agreement_is_split_by_the_teacher():
    teacher, student, truth = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0]), np.array([0, 0, 0, 0, 0])
    assert agreement(teacher, student, truth) == pytest.approx(
        {"agreement_where_right": 1 / 2, "agreement_where_wrong": 2 / 3}
    )
    assert math.isnan(agreement(truth, student, truth)["agreement_where_wrong"])


def test_binary_probabilities():
    assert fidelity.binary(np.array([0.25])).tolist() == [[0.75, 0.25]]


def test_teachers_are_compared_both_ways_on_the_same_images_alone():
    rows = np.array([3, 5])
    first = np.array([[0.9, 0.1], [0.8, 0.2]])
    second = np.array([[0.9, 0.1], [0.3, 0.7]])
    stored = {1: Predictions(rows, {"teacher": second}), 0: Predictions(rows, {"teacher": first})}
    stored[2] = Predictions(np.array([3, 6]), {"teacher": first})
    found = {
        (row["first_seed"], row["second_seed"], row["metric"]): row["value"]
        for row in fidelity.between_teachers(stored)
    }
    assert {key[:2] for key in found} == {(0, 1), (1, 0)}
    assert found[0, 1, "accuracy"] == found[1, 0, "accuracy"] == 50
    assert found[0, 1, "precision"] == 50 and found[1, 0, "precision"] == 25  # the first one is the truth
    nats = 0.8 * np.log(0.8 / 0.3) + 0.2 * np.log(0.2 / 0.7)  # of the one image where they differ; no percent
    assert found[0, 1, "predictive_kl"] == pytest.approx(nats / 2, abs=1e-4)
    assert list(fidelity.between_teachers({0: stored[0]})) == []


def test_masks_are_compared_by_pixels():
    teacher, student = np.zeros((1, 2, 2), np.uint8), np.zeros((1, 2, 2), np.uint8)
    teacher[0, 0], student[0, 0, 0], student[0, 1, 0] = 128, 128, 127
    assert values("segmentation", fidelity.of_cases(teacher, student))["iou"] == 0.5


def test_columns_of_images_and_of_masks():
    """Without a truth agreement is not told apart; with one, pixels are counted per image."""
    teacher, student = np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([[0.6, 0.4], [0.8, 0.2]])
    assert set(fidelity.of_cases(teacher, student)) == {"target", "predicted", "kl"}
    found = fidelity.of_cases(teacher, student, np.array([0, 0]))
    assert {name: column.tolist() for name, column in found.items() if name != "kl"} == {
        "target": [0, 1], "predicted": [0, 0], "right": [1, 0], "right_same": [1, 0], "wrong": [0, 1], "wrong_same": [0, 0],
    }  # fmt: skip
    assert found["kl"] == pytest.approx(entropy(teacher, student, axis=1))
    masks = np.array([[[200, 200], [0, 0]], [[0, 0], [0, 0]]], np.uint8)
    truth = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 0]]], bool)
    found = fidelity.of_cases(masks, np.zeros_like(masks), truth)
    assert {name: column.tolist() for name, column in found.items() if name != "kl"} == {
        "tp": [0, 0], "fp": [0, 0], "fn": [2, 0], "tn": [2, 4],
        "right": [3, 4], "right_same": [2, 4], "wrong": [1, 0], "wrong_same": [0, 0],
    }  # fmt: skip
    p, q = (200.5 / 256, 0.5 / 256)
    of_pixel = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    assert found["kl"] == pytest.approx([of_pixel / 2, 0], rel=1e-5)


def test_a_divergence_of_nothing_has_no_sign():
    """Rounding errors of networks that are sure go either way, and tables of cases have no -0."""
    generator = np.random.default_rng(0)
    second = 1 - generator.random(20000) * 1e-6
    student = np.stack([1 - second, second], axis=1).astype(np.float32)
    taught = student * np.float32(1 + 1e-7)
    found = fidelity.of_cases(taught, student, np.zeros(len(second), dtype=int))["kl"]
    assert (found == 0).any() and not np.signbit(found[found == 0]).any()
