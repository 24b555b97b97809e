"""Metrics against scikit-learn and torchmetrics; the rules for empty masks and absent classes by hand."""

import math

import numpy as np
import pytest
import torch
import torchmetrics.functional.classification as tm
from sklearn import metrics as sk

from kdml.analysis import ensemble, metrics


@pytest.mark.parametrize("classes", [2, 7])
@pytest.mark.parametrize("seed", range(5))
def test_classification_against_scikit_learn(classes, seed):
    generator = np.random.default_rng(seed)
    target = generator.integers(0, classes, 60)
    predicted = np.where(generator.random(60) < 0.6, target, generator.integers(0, max(2, classes - 2), 60))
    ours = metrics.classification(metrics.confusions(target, predicted, classes))
    keywords = {"average": "macro", "labels": range(classes), "zero_division": 0}
    assert ours["accuracy"] == pytest.approx(sk.accuracy_score(target, predicted))
    assert ours["precision"] == pytest.approx(sk.precision_score(target, predicted, **keywords))
    assert ours["recall"] == pytest.approx(sk.recall_score(target, predicted, **keywords))
    assert ours["accuracy"] == pytest.approx(
        tm.multiclass_accuracy(torch.tensor(predicted), torch.tensor(target), classes, average="micro").item()
    )


def test_an_absent_class_does_not_count_and_one_only_predicted_does():
    """As scikit-learn has it where no labels are named."""
    for target, predicted in (([0, 0, 1, 1], [0, 0, 1, 1]), ([0, 0, 1, 1], [0, 2, 1, 1]), ([0, 0, 1, 1], [0, 0, 0, 0])):
        target, predicted = np.array(target), np.array(predicted)
        ours = metrics.classification(metrics.confusions(target, predicted, 4))
        for name, theirs in (("precision", sk.precision_score), ("recall", sk.recall_score)):
            assert ours[name] == pytest.approx(theirs(target, predicted, average="macro", zero_division=0)), name


def test_confusion_sums_over_batches():
    generator = np.random.default_rng(0)
    target, predicted = generator.integers(0, 4, (2, 50))
    whole = metrics.confusion(target, predicted, 4)
    pieces = sum(metrics.confusion(target[i : i + 7], predicted[i : i + 7], 4) for i in range(0, 50, 7))
    assert np.array_equal(whole, pieces)
    assert np.array_equal(whole, sk.confusion_matrix(target, predicted, labels=range(4)))


@pytest.mark.parametrize(("target", "predicted"), [([0, 1], [0]), ([0, 2], [0, 1]), ([0, 1], [-1, 1])])
def test_confusion_refuses_what_does_not_fit(target, predicted):
    with pytest.raises(ValueError):
        metrics.confusion(np.array(target), np.array(predicted), 2)


def masks(seed, n=12):
    generator = np.random.default_rng(seed)
    truth = generator.random((n, 16, 16)) < generator.random((n, 1, 1)) * 0.6
    predicted = truth ^ (generator.random((n, 16, 16)) < 0.1)
    truth[0] = predicted[0] = False
    truth[1], predicted[2] = False, False
    return truth, predicted


@pytest.mark.parametrize("seed", range(5))
def test_pooled_segmentation_against_libraries(seed):
    truth, predicted = masks(seed)
    ours = metrics.segmentation(metrics.pixel_counts(truth, predicted))
    assert ours["iou"] == pytest.approx(sk.jaccard_score(truth.ravel(), predicted.ravel()))
    assert ours["f_score"] == pytest.approx(sk.f1_score(truth.ravel(), predicted.ravel()))
    assert ours["f_score"] == pytest.approx(2 * ours["iou"] / (1 + ours["iou"]))
    jaccard = tm.binary_jaccard_index(torch.tensor(predicted).float(), torch.tensor(truth).int())
    assert ours["iou"] == pytest.approx(jaccard.item())


@pytest.mark.parametrize("seed", range(5))
def test_per_image_segmentation_against_scikit_learn(seed):
    truth, predicted = masks(seed)
    ours = metrics.segmentation(metrics.pixel_counts(truth, predicted))
    each = [
        (1.0, 1.0)
        if not (t.any() or p.any())
        else (
            sk.jaccard_score(t.ravel(), p.ravel(), zero_division=0),
            sk.f1_score(t.ravel(), p.ravel(), zero_division=0),
        )
        for t, p in zip(truth, predicted, strict=True)
    ]
    assert (ours["iou_per_image"], ours["f_score_per_image"]) == pytest.approx(tuple(np.mean(each, axis=0)))


def test_pixel_counts_by_hand():
    truth = np.array([[[1, 1], [0, 0]]], dtype=bool)
    predicted = np.array([[[1, 0], [1, 0]]], dtype=bool)
    assert metrics.pixel_counts(truth, predicted).tolist() == [[1, 1, 1, 1]]
    with pytest.raises(ValueError):
        metrics.pixel_counts(truth, predicted[:, :1])


def test_nothing_to_find_in_the_whole_set_is_undefined():
    nothing = np.zeros((3, 4, 4), dtype=bool)
    ours = metrics.segmentation(metrics.pixel_counts(nothing, nothing))
    assert math.isnan(ours["iou"]) and math.isnan(ours["f_score"])
    assert ours["iou_per_image"] == 1


def test_ensemble_takes_the_surest_student():
    one, other = np.array([[0.6, 0.4], [0.5, 0.5]]), np.array([[0.3, 0.7], [0.9, 0.1]])
    combined = ensemble.largest_probability([one, other])
    assert combined.tolist() == [[0.6, 0.7], [0.9, 0.5]]
    assert combined.argmax(axis=1).tolist() == [1, 0]
    third = np.array([[0.8, 0.2], [0.0, 1.0]])
    assert ensemble.largest_probability([one, other, third]).argmax(axis=1).tolist() == [0, 1]


def test_ensemble_mask_is_the_union():
    probabilities = np.array([[[0.5, 0.2, 0.4]], [[0.1, 0.9, 0.4]], [[0.0, 0.0, 0.0]]])
    assert (ensemble.largest_probability(probabilities) >= 0.5).tolist() == [[True, True, False]]


def test_metrics_of_many_data_sets_at_once():
    generator = np.random.default_rng(2)
    cells, pixels = generator.integers(0, 9, (5, 4, 9)), generator.integers(0, 9, (5, 4, 4))
    for kind, counts in (("classification", cells), ("segmentation", pixels)):
        for metric in metrics.POOLED[kind].values():
            one_by_one = [[float(metric(one)) for one in row] for row in counts]
            assert np.allclose(metric(counts), one_by_one)


def test_area_under_the_curve_against_scikit_learn():
    generator = np.random.default_rng(1)
    positive = generator.random(80) < 0.3
    scores = (positive + generator.normal(size=80)).round(1)  # with ties
    assert metrics.auc(scores, positive) == pytest.approx(sk.roc_auc_score(positive, scores))
    assert math.isnan(metrics.auc(scores, np.zeros(80, bool)))
