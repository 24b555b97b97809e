"""Slices are chosen by a rule, never by hand."""

import numpy as np
import pandas as pd
import pytest

from kdml.analysis import slices
from kdml.analysis.evaluation import TestSet
from kdml.common.errors import UserError
from kdml.runs.predictions import Predictions


def judge(rows):
    """Cases of a judging run, as they are measured against the labels."""
    return pd.DataFrame(rows, columns=["id", "group", "tp", "fp", "fn"]).assign(network="baseline")


@pytest.fixture
def found():
    first = [("empty", "p", 0, 3, 0), ("easy", "p", 10, 0, 0), ("hard", "p", 0, 0, 8), ("harder", "q", 0, 5, 6), ("big", "r", 0, 0, 900),
             ("also", "p", 1, 9, 9), ("large", "s", 500, 0, 0), ("crumb", "t", 0, 0, 3)]  # fmt: skip
    second = [(id, group, min(tp + 2, tp + fn), fp, max(0, fn - 2)) for id, group, tp, fp, fn in first]
    return slices.with_lesion([judge(first), judge(second)])


def test_only_slices_with_a_lesion_and_the_mean_over_judges(found):
    by_id = {one.id: one for one in found}
    assert not {"empty", "crumb"} & by_id.keys() and by_id["hard"].area == 8
    assert by_id["hard"].iou == pytest.approx((0 + 2 / 8) / 2) and by_id["easy"].iou == 1
    assert by_id["easy"].place == 1  # in the order of the predictions


def test_hard_ones_are_small_badly_marked_and_of_different_patients(found):
    # Median area 10: big and large are out; of patient p only the worst is taken.
    assert [one.id for one in slices.hard(found, 4)] == ["harder", "also"]
    assert [one.id for one in slices.hard(found, 1)] == ["harder"]


def test_spread_ones_run_from_small_to_large(found):
    areas = [one.area for one in slices.spread(found, 3)]
    assert areas == sorted(areas) and len(set(areas)) == 3


def test_nothing_to_show_is_said():
    with pytest.raises(UserError, match="No test slice has a lesion"):
        slices.with_lesion([judge([("empty", "p", 0, 3, 0)])])


def test_a_judge_of_several_networks_counts_with_their_mean():
    """All of its networks are of the same images, so the place is counted within each."""
    pair = [judge([("x", "p", 4, 0, 4), ("y", "q", 8, 0, 0)]).assign(network=name) for name in ("s1", "s2")]
    pair[1]["tp"], pair[1]["fn"] = [8, 0], [0, 8]
    found = slices.with_lesion([pd.concat(pair, ignore_index=True)])
    assert [(one.id, one.place, one.area, one.iou) for one in found] == [("x", 0, 8, 0.75), ("y", 1, 8, 0.5)]


def test_rules_by_name():
    assert (slices.RULES["hard"], slices.RULES["spread"]) == (slices.hard, slices.spread)


@pytest.fixture
def shown(tmp_path):
    """What a run with two students shows of one of two test images, rows 2 and 0 of the arrays."""
    np.save(
        tmp_path / "images.npy", np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    )
    masks = np.zeros((3, 4, 4), dtype=np.uint8)
    masks[0, :, :3] = 1
    masks[2] = 1
    np.save(tmp_path / "masks.npy", masks)
    tested = TestSet(np.array([2, 0]), np.array(["a", "b"]), np.array(["p", "q"]), np.zeros(2, int), masks[[2, 0]] > 0)
    first, second = np.full((2, 4, 4), 10, np.uint8), np.full((2, 4, 4), 10, np.uint8)
    first[1, 0, :3], second[1, 1] = 200, 220
    stored = Predictions(tested.rows, {"s1": first, "s2": second})

    def show(networks):
        collected = slices.Shown([slices.Slice(1, "b", "q", 12, 0.51239)], tested, tmp_path)
        collected.add("ml_v3", stored, networks)
        return collected

    return show


def test_pictures_are_of_the_chosen_slices_and_the_wanted_networks(shown):
    arrays = shown(["ensemble", "teacher"]).arrays
    assert set(arrays) == {"images", "masks", "ml_v3.ensemble"}  # the run has no teacher
    assert arrays["images"].shape == (1, 4, 4, 3) and arrays["images"].max() == 0  # second of the predictions: row 0
    assert arrays["masks"].sum() == 12
    assert arrays["ml_v3.ensemble"][0].tolist() == [[200] * 3 + [10], [220] * 4, [10] * 4, [10] * 4]


def test_table_has_slices_and_their_regions(shown):
    first, *regions = shown(["ensemble", "s1"]).table(7)
    assert first == {"kind": "slice", "slice": 0, "id": "b", "group": "q", "lesion": 12, "iou": 0.5124, "candidates": 7}
    assert [(row["kind"], row["slice"], row["run"], row["network"], row["share"], row["found"]) for row in regions] == [
        ("region", 0, "ml_v3", "s1", 0.25, 0), ("region", 0, "ml_v3", "ensemble", 0.5, 1),
    ]  # fmt: skip
    assert [regions[0][name] for name in ("region", "area", "top", "bottom", "left", "right")] == [0, 12, 0, 4, 0, 3]


def test_runs_are_added_one_after_the_other(shown, tmp_path):
    collected = shown(["s2"])
    collected.add("baseline", Predictions(np.array([2, 0]), {"baseline": np.zeros((2, 4, 4), np.uint8)}), ["baseline"])
    assert set(collected.arrays) == {"images", "masks", "ml_v3.s2", "baseline.baseline"}
    assert [(row["run"], row["network"], row["share"]) for row in collected.rows] == [
        ("ml_v3", "s2", 0.25),
        ("baseline", "baseline", 0.0),
    ]
