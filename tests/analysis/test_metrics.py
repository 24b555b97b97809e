"""Metrics against scikit-learn and torchmetrics; the rules for empty masks and absent classes by hand."""

import math

import numpy as np
import pytest
import torch
import torchmetrics.functional.classification as tm
from sklearn import metrics as sk

from kdml.analysis import class_cells, ensemble, metrics, reliability
from kdml.analysis.statistics import sums_by_group


def of_cases(kind, columns, classes=0, groups=None, truth="label"):
    """Value of every metric of a kind that these columns of cases are enough for."""
    n = len(next(iter(columns.values())))
    groups = groups or [str(place) for place in range(n)]
    values = {}
    for metric in metrics.of_truth(kind, truth):
        if metric.columns <= columns.keys():
            _, counts = sums_by_group(metric.of_cases(columns, classes), groups)
            counts = counts if metric.of_groups is None else metric.of_groups(counts)
            values[metric.name] = float(metric.of_counts(counts.sum(axis=0)))
    return values


def of_classes(target, predicted, classes):
    """Metrics of predicted classes."""
    return of_cases("classification", {"target": target, "predicted": predicted}, classes)


def of_masks(truth, predicted, groups=None):
    """Metrics of predicted masks."""
    columns = dict(zip(metrics.PIXELS, metrics.pixel_counts(truth, predicted).T, strict=True))
    return of_cases("segmentation", columns, groups=groups)


@pytest.mark.parametrize("classes", [2, 7])
@pytest.mark.parametrize("seed", range(5))
def test_classification_against_scikit_learn(classes, seed):
    generator = np.random.default_rng(seed)
    target = generator.integers(0, classes, 60)
    predicted = np.where(generator.random(60) < 0.6, target, generator.integers(0, max(2, classes - 2), 60))
    ours = of_classes(target, predicted, classes)
    keywords = {"average": "macro", "labels": range(classes), "zero_division": 0}
    assert ours["accuracy"] == pytest.approx(sk.accuracy_score(target, predicted))
    assert ours["precision"] == pytest.approx(sk.precision_score(target, predicted, **keywords))
    assert ours["recall"] == pytest.approx(sk.recall_score(target, predicted, **keywords))
    assert ours["accuracy"] == pytest.approx(
        tm.multiclass_accuracy(torch.tensor(predicted), torch.tensor(target), classes, average="micro").item()
    )


