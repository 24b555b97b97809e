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


def slice_of(name, group, area=10, iou=0.5, disagreement=0.0):
    return slices.Slice(0, name, group, area, iou, disagreement)


def names(chosen):
    """Names by what they were chosen for."""
    return {what: one.id for what, one in chosen.items()}


CASES = [("empty", "p", 0, 3, 0), ("easy", "p", 10, 0, 0), ("hard", "p", 0, 0, 8), ("crumb", "t", 0, 0, 3)]


@pytest.fixture
def found():
    better = [(id, group, min(tp + 2, tp + fn), fp, max(0, fn - 2)) for id, group, tp, fp, fn in CASES]
    return slices.with_lesion([judge(CASES), judge(better)], [judge(CASES)])


def test_only_slices_with_a_lesion_and_the_mean_over_judges(found):
    by_id = {one.id: one for one in found}
    assert by_id.keys() == {"easy", "hard"} and by_id["hard"].area == 8
    assert by_id["hard"].iou == pytest.approx((0 + 2 / 8) / 2) and by_id["easy"].iou == 1
    assert by_id["easy"].place == 1  # in the order of the predictions


def test_disagreement_is_that_of_the_shown_networks(found):
    """Not of the judges, who here differ."""
    assert {one.disagreement for one in found} == {0}
    apart = [("easy", "p", 5, 0, 5), *(row for row in CASES if row[0] != "easy")]
    by_id = {one.id: one.disagreement for one in slices.with_lesion([judge(CASES)], [judge(CASES), judge(apart)])}
    assert by_id == {"easy": pytest.approx(0.25), "hard": 0}


def test_telling_ones_are_hardest_most_disagreed_on_and_median():
    among = [slice_of("a", "p", iou=0.9), slice_of("b", "q", iou=0.1), slice_of("c", "r", iou=0.6), slice_of("d", "s", iou=0.7, disagreement=0.3),
             slice_of("e", "t", iou=0.8, disagreement=0.2)]  # fmt: skip
    assert names(slices.telling(among)) == {"hardest": "b", "most disagreement": "d", "median": "c"}
    assert names(slices.telling(among[::-1])) == names(slices.telling(among))


def test_of_equals_the_larger_lesion_is_taken_then_the_first_name():
    equal = [slice_of("b", "p", 20), slice_of("c", "q", 30), slice_of("a", "r", 20)]
    for order in (equal, equal[::-1]):
        assert [*names(slices.telling(order)).values()] == ["c", "a", "b"]


def test_each_is_of_another_patient_as_long_as_there_is_one():
    worst = [
        slice_of("a", "p", iou=0.0, disagreement=0.4),
        slice_of("b", "p", iou=0.1, disagreement=0.3),
        slice_of("c", "q", iou=0.9),
    ]
    assert names(slices.telling(worst)) == {"hardest": "a", "most disagreement": "c", "median": "b"}
    assert names(slices.telling(worst[:2])) == {"hardest": "a", "most disagreement": "b"}
    same = [slice_of(name, "p", area) for area, name in enumerate("abcdef", start=5)]
    assert len(slices.spread(same)) == 4


def test_spread_ones_run_from_small_to_large():
    """Without more than one of a patient, whose slices neighbour each other."""
    among = [slice_of(f"{place:02}", f"p{place // 2}", area=100 - place) for place in range(20)]
    chosen = slices.spread(among)
    areas = [one.area for one in chosen.values()]
    assert areas == sorted(areas) and len({one.group for one in chosen.values()}) == 4
    assert [*chosen] == [f"rank {area - 80} of 20 by size" for area in areas]
    assert max(abs(area - 80 - rank) for area, rank in zip(areas, (4.8, 8.6, 12.4, 16.2), strict=True)) < 1.5


def test_nothing_to_show_is_said():
    empty = [judge([("empty", "p", 0, 3, 0)])]
    with pytest.raises(UserError, match="No test slice has a lesion"):
        slices.with_lesion(empty, empty)


