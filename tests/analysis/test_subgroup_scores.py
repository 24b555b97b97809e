"""Scores by subgroup of one trained network, against counts by hand and exact intervals."""

import math

import numpy as np
import pandas as pd
import pytest
from fabricated import SEGMENTATION, FabricatedPlace, probabilities, right_at
from scipy import stats

from kdml.analysis import few_groups
from kdml.analysis.few_groups import NO_INTERVAL
from kdml.analysis.single_networks import scored
from kdml.analysis.subgroup_scores import COLUMNS, TOO_FEW, UNDEFINED
from kdml.analysis.subgroups import recorded
from kdml.common.errors import UserError
from kdml.common.files import read_json
from kdml.runs.run_table import RunTable

N = 80
SITES = ["back"] * 40 + ["face"] * 31 + ["ear"] * 9  # of which the ear has too few cases


def split_of(labels):
    lines = [(row, f"i{row}", label, f"g{row}", "test") for row, label in enumerate(labels)]
    return [*lines, (N, "x", 0, "h", "train"), (N + 1, "y", 1, "h", "validation")]


def rows_of(place, network):
    (row,) = RunTable(place.runs).sheet("variants")
    record = read_json(row.folder / "run.json", "")
    found = scored(row, network, place.facts["kind"], place.folder, record)
    assert all(set(one) == set(COLUMNS) for one in found.subgroups)
    return {(one["metric"], one["attribute"], one["subgroup"]): one for one in found.subgroups}


@pytest.fixture
def classes(tmp_path):
    """S1 is wrong at half of the back, nowhere else; S2 always says ill."""
    labels = np.arange(N) % 2
    place = FabricatedPlace(tmp_path, split_of(labels), {"site": [*SITES, "back", "back"], "sex": ["f"] * (N + 2)})
    wrong = np.arange(N) < 20
    s1 = probabilities(*np.where(wrong, 0.1, 0.9) * labels + np.where(wrong, 0.9, 0.1) * (1 - labels))
    place.add("ml_v1", {"s1": s1, "s2": probabilities(*[0.8] * N)})
    return place


def test_shares_of_subgroups_are_counted_by_hand(classes):
    rows = rows_of(classes, "s1")
    assert {key[1:] for key in rows} == {("site", s) for s in ("back", "face", "ear")} | {
        ("class", "healthy"),
        ("class", "ill"),
    }
    back = rows["accuracy", "site", "back"]
    assert (back["value"], back["cases"], back["groups"], back["worst"]) == (pytest.approx(50), 40, 40, 1)
    assert (
        rows["accuracy", "class", "ill"]["value"] == pytest.approx(75)
        and rows["accuracy", "class", "ill"]["worst"] == 0
    )
    # Four subgroups are shown, and their intervals hold together.
    assert back["level"] == pytest.approx(1 - 0.05 / 4)
    exact = stats.binomtest(20, 40).proportion_ci(1 - 0.05 / 4, method="wilson")
    assert back["low"] == pytest.approx(100 * exact.low, abs=4) and back["high"] == pytest.approx(
        100 * exact.high, abs=4
    )


def test_where_all_are_right_or_none_the_interval_is_exact(classes):
    face = rows_of(classes, "s1")["accuracy", "site", "face"]
    assert (face["value"], face["high"]) == (100, 100)
    assert face["low"] == pytest.approx(100 * (0.05 / 8) ** (1 / 31))  # Clopper and Pearson
    healthy = rows_of(classes, "s2")["accuracy", "class", "healthy"]
    assert (healthy["value"], healthy["low"]) == (0, 0) and healthy["high"] == pytest.approx(
        100 * (1 - (0.05 / 8) ** (1 / 40))
    )


def test_none_is_worst_where_all_are_equal(classes):
    labels = np.arange(N) % 2
    classes.add("kd_ml_v3", {"s1": probabilities(*np.where(labels, 0.9, 0.1)), "s2": probabilities(*[0.8] * N)})
    (row,) = [one for one in RunTable(classes.runs).sheet("variants") if one.run == "kd_ml_v3"]
    record = read_json(row.folder / "run.json", "")
    found = scored(row, "s1", classes.facts["kind"], classes.folder, record).subgroups
    known = [one for one in found if one["remark"] != TOO_FEW]
    assert len(known) == 4 and {one["value"] for one in known} == {100} and not any(one["worst"] for one in found)


