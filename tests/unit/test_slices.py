"""Slices are chosen by a rule, never by hand."""

import csv
import sys
from importlib import util

import pytest


@pytest.fixture(scope="module")
def slices(root):
    """The script as a module."""
    spec = util.spec_from_file_location("slices_script", root / "src/slices.py")
    module = util.module_from_spec(spec)
    sys.modules["slices_script"] = module
    spec.loader.exec_module(module)
    return module


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
def found(slices, tmp_path):
    first = [("empty", "p", 0, 3, 0), ("easy", "p", 10, 0, 0), ("hard", "p", 0, 0, 8), ("harder", "q", 0, 5, 6), ("big", "r", 0, 0, 900),
             ("also", "p", 1, 9, 9), ("large", "s", 500, 0, 0)]  # fmt: skip
    second = [(id, group, min(tp + 2, tp + fn), fp, max(0, fn - 2)) for id, group, tp, fp, fn in first]
    return slices.with_lesion([judge(tmp_path / "a", first), judge(tmp_path / "b", second)])


def test_only_slices_with_a_lesion_and_the_mean_over_judges(found):
    by_id = {one.id: one for one in found}
    assert "empty" not in by_id and by_id["hard"].area == 8
    assert by_id["hard"].iou == pytest.approx((0 + 2 / 8) / 2) and by_id["easy"].iou == 1
    assert by_id["easy"].place == 1  # in the order of the predictions


def test_hard_ones_are_small_badly_marked_and_of_different_patients(slices, found):
    # Median area 10: big and large are out; of patient p only the worst is taken.
    assert [one.id for one in slices.hard(found, 4)] == ["harder", "also"]
    assert [one.id for one in slices.hard(found, 1)] == ["harder"]


def test_spread_ones_run_from_small_to_large(slices, found):
    areas = [one.area for one in slices.spread(found, 3)]
    assert areas == sorted(areas) and len(set(areas)) == 3


def test_nothing_to_show_is_said(slices, tmp_path):
    with pytest.raises(slices.UserError, match="No test slice has a lesion"):
        slices.with_lesion([judge(tmp_path / "a", [("empty", "p", 0, 3, 0)])])
