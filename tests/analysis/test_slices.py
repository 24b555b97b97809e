"""Slices are chosen by a rule, never by hand."""

import csv

import numpy as np
import pytest

from kdml.analysis import slices as slices
from kdml.common.errors import UserError
from kdml.runs import predictions


def judge(folder, rows):
    folder.mkdir()
    with open(folder / "cases.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=["id", "group", "network", "truth", "tp", "fp", "fn"])
        writer.writeheader()
        for id, group, tp, fp, fn in rows:
            writer.writerow(
                {"id": id, "group": group, "network": "baseline", "truth": "label", "tp": tp, "fp": fp, "fn": fn}
            )
            writer.writerow(
                {"id": id, "group": group, "network": "baseline", "truth": "teacher", "tp": 99, "fp": 0, "fn": 0}
            )
    return folder


@pytest.fixture
def found(tmp_path):
    first = [("empty", "p", 0, 3, 0), ("easy", "p", 10, 0, 0), ("hard", "p", 0, 0, 8), ("harder", "q", 0, 5, 6), ("big", "r", 0, 0, 900),
             ("also", "p", 1, 9, 9), ("large", "s", 500, 0, 0), ("crumb", "t", 0, 0, 3)]  # fmt: skip
    second = [(id, group, min(tp + 2, tp + fn), fp, max(0, fn - 2)) for id, group, tp, fp, fn in first]
    return slices.with_lesion([judge(tmp_path / "a", first), judge(tmp_path / "b", second)])


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


def test_nothing_to_show_is_said(tmp_path):
    with pytest.raises(UserError, match="No test slice has a lesion"):
        slices.with_lesion([judge(tmp_path / "a", [("empty", "p", 0, 3, 0)])])


@pytest.fixture
def runs(tmp_path):
    """One run with an ensemble on two test images, rows 2 and 0 of the arrays."""
    np.save(
        tmp_path / "images.npy", np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    )
    np.save(tmp_path / "masks.npy", np.ones((3, 4, 4), dtype=np.uint8))
    outputs = {"s1": np.full((2, 4, 4), 10, np.uint8), "s2": np.full((2, 4, 4), 200, np.uint8)}
    predictions.save(tmp_path / "run" / "predictions.npz", np.array([2, 0]), outputs)
    columns = "id,group,region,area,top,bottom,left,right,network,share\n"
    lines = [
        "a,p,0,9,0,3,0,3,s1,0.2",
        "b,q,0,9,0,3,0,3,ensemble,0.6",
        "b,q,0,9,0,3,0,3,s1,0.9",
        "c,q,0,9,0,3,0,3,ensemble,1",
    ]
    (tmp_path / "run" / "regions.csv").write_text(columns + "\n".join(lines) + "\n")
    return [{"run": "ml_v3", "folder": str(tmp_path / "run"), "networks": ["ensemble", "teacher"]}]


def test_pictures_are_of_the_chosen_slices_and_the_wanted_networks(runs, tmp_path):
    chosen = [slices.Slice(1, "b", "q", 9, 0.5)]
    shown = slices.pictures(runs, chosen, tmp_path)
    assert set(shown) == {"images", "masks", "ml_v3.ensemble"}  # the run has no teacher
    assert shown["images"].shape == (1, 4, 4, 3) and shown["images"].max() == 0  # second of the predictions: row 0
    assert (shown["ml_v3.ensemble"] == 200).all()


def test_table_has_slices_and_their_regions(runs):
    chosen = [slices.Slice(1, "b", "q", 9, 0.51239)]
    first, *regions = slices.table(runs, chosen, 7)
    assert first == {"kind": "slice", "slice": 0, "id": "b", "group": "q", "lesion": 9, "iou": 0.5124, "candidates": 7}
    assert [(row["kind"], row["network"], row["share"], row["found"]) for row in regions] == [
        ("region", "ensemble", "0.6", 1)
    ]
