"""Masks of several classes: with the background and one class all that is measured is what masks of one class have; with more it is
held against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as sklearn

from kdml.analysis import class_pixels, evaluation, metrics, reliability, temperature
from kdml.analysis.disagreement import pixel_disagreement
from kdml.analysis.ensemble import with_ensemble
from kdml.analysis.evaluation import TestSet
from kdml.analysis.referral import measures
from kdml.runs.predictions import Predictions, classes_of, marked, quantise, quantise_classes

IMAGES, SIDE = 5, 24
NETWORKS = ("teacher", "s1", "s2")


def chances(seed, classes):
    """Probabilities of the classes in patches, so that there are regions."""
    draws = np.random.default_rng(seed)
    logits = np.kron(draws.normal(0, 2, (IMAGES, classes, SIDE // 4, SIDE // 4)), np.ones((4, 4)))
    odds = np.exp(logits + draws.normal(0, 0.3, logits.shape))
    return odds / odds.sum(axis=1, keepdims=True)


def truth_of(classes, seed=50):
    named = chances(seed, classes).argmax(axis=1).astype(np.uint8)
    named[0] = 0  # an image without anything
    return named


def part_of(masks):
    names = np.array([f"i{number}" for number in range(IMAGES)], dtype=object)
    return TestSet(np.arange(IMAGES), names, np.array(list("aabbc"), dtype=object), np.zeros(IMAGES, int), masks)


def outputs_of_two():
    """Foreground probabilities, and the same as probabilities of two classes."""
    one = {name: chances(seed, 2)[:, 1].astype(np.float32) for seed, name in enumerate(NETWORKS)}
    both = {name: quantise_classes(np.stack([1 - p, p], axis=1)) for name, p in one.items()}
    return {name: quantise(p) for name, p in one.items()}, both


@pytest.mark.parametrize("measure", [evaluation.against_labels, evaluation.against_teacher])
def test_two_classes_are_measured_as_one(measure):
    of_one, of_two = outputs_of_two()
    rows = np.arange(IMAGES)
    masks = truth_of(2)
    one, two = (measure(Predictions(rows, outputs), part_of(masks)) for outputs in (of_one, of_two))
    shared = [name for name in one.cases if name not in ("id", "group", "network")]
    assert set(two.cases) - set(one.cases) <= set(class_pixels.names(2))
    for name in shared:
        # A probability near a step's edge may be stored one step off.
        close = (
            {"rtol": 2e-3, "atol": 1e-4} if name in ("kl", "brier", "uncertainty", "disagreement") else {"atol": 1e-9}
        )
        if name in reliability.COLUMNS:
            close = {"atol": 3.0}
        np.testing.assert_allclose(
            two.cases[name].to_numpy(float), one.cases[name].to_numpy(float), err_msg=name, **close
        )
    assert one.regions.equals(two.regions)
    for network, mine in two.cases.groupby("network"):
        other = one.cases[one.cases["network"] == network]
        for metric in metrics.of_truth("segmentation", "label"):
            if metric.columns <= set(mine):
                values = [
                    metric.of_counts(metric.of_cases({n: t[n].to_numpy() for n in t}, 0).sum(axis=0))
                    for t in (mine, other)
                ]
                assert values[0] == pytest.approx(values[1], rel=2e-3, abs=1e-3), metric.name


def test_two_classes_have_the_temperature_of_one_and_what_it_makes_of_them():
    of_one, of_two = outputs_of_two()
    masks, rows = truth_of(2), np.arange(IMAGES)
    fitted = [temperature.of_networks(outputs, masks) for outputs in (of_one, of_two)]
    assert fitted[0] == pytest.approx(fitted[1], rel=5e-3) and fitted[0].keys() == fitted[1].keys()
    one, two = (
        evaluation.against_labels(Predictions(rows, outputs), part_of(masks), dict.fromkeys(fitted[0], 2.5)).cases
        for outputs in (of_one, of_two)
    )
    assert set(one) <= set(two) and not np.allclose(one["brier"], one["brier_scaled"])
    for name in ("brier_scaled", "temperature", "hd95", "nsd"):
        np.testing.assert_allclose(two[name].to_numpy(), one[name].to_numpy(), rtol=2e-3, atol=1e-4, err_msg=name)
    for metric in metrics.METRICS:
        if metric.name in ("ece_scaled", "region_ece", "region_ece_scaled") and metric.kind == "segmentation":
            values = [
                metric.of_counts(metric.of_cases({n: t[n].to_numpy() for n in t}, 0).sum(axis=0)) for t in (one, two)
            ]
            assert values[0] == pytest.approx(values[1], rel=5e-3, abs=2e-3), metric.name


def test_the_temperature_of_several_classes_is_found():
    """Labels drawn from probabilities that were then made twice too sure."""
    draws = np.random.default_rng(3)
    logits = draws.normal(0, 1.5, (6, 4, 40, 40))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (honest.cumsum(axis=1) < draws.random((6, 1, 40, 40))).sum(axis=1).astype(np.uint8)
    sure = np.exp(2 * logits) / np.exp(2 * logits).sum(axis=1, keepdims=True)
    assert temperature.of_networks({"s1": quantise_classes(sure)}, truth)["s1"] == pytest.approx(2, rel=0.07)


def test_the_ensemble_of_two_classes_is_the_union_of_masks():
    of_one, of_two = outputs_of_two()
    one, two = with_ensemble(of_one)["ensemble"], with_ensemble(of_two)["ensemble"]
    assert (marked(one) == classes_of(two)).all()
    assert pixel_disagreement([of_two["s1"], of_two["s2"]]) == pytest.approx(
        pixel_disagreement([of_one["s1"], of_one["s2"]]), abs=2e-4
    )


def test_the_ensemble_marks_what_any_student_does_with_the_largest_probability():
    """Pixels: both background; s1 alone; both, s2 surer; different classes, s1 surer; both background, but s1 gives a class more than
    s2 leaves to the background."""
    first = np.array([[0.9, 0.1, 0.2, 0.1, 0.5], [0.05, 0.8, 0.6, 0.7, 0.45], [0.05, 0.1, 0.2, 0.2, 0.05]])
    second = np.array([[0.8, 0.9, 0.1, 0.3, 0.4], [0.1, 0.05, 0.8, 0.2, 0.38], [0.1, 0.05, 0.1, 0.5, 0.22]])
    first, second = first.reshape(1, 3, 1, 5), second.reshape(1, 3, 1, 5)
    outputs = {"s1": quantise_classes(first), "s2": quantise_classes(second)}
    assert classes_of(with_ensemble(outputs)["ensemble"]).ravel().tolist() == [0, 1, 1, 1, 1]


@pytest.mark.parametrize("classes", [3, 4])
def test_several_classes_against_scikit_learn(classes):
    masks, output = truth_of(classes), quantise_classes(chances(1, classes))
    found = evaluation.against_labels(Predictions(np.arange(IMAGES), {"s1": output}), part_of(masks)).cases
    columns = {name: found[name].to_numpy() for name in found}
    counts = metrics.pixel_columns(columns)
    named, marks = classes_of(output), range(1, classes)
    assert counts.sum(axis=0).tolist() == sklearn.confusion_matrix(masks.ravel(), named.ravel()).ravel().tolist()
    jaccard = sklearn.jaccard_score(masks.ravel(), named.ravel(), labels=[*marks], average=None)
    dice = sklearn.f1_score(masks.ravel(), named.ravel(), labels=[*marks], average=None)
    recall = sklearn.recall_score(masks.ravel(), named.ravel(), labels=[*range(classes)], average=None)
    sums = counts.sum(axis=0)
    assert class_pixels.iou(sums) == pytest.approx(jaccard) and metrics.iou(sums) == pytest.approx(jaccard.mean())
    assert class_pixels.f_score(sums) == pytest.approx(dice) and metrics.f_score(sums) == pytest.approx(dice.mean())
    assert metrics.pixel_sensitivity(sums) == pytest.approx(recall[1:].mean())
    assert metrics.pixel_balanced_accuracy(sums) == pytest.approx(recall.mean())
    others = [sklearn.recall_score(masks.ravel() != number, named.ravel() != number) for number in marks]
    assert metrics.pixel_specificity(sums) == pytest.approx(np.mean(others))
    by_class = {name: of_counts(sums) for name, of_counts in class_pixels.by_class(counts.shape[1])}
    assert by_class == pytest.approx(
        {f"iou_of_class_{n}": jaccard[n - 1] for n in marks} | {f"f_score_of_class_{n}": dice[n - 1] for n in marks}
    )
    assert (columns["tp"] == [(masks[n] * (masks[n] == named[n]) > 0).sum() for n in range(IMAGES)]).all()
    uncertainty, brier = (columns[name] for name in ("uncertainty", "brier"))
    chance = chances(1, classes)
    assert uncertainty == pytest.approx(1 - chance.max(axis=1).mean(axis=(1, 2)), abs=4e-3)
    truth = np.eye(classes)[masks].transpose(0, 3, 1, 2)
    assert brier == pytest.approx(np.square(chance - truth).sum(axis=1).mean(axis=(1, 2)) / 2, abs=4e-3)
    bins = np.stack([columns[name] for name in reliability.COLUMNS], axis=1)
    assert bins[:, ::3].sum() == masks.size and bins[:, 2::3].sum() == (masks == named).sum()


def test_regions_are_of_one_class():
    """Two classes that touch are two regions; one that is named as the other is missed, and is a false region there."""
    mask, named = np.zeros((2, IMAGES, SIDE, SIDE), np.uint8)
    mask[1, 2:6, 2:6], mask[1, 6:10, 2:6] = 1, 2
    named[1, 2:6, 2:6], named[1, 6:10, 2:6] = 1, 1
    output = quantise_classes(np.eye(3)[named].transpose(0, 3, 1, 2))
    found = evaluation.against_labels(Predictions(np.arange(IMAGES), {"s1": output}), part_of(mask))
    rows = found.regions[["id", "region", "class", "area", "share"]].to_numpy().tolist()
    assert rows == [["i1", 0, 1, 16, 1.0], ["i1", 1, 2, 16, 0.0]]
    assert found.cases["false_regions"].sum() == 0  # what is named 1 touches the class 1
    named[1], named[2, :4, :4] = 0, 2
    output = quantise_classes(np.eye(3)[named].transpose(0, 3, 1, 2))
    found = evaluation.against_labels(Predictions(np.arange(IMAGES), {"s1": output}), part_of(mask))
    assert found.cases["false_regions"].tolist() == [0, 0, 1, 0, 0] and not found.regions["share"].any()


def test_fidelity_of_several_classes():
    masks = truth_of(3)
    outputs = {name: quantise_classes(chances(seed, 3)) for seed, name in enumerate(NETWORKS)}
    found = evaluation.against_teacher(Predictions(np.arange(IMAGES), outputs), part_of(masks)).cases
    mine = found[found["network"] == "s1"]
    teacher, student = classes_of(outputs["teacher"]), classes_of(outputs["s1"])
    cells = metrics.pixel_columns({name: mine[name].to_numpy() for name in mine}).sum(axis=0)
    assert cells.tolist() == sklearn.confusion_matrix(teacher.ravel(), student.ravel()).ravel().tolist()
    right = teacher == masks
    assert mine["right_same"].sum() == (right & (student == teacher)).sum()
    assert mine["wrong"].sum() == (~right).sum()
    p, q = chances(0, 3), chances(1, 3)
    kl = (p * (np.log(p) - np.log(q))).sum(axis=1).mean(axis=(1, 2))
    assert mine["kl"].to_numpy() == pytest.approx(kl, rel=0.05)


def test_referral_weighs_the_mean_f_score():
    masks = truth_of(3)
    outputs = {name: quantise_classes(chances(seed, 3)) for seed, name in enumerate(NETWORKS)}
    found = evaluation.against_labels(Predictions(np.arange(IMAGES), outputs), part_of(masks)).cases
    mine = found[found["network"] == "s2"]
    named = dict(measures({name: mine[name].to_numpy() for name in mine}, 0, np.arange(IMAGES)))
    assert {"aurc", "aurc_disagreement", "aurc_gain"} == named.keys()
    order = np.argsort(mine["uncertainty"].to_numpy(), kind="stable")
    losses = []
    for place in range(IMAGES):
        truth, said = masks[place].ravel(), classes_of(outputs["s2"])[place].ravel()
        present = sorted({*truth, *said} - {0})
        losses.append(1 - sklearn.f1_score(truth, said, labels=present, average="macro"))
    risks = np.cumsum(np.array(losses)[order]) / np.arange(1, IMAGES + 1)
    assert named["aurc"].value == pytest.approx(risks.mean())