def test_a_judge_of_several_networks_counts_with_their_mean():
    """All of its networks are of the same images, so the place is counted within each."""
    pair = [judge([("x", "p", 4, 0, 4), ("y", "q", 8, 0, 0)]).assign(network=name) for name in ("s1", "s2")]
    pair[1]["tp"], pair[1]["fn"] = [8, 0], [0, 8]
    both = [pd.concat(pair, ignore_index=True)]
    found = slices.with_lesion(both, both)
    assert [(one.id, one.place, one.area, one.iou, one.disagreement) for one in found] == [
        ("x", 0, 8, 0.75, 0.25), ("y", 1, 8, 0.5, 0.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "columns", "box"),
    [((40, 48), (40, 44), (34, 54, 32, 52)), ((0, 8), (92, 100), (0, 20, 80, 100)), ((50, 51), (50, 51), (43, 58, 43, 58)),
     ((5, 95), (40, 60), (0, 100, 0, 100))],
    ids=["in the middle", "at a corner", "a small one", "a large one"],
)  # fmt: skip
def test_a_crop_is_a_square_around_the_lesion_and_within_the_picture(rows, columns, box):
    mask = np.zeros((100, 100), bool)
    mask[slice(*rows), slice(*columns)] = True
    assert slices.crop(mask) == dict(zip(("top", "bottom", "left", "right"), box, strict=True))


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

    def show(networks, grey=None):
        chosen = {"hardest": slices.Slice(1, "b", "q", 12, 0.51239, 0.1)}
        collected = slices.Shown(chosen, tested, tmp_path, grey)
        collected.add("ml_v3", stored, networks)
        return collected

    return show


def test_pictures_are_of_the_chosen_slices_and_the_wanted_networks(shown):
    arrays = shown(["ensemble", "teacher"]).arrays
    assert set(arrays) == {"images", "masks", "ml_v3.ensemble"}  # the run has no teacher
    assert arrays["images"].shape == (1, 4, 4, 3) and arrays["images"].max() == 0  # second of the predictions: row 0
    assert arrays["masks"].sum() == 12
    assert arrays["ml_v3.ensemble"][0].tolist() == [[200] * 3 + [10], [220] * 4, [10] * 4, [10] * 4]


def test_a_channel_is_shown_in_grey_as_bright_as_it_can_be(shown, tmp_path):
    image = np.zeros((3, 4, 4, 3), np.uint8)
    image[0, ..., 1] = np.repeat([0, 20, 50, 50], 4).reshape(4, 4)
    image[0, ..., 0] = 200
    np.save(tmp_path / "images.npy", image)
    picture = shown(["s1"], grey=1).arrays["images"][0]
    assert picture[:, 0].tolist() == [[0] * 3, [102] * 3, [255] * 3, [255] * 3]


def test_table_has_slices_scores_and_regions(shown):
    first, *rows = shown(["ensemble", "s1"]).table(7, ["lesion"])
    assert first == {
        "kind": "slice", "slice": 0, "chosen_for": "hardest", "id": "b", "group": "q", "lesion": 12, "iou": 0.5124, "candidates": 7, "classes": "lesion",
        "top": 0, "bottom": 4, "left": 0, "right": 4,
    }  # fmt: skip
    scores, regions = ([row for row in rows if row["kind"] == kind] for kind in ("network", "region"))
    # Of 12 pixels S1 marks 3 and no other; S2 marks a row of 4, one of them outside.
    assert [(row["slice"], row["run"], row["network"], row["iou"]) for row in scores] == [
        (0, "ml_v3", "s1", 0.25), (0, "ml_v3", "ensemble", round(6 / 13, 4)),
    ]  # fmt: skip
    assert [(row["slice"], row["run"], row["network"], row["share"], row["found"]) for row in regions] == [
        (0, "ml_v3", "s1", 0.25, 0), (0, "ml_v3", "ensemble", 0.5, 1),
    ]  # fmt: skip
    assert [regions[0][name] for name in ("region", "area", "top", "bottom", "left", "right")] == [0, 12, 0, 4, 0, 3]


def test_runs_are_added_one_after_the_other(shown, tmp_path):
    collected = shown(["s2"])
    collected.add("baseline", Predictions(np.array([2, 0]), {"baseline": np.zeros((2, 4, 4), np.uint8)}), ["baseline"])
    assert set(collected.arrays) == {"images", "masks", "ml_v3.s2", "baseline.baseline"}
    assert [(row["run"], row["network"], row["iou"]) for row in collected.rows if row["kind"] == "network"] == [
        ("ml_v3", "s2", round(3 / 13, 4)),
        ("baseline", "baseline", 0.0),
    ]
