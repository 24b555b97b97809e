"""Agreement with a teacher, against scipy and by hand."""

import math

import numpy as np
import pytest
from scipy.stats import entropy

from kdml import fidelity


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