@pytest.mark.parametrize("seed", range(5))
def test_decisions_on_two_classes_against_scikit_learn(seed):
    target, predicted = (np.random.default_rng(seed).random((2, 60)) < [[0.3], [0.4]]).astype(int)
    ours = of_classes(target, predicted, 2)
    assert ours["sensitivity"] == pytest.approx(sk.recall_score(target, predicted))
    assert ours["specificity"] == pytest.approx(sk.recall_score(target, predicted, pos_label=0))
    assert ours["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(target, predicted))


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("classes", [3, 7])
def test_decisions_on_several_classes_are_means_of_one_against_the_rest(classes):
    """Classes without a case, here the last one, do not count, even where they are named."""
    generator = np.random.default_rng(classes)
    target, predicted = generator.integers(0, classes - 1, 60), generator.integers(0, classes, 60)
    ours = of_classes(target, predicted, classes)
    each = [(target == one, predicted == one) for one in range(classes - 1)]
    assert ours["sensitivity"] == pytest.approx(np.mean([sk.recall_score(*one) for one in each]))
    assert ours["specificity"] == pytest.approx(np.mean([sk.recall_score(*one, pos_label=False) for one in each]))
    assert ours["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(target, predicted))


def test_decisions_without_cases_to_decide_are_undefined():
    all_healthy = of_classes(np.array([0, 0]), np.array([0, 1]), 2)
    assert math.isnan(all_healthy["sensitivity"])
    assert (all_healthy["specificity"], all_healthy["balanced_accuracy"]) == (0.5, 0.5)
    nothing = np.zeros((3, 4, 4), dtype=bool)
    assert math.isnan(of_masks(nothing, nothing)["sensitivity"]) and of_masks(nothing, nothing)["specificity"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_decisions_on_pixels_against_scikit_learn(seed):
    truth, predicted = masks(seed)
    ours, pixels = of_masks(truth, predicted), (truth.ravel(), predicted.ravel())
    assert ours["sensitivity"] == pytest.approx(sk.recall_score(*pixels))
    assert ours["specificity"] == pytest.approx(sk.recall_score(*pixels, pos_label=False))
    assert ours["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(*pixels))


def test_an_absent_class_does_not_count_and_one_only_predicted_does():
    """As scikit-learn has it where no labels are named."""
    for target, predicted in (([0, 0, 1, 1], [0, 0, 1, 1]), ([0, 0, 1, 1], [0, 2, 1, 1]), ([0, 0, 1, 1], [0, 0, 0, 0])):
        target, predicted = np.array(target), np.array(predicted)
        ours = of_classes(target, predicted, 4)
        for name, theirs in (("precision", sk.precision_score), ("recall", sk.recall_score)):
            assert ours[name] == pytest.approx(theirs(target, predicted, average="macro", zero_division=0)), name


def test_confusion_sums_over_batches():
    generator = np.random.default_rng(0)
    target, predicted = generator.integers(0, 4, (2, 50))
    whole = class_cells.confusion(target, predicted, 4)
    pieces = sum(class_cells.confusion(target[i : i + 7], predicted[i : i + 7], 4) for i in range(0, 50, 7))
    assert np.array_equal(whole, pieces)
    assert np.array_equal(whole, sk.confusion_matrix(target, predicted, labels=range(4)))


@pytest.mark.parametrize(("target", "predicted"), [([0, 1], [0]), ([0, 2], [0, 1]), ([0, 1], [-1, 1])])
def test_confusion_refuses_what_does_not_fit(target, predicted):
    with pytest.raises(ValueError):
        class_cells.confusion(np.array(target), np.array(predicted), 2)


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
    ours = of_masks(truth, predicted)
    assert ours["iou"] == pytest.approx(sk.jaccard_score(truth.ravel(), predicted.ravel()))
    assert ours["f_score"] == pytest.approx(sk.f1_score(truth.ravel(), predicted.ravel()))
    assert ours["f_score"] == pytest.approx(2 * ours["iou"] / (1 + ours["iou"]))
    jaccard = tm.binary_jaccard_index(torch.tensor(predicted).float(), torch.tensor(truth).int())
    assert ours["iou"] == pytest.approx(jaccard.item())


@pytest.mark.parametrize("seed", range(5))
def test_per_image_segmentation_against_scikit_learn(seed):
    truth, predicted = masks(seed)
    ours = of_masks(truth, predicted)
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
    ours = of_masks(nothing, nothing)
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
    widths = {"classification": 9, "segmentation": 4}
    for kind, width in widths.items():
        for metric in metrics.of_truth(kind, "label") + metrics.of_truth(kind, "teacher"):
            counts = generator.integers(0, 9, (5, 4, 3 * reliability.BINS if "ece" in metric.name else width))
            one_by_one = [[float(metric.of_counts(one)) for one in row] for row in counts]
            assert np.allclose(metric.of_counts(counts), one_by_one, equal_nan=True), metric.name


def test_every_metric_is_described_once():
    for kind in ("classification", "segmentation"):
        mine = [metric for metric in metrics.METRICS if metric.kind == kind]
        assert len({metric.name for metric in mine}) == len({metric.title for metric in mine}) == len(mine)
        assert [metric.name for metric in mine if metric.is_primary] == [metrics.PRIMARY[kind]]
    assert metrics.PRIMARY == {"classification": "accuracy", "segmentation": "iou"}
    assert {metric.name for metric in metrics.METRICS} < set(metrics.TITLES)
    assert len(set(metrics.TITLES.values())) == len(metrics.TITLES)
    areas = {"auc", "aurc", "aurc_disagreement", "aurc_gain", "found"}
    assert areas | {"found_small", "found_medium", "found_large"} == set(metrics.TITLES) - {
        metric.name for metric in metrics.METRICS
    }


def test_metrics_of_one_name_are_told_alike_for_both_kinds():
    """Files name a metric without its kind."""
    facts = {}
    for metric in metrics.METRICS:
        mine = (metric.title, metric.unit, metric.higher_is_better, metric.truths)
        assert facts.setdefault(metric.name, mine) == mine


def test_all_is_shown_in_percent_but_the_divergence_and_the_brier_score():
    units = {metric.name: (metric.unit, metric.scale, metrics.scale_of(metric.name)) for metric in metrics.METRICS}
    assert units.pop("predictive_kl") == ("nats", 1, 1) and units.pop("brier") == ("1", 1, 1)
    assert units.pop("hd95") == ("px", 1, 1) and units.pop("hd95_mm") == ("mm", 1, 1)
    for name in ("brier_scaled", "region_brier", "region_brier_scaled", "temperature"):
        assert units.pop(name) == ("1", 1, 1)
    assert set(units.values()) == {("%", 100, 100)}
    assert metrics.scale_of("auc") == metrics.scale_of("found_small") == 100
    lower = {metric.name for metric in metrics.METRICS if not metric.higher_is_better}
    assert lower == {
        "predictive_kl",
        "false_regions",
        "brier",
        "ece",
        "hd95",
        "hd95_mm",
        "brier_scaled",
        "ece_scaled",
        "temperature",
        "region_brier",
        "region_ece",
        "region_brier_scaled",
        "region_ece_scaled",
    }


def test_metrics_by_truth():
    """The teacher's predictions tell agreement and divergence, but no false regions."""
    names = {
        (kind, truth): {metric.name for metric in metrics.of_truth(kind, truth)}
        for kind in ("classification", "segmentation")
        for truth in ("label", "teacher")
    }
    agreement = {"predictive_kl", "agreement_where_right", "agreement_where_wrong"}
    masks_alike = {"iou", "f_score", "iou_per_image", "f_score_per_image", "iou_per_group"}
    known = {
        ("classification", "label"): {"accuracy", "precision", "recall"},
        ("classification", "teacher"): {"accuracy", "precision", "recall"} | agreement,
        ("segmentation", "label"): masks_alike | {"false_regions"},
        ("segmentation", "teacher"): masks_alike | agreement,
    }
    assert all(known[key] <= found for key, found in names.items())  # more may be added
    assert all("false_regions" not in found for (_, truth), found in names.items() if truth == "teacher")


def test_metrics_of_pixels_by_hand():
    """Two images of one patient, one of another."""
    columns = dict(zip(metrics.PIXELS, np.array([[6, 2, 2, 6], [0, 0, 0, 16], [1, 0, 3, 12]]).T, strict=True))
    values = of_cases("segmentation", columns | {"false_regions": np.array([1, 0, 2])}, groups=["p", "p", "q"])
    by_hand = {
        "iou": 7 / 14,
        "f_score": 14 / 21,
        "iou_per_image": (6 / 10 + 1 + 1 / 4) / 3,  # nothing there and nothing marked is right
        "f_score_per_image": (12 / 16 + 1 + 2 / 5) / 3,
        "iou_per_group": (6 / 10 + 1 / 4) / 2,
        "false_regions": 1,
    }
    assert {name: values[name] for name in by_hand} == pytest.approx(by_hand)


def test_metrics_of_fidelity_by_hand():
    columns = {"kl": np.array([0.5, 0.1, 0.3]), "right": np.array([1, 1, 0]), "right_same": np.array([1, 0, 0]),
               "wrong": np.array([0, 0, 1]), "wrong_same": np.array([0, 0, 1])}  # fmt: skip
    values = of_cases("classification", columns, 2, truth="teacher")
    by_hand = {"predictive_kl": 0.3, "agreement_where_right": 1 / 2, "agreement_where_wrong": 1.0}
    assert {name: values[name] for name in by_hand} == pytest.approx(by_hand)


def test_a_share_of_nothing_is_undefined():
    assert metrics.share(np.array([3, 4])) == 0.75 and math.isnan(metrics.share(np.array([0, 0])))
