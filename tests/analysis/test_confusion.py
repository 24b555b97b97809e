"""How many test cases of each class were named as which, against scikit-learn."""

import numpy as np
import pytest
from fabricated import SEGMENTATION, SPLIT, FabricatedPlace, by_key, evaluate, read, right_at
from sklearn.metrics import confusion_matrix

from kdml.runs import predictions


def test_images_are_counted_by_true_and_predicted_class(place):
    """Mean over two seeds; shares are of the true class."""
    assert evaluate(place) == (0, "")
    rows = by_key(read(place.folder / "variants/confusion.csv"), "run", "network", "true", "predicted")
    target = np.array([0, 1, 1, 0, 0, 1])
    said = [right_at(*range(4 + seed)).argmax(axis=1) for seed in range(2)]
    theirs = np.mean([confusion_matrix(target, one) for one in said], axis=0)
    names = ("healthy", "ill")
    mine = [[float(rows["kd_ml_v3", "s1", true, named]["mean"]) for named in names] for true in names]
    assert mine == theirs.tolist() and theirs.tolist() == [[2.5, 0.5], [1, 2]]
    shares = [float(rows["kd_ml_v3", "s1", "healthy", named]["share"]) for named in names]
    assert shares == pytest.approx([250 / 3, 50 / 3]) and rows["ml_v1", "ensemble", "ill", "ill"]["seeds"] == "2"


def test_pixels_of_masks_are_counted_likewise(tmp_path):
    place = FabricatedPlace(tmp_path, SPLIT, **SEGMENTATION)
    generator = np.random.default_rng(0)
    masks = generator.random((8, 4, 4)) < 0.3
    np.save(tmp_path / "masks.npy", masks.astype(np.uint8))
    found = generator.random((6, 4, 4))
    place.add("baseline_student", {"baseline": predictions.quantise(found)}, sheet="alone")
    assert evaluate(place, "alone") == (0, "")
    rows = read(tmp_path / "alone/confusion.csv")
    theirs = confusion_matrix(masks[:6].ravel(), (found >= 0.5).ravel())
    assert [float(row["mean"]) for row in rows] == theirs.ravel().tolist()
    assert [(row["true"], row["predicted"]) for row in rows[:2]] == [
        ("background", "background"),
        ("background", "lesion"),
    ]


def test_the_share_of_a_class_without_a_case_is_undefined(tmp_path):
    place = FabricatedPlace(tmp_path, [(row, f"i{row}", 0, f"g{row}", "test") for row in range(3)])
    place.add("baseline_student", {"baseline": right_at(0, 1, 2)[:3]}, sheet="alone")
    assert evaluate(place, "alone") == (0, "")
    assert [row["share"] for row in read(tmp_path / "alone/confusion.csv")][2:] == ["nan", "nan"]
