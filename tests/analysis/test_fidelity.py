"""Agreement with a teacher, against scipy and by hand."""

import math

import numpy as np
import pytest
from scipy.stats import entropy

from kdml.analysis import fidelity
from kdml.runs.predictions import Predictions


def test_predictive_kl_against_scipy_and_teacher_first():
    generator = np.random.default_rng(0)
    teacher, student = generator.dirichlet(np.ones(4), size=(2, 30))
    assert fidelity.predictive_kl(teacher, student) == pytest.approx(entropy(teacher, student, axis=1).mean())
    assert fidelity.predictive_kl(teacher, student) != pytest.approx(fidelity.predictive_kl(student, teacher), rel=1e-3)
    assert fidelity.predictive_kl(teacher, teacher) == 0


def test_certain_predictions_stay_finite_and_ensembles_are_normalised():
    certain = np.array([[1.0, 0.0]])
    assert 20 < fidelity.predictive_kl(certain, certain[:, ::-1]) < 40
    assert fidelity.predictive_kl(certain, np.array([[0.9, 0.9]])) == pytest.approx(math.log(2))


def test_agreement_is_split_by_the_teacher():
    teacher, student, truth = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0]), np.array([0, 0, 0, 0, 0])
    found = fidelity.agreement(teacher, student, truth)
    assert found == pytest.approx({"agreement_where_right": 1 / 2, "agreement_where_wrong": 2 / 3})
    assert math.isnan(fidelity.agreement(truth, student, truth)["agreement_where_wrong"])


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
    assert fidelity.of_outputs(teacher, student)["iou"] == 0.5
