"""What integers cost: differences of one network in two forms, on the same cases, by the statistics of contrasts."""

import numpy as np
import pytest
from fabricated import LABELS, SEGMENTATION, FabricatedPlace, probabilities, right_at

from kdml.analysis.evaluation import TestSet
from kdml.analysis.few_groups import NO_INTERVAL
from kdml.analysis.int8_price import price, worse_metrics
from kdml.runs.predictions import quantise

GROUPS = np.array([f"g{number // 2}" for number in range(6)], dtype=object)
ROWS = np.arange(6)
IDS = np.array([f"i{row}" for row in ROWS], dtype=object)


def record_for(tmp_path, **facts):
    place = FabricatedPlace(tmp_path, [(0, "i0", 0, "g", "test")], **facts)
    return place._record("ml_v1", 3, ("s1",), "abc")


def by_metric(rows, against="label"):
    return {row["metric"]: row for row in rows if row["against"] == against}


@pytest.fixture
def classified(tmp_path):
    tested = TestSet(ROWS, IDS, GROUPS, np.array(LABELS))
    return lambda exact, rounded: price(tested, exact, rounded, record_for(tmp_path))


def test_what_says_the_same_costs_nothing(classified):
    said = probabilities(0.1, 0.9, 0.7, 0.3, 0.6, 0.8)
    rows = classified(said, said)
    for row in by_metric(rows).values():
        assert row["difference"] == 0 and row["float32"] == row["int8"] and not row["worse"], row
        assert np.isnan(row["low"]) and row["remark"] == NO_INTERVAL  # no difference in any group is no proof of none
    assert by_metric(rows, "float32")["accuracy"]["low"] == pytest.approx(100 * 0.025 ** (1 / 3))  # exact, of 3 groups
    assert by_metric(rows, "float32")["accuracy"]["int8"] == 100 and worse_metrics(rows) == []


def test_changed_decisions_are_counted_and_intervals_resample_groups(classified):
    rows = classified(right_at(0, 1, 2, 3, 4, 5), right_at(0, 1, 2, 3))
    row = by_metric(rows)["accuracy"]
    assert (row["float32"], row["int8"], row["difference"]) == pytest.approx((100, 200 / 3, -100 / 3))
    assert (row["cases"], row["groups"], row["test"]) == (6, 3, "McNemar")
    assert row["low"] == -100 and row["high"] == 0 and not row["worse"]  # 1 in 27 draws has none of the last group
    assert by_metric(rows, "float32")["accuracy"]["int8"] == pytest.approx(200 / 3)
    assert by_metric(rows, "float32")["agreement_where_right"]["int8"] == pytest.approx(200 / 3)
    assert not any("one seed" in row["remark"] for row in rows)


def test_metrics_that_are_worse_beyond_their_interval_are_named_whichever_way_they_point(classified):
    exact = probabilities(*(0.9 if label else 0.1 for label in LABELS))
    rounded = probabilities(*(0.7 - 0.02 * place if label else 0.3 for place, label in enumerate(LABELS)))
    rows = classified(exact, rounded)
    assert by_metric(rows)["brier"]["low"] > 0 and {"brier", "ece"} == set(worse_metrics(rows))
    assert worse_metrics(classified(rounded, exact)) == []


def test_small_regions_that_integers_lose_are_no_mean_of_pixels(tmp_path):
    """A small region of each picture is lost, which pixels hardly tell."""
    masks = np.zeros((6, 32, 32), bool)
    masks[:, 4:24, 4:24] = True
    masks[:, 28:30, 28:30] = True
    masks[:, 28:31, 2:5] = True
    exact = masks.astype(float)
    rounded = exact.copy()
    rounded[:5, 28:30, 28:30] = 0
    tested = TestSet(ROWS, IDS, GROUPS, np.zeros(6, int), masks)
    rows = price(tested, quantise(exact), quantise(rounded), record_for(tmp_path, **SEGMENTATION))
    found = by_metric(rows)
    assert found["iou"]["difference"] > -2
    assert found["found_small"]["difference"] == pytest.approx(-100 * 5 / 6) and found["found_small"]["worse"]
    assert found["found_large"]["difference"] == 0 and "found_small" in worse_metrics(rows)