def test_subgroups_of_too_few_groups_have_no_interval_whether_all_are_right_or_some(tmp_path):
    """Forty pictures of the back are of three patients, of whom one was wrong once; of the face all forty are right."""
    lines = [(row, f"i{row}", row % 2, f"g{row % 3 if row < 40 else 3 + row % 3}", "test") for row in range(80)]
    place = FabricatedPlace(
        tmp_path, [*lines, *split_of([0] * 80)[-2:]], {"site": [*["back"] * 40, *["face"] * 40, "back", "back"]}
    )
    right = probabilities(*[0.9 if row % 2 and row != 1 else 0.1 for row in range(80)])
    place.add("ml_v1", {"s1": right, "s2": right})
    for site, value in (("back", 97.5), ("face", 100)):
        row = rows_of(place, "s1")["accuracy", "site", site]
        assert (row["value"], row["groups"]) == (value, 3) and math.isnan(row["low"]) and math.isnan(row["high"])
        assert row["remark"] == "too few patients (groups) for an interval: 3, and 15 are needed"


@pytest.mark.parametrize("confidence", [0.95, 0.975, 0.997, 0.9985])
def test_so_many_groups_are_asked_for_that_the_lowest_and_highest_can_hold_the_median(confidence):
    half = few_groups.fewest(confidence) / few_groups.TIMES
    assert 1 - 2 ** (1 - half) >= confidence > 1 - 2 ** (1 - (half - 1))


def test_subgroups_with_too_few_cases_are_named_without_a_score(classes):
    ear = rows_of(classes, "ensemble")["accuracy", "site", "ear"]
    assert (ear["cases"], ear["remark"], ear["worst"]) == (9, TOO_FEW, 0) and math.isnan(ear["value"])


def test_what_is_recorded_and_what_is_not_is_said(classes, tmp_path):
    assert recorded(tmp_path / "index.parquet") == {
        "subgroups": ["site"], "none": ["sex (1 value)"], "missing": ["age", "institution"],
    }  # fmt: skip
    pd.DataFrame({"row": [0], "metadata_note": ["a"]}).to_parquet(tmp_path / "other.parquet")
    assert recorded(tmp_path / "other.parquet")["missing"] == ["sex", "age", "site", "institution"]
    pd.DataFrame({"row": [0], "metadata_Sex": ["f"], "metadata_AGE": ["9"]}).to_parquet(tmp_path / "capitals.parquet")
    assert recorded(tmp_path / "capitals.parquet")["missing"] == ["site", "institution"]
    with pytest.raises(UserError, match=r"nowhere\.parquet does not exist"):
        recorded(tmp_path / "nowhere.parquet")


def test_masks_have_regions_found_and_the_overlap_of_images(tmp_path):
    """A lesion of four pixels in every image but those of the face; on the back a half of them is marked, elsewhere all."""
    place = FabricatedPlace(
        tmp_path,
        split_of([1] * N),
        {"site": [*["back"] * 30, *["leg"] * 30, *["face"] * 20, "leg", "leg"]},
        **SEGMENTATION,
    )
    masks, s1 = np.zeros((N + 2, 8, 8), dtype=np.uint8), np.full((N, 8, 8), 10, dtype=np.uint8)
    masks[:60, 2:4, 2:4] = 1
    s1[:15, 2:4, 2:4] = s1[30:60, 2:4, 2:4] = 250
    np.save(tmp_path / "masks.npy", masks)
    place.add("ml_v1", {"s1": s1, "s2": np.full_like(s1, 10)})
    rows = rows_of(place, "s1")
    back = rows["iou", "site", "back"]
    assert (back["value"], back["cases"], back["worst"]) == (pytest.approx(50), 30, 1)
    assert 0 < back["low"] < 50 < back["high"] < 100 and back["remark"] == ""
    # An overlap without spread says nothing of other images, whether all of it is found or none.
    leg, missed = rows["iou", "site", "leg"], rows_of(place, "s2")["iou", "site", "leg"]
    for one, value in ((leg, 100), (missed, 0)):
        assert (one["value"], one["remark"]) == (value, NO_INTERVAL)
        assert math.isnan(one["low"]) and math.isnan(one["high"])
    face = rows["iou", "site", "face"]
    assert math.isnan(face["value"]) and face["remark"] == UNDEFINED
    assert rows["found", "site", "back"]["value"] == pytest.approx(50) and rows["found", "site", "back"]["worst"] == 1
    assert ("found", "site", "face") not in rows  # there is no region of it
    sizes = {key[2]: one for key, one in rows.items() if key[:2] == ("found", "region size")}
    small = next(one for name, one in sizes.items() if name.startswith("small"))
    assert (small["cases"], small["value"]) == (60, pytest.approx(75)) and ("iou", "region size", "small") not in rows


def test_a_single_case_of_each_kind_has_no_worst(tmp_path):
    place = FabricatedPlace(tmp_path, [(row, f"i{row}", row % 2, f"g{row}", "test") for row in range(6)])
    place.add("ml_v1", {"s1": right_at(0, 1), "s2": right_at(2)})
    rows = rows_of(place, "s1")
    assert {one["remark"] for one in rows.values()} == {TOO_FEW} and not any(one["worst"] for one in rows.values())
