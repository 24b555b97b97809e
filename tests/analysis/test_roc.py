"""Areas under ROC curves against scikit-learn."""

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from kdml.analysis import roc


def test_area_under_the_curve_against_scikit_learn():
    generator = np.random.default_rng(1)
    positive = generator.random(80) < 0.3
    scores = (positive + generator.normal(size=80)).round(1)  # with ties
    assert roc.auc(scores, positive) == pytest.approx(sk.roc_auc_score(positive, scores))
    assert math.isnan(roc.auc(scores, np.zeros(80, bool))) and math.isnan(roc.auc(scores, np.ones(80, bool)))


@pytest.mark.parametrize("seed", range(5))
def test_weighted_areas_against_scikit_learn(seed):
    """Scores with many ties, cases that some draws lack."""
    generator = np.random.default_rng(seed)
    positive = generator.random(60) < 0.4
    scores = (positive + generator.normal(size=60)).round(int(seed % 2))
    weights = generator.integers(0, 4, (7, 60)).astype(float)
    theirs = [sk.roc_auc_score(positive, scores, sample_weight=draw) for draw in weights]
    assert roc.weighted_auc(scores, positive, weights) == pytest.approx(theirs)
    assert roc.weighted_auc(scores, positive, np.ones((1, 60))) == pytest.approx([roc.auc(scores, positive)])
    assert np.isnan(roc.weighted_auc(scores, positive, np.stack([positive, ~positive]).astype(float))).all()


def test_many_draws_at_once_are_what_they_are_one_by_one():
    """More than fit into memory at once are computed in parts."""
    generator = np.random.default_rng(3)
    positive, scores = generator.random(2000) < 0.3, generator.normal(size=2000).round(1)
    weights = generator.integers(0, 3, (2001, 2000)).astype(float)
    areas = roc.weighted_auc(scores, positive, weights)
    for draw in (0, 1000, 2000):
        assert areas[draw] == pytest.approx(sk.roc_auc_score(positive, scores, sample_weight=weights[draw]))


@pytest.mark.parametrize("seed", range(3))
def test_areas_of_several_classes_against_scikit_learn(seed):
    """The mean of each class against the rest; a class that a draw lacks, or that all its cases are of, does not count."""
    generator = np.random.default_rng(seed)
    target = np.arange(60) % 4
    scores = generator.dirichlet(np.ones(4), 60) + 0.2 * np.eye(4)[target]
    scores /= scores.sum(axis=1, keepdims=True)
    positive = target[:, None] == np.arange(4)
    weights = generator.integers(0, 3, (5, 60)).astype(float)
    theirs = [
        sk.roc_auc_score(target, scores, multi_class="ovr", average="macro", sample_weight=draw) for draw in weights
    ]
    assert roc.weighted_macro_auc(scores, positive, weights) == pytest.approx(theirs)
    assert roc.macro_auc(scores, positive) == pytest.approx(sk.roc_auc_score(target, scores, multi_class="ovr"))
    absent = np.column_stack([positive, np.zeros(60, bool)])
    assert roc.macro_auc(np.column_stack([scores, scores[:, 0]]), absent) == roc.macro_auc(scores, positive)
    assert math.isnan(roc.macro_auc(scores[:, :1], np.ones((60, 1), bool)))
