"""What runs were measured to do on each case becomes counts by group, in one order for all of them."""

import numpy as np
import pandas as pd
import pytest

from kdml.analysis import counts, roc
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.counts import Key, OfScores
from kdml.common.errors import UserError

RECORD = {
    "code_hash": "abc",
    "settings": {
        "task": "lgg",
        "balance": "none",
        "run": "baseline",
        "classes": ["lesion"],
        "networks": {},
        "supervised": {},
        "edges": [],
        "training": {"epochs": 200, "batch_size": 8, "learning_rate": 0.0001},
    },
    "images": {"total": 3929, "size": 256, "test": 590},
}


def measured(cases, found=None, truth="label", classes=0, record=RECORD):
    """Runs of a table of cases."""
    table = pd.DataFrame(cases)
    records = dict.fromkeys(zip(table["run"], table["seed"], strict=True), record)
    return counts.measured(table, None if found is None else pd.DataFrame(found), truth, classes, records)


def pixel_case(id, group, network, tp, fp=0, fn=0, false_regions=0, run="a", seed=0):
    keys = {"run": run, "seed": seed, "id": id, "group": group, "network": network}
    return keys | {"tp": tp, "fp": fp, "fn": fn, "tn": 9, "false_regions": false_regions}


def class_case(id, network, target, predicted, group=None, **more):
    keys = {"run": "a", "seed": 0, "id": id, "group": group or id, "network": network}
    return keys | {"target": target, "predicted": predicted} | more


IMAGES = (("x", "p"), ("y", "p"), ("z", "z"))


def test_measures_of_a_segmentation():
    cases = [
        pixel_case(id, group, network, tp, fn=2, false_regions=1)
        for network, tp in (("s1", 6), ("s2", 4))
        for id, group in IMAGES
    ]
    regions = [
        {
            "run": "a",
            "seed": 0,
            "id": "x",
            "group": "p",
            "region": number,
            "class": 1,
            "area": area,
            "network": network,
            "share": share,
        }
        for number, (area, first, second) in enumerate([(5, 0.6, 0.4), (50, 1, 0.5), (500, 1, 1)])
        for network, share in (("s1", first), ("s2", second), ("ensemble", max(first, second)))
    ]
    (found,) = measured(cases, regions)
    assert found.groups == ("p", "z") and found.cases == 3 and found.ids == ("x", "y", "z")
    assert found.measures[Key("s1", "label", "iou")].value == pytest.approx(18 / 24)
    assert found.measures[Key("s1", "label", "iou")].counts.tolist() == [[12, 0, 4, 18], [6, 0, 2, 9]]
    assert found.measures[Key("s1", "label", "iou_per_group")].value == pytest.approx((12 / 16 + 6 / 8) / 2)
    assert found.measures[Key("s1", "label", "iou_per_image")].value == pytest.approx(6 / 8)
    assert found.measures[Key("s1", "label", "false_regions")].value == 1
    assert found.measures[Key("s1", "label", "found_small")].value == 1
    assert found.measures[Key("s2", "label", "found_small")].value == 0
    assert found.measures[Key("both", "label", "found_small")].value == 0
    assert found.measures[Key("both", "label", "found_medium")].value == 1
    assert found.departures == "" and found.remark == ""


def test_measures_against_a_teacher():
    cases = [pixel_case(id, group, "s1", 1) | {"kl": 0.25} for id, group in IMAGES]
    for case in cases:
        del case["false_regions"]
    (found,) = measured(cases, truth="teacher")
    assert found.measures[Key("s1", "teacher", "iou")].value == 1
    assert found.measures[Key("s1", "teacher", "predictive_kl")].value == 0.25
    assert Key("s1", "teacher", "agreement_where_right") not in found.measures  # nobody said where the teacher is right
    assert {key.truth for key in found.measures} == {"teacher"}


def test_measures_of_two_classes():
    scores = {"b": 0.9, "c": 0.4, "d": 0.6, "e": 0.1}
    targets = {"b": 1, "c": 1, "d": 0, "e": 0}
    cases = [
        class_case(id, "s1", targets[id], int(score > 0.5), "g" if id in "bd" else None, score=score)
        for id, score in scores.items()
    ]
    record = RECORD | {"settings": RECORD["settings"] | {"classes": ["healthy", "ill"]}}
    (found,) = measured(cases, classes=2, record=record)
    area = found.measures[Key("s1", "label", "auc")]
    assert isinstance(area, OfScores) and area.value == 3 / 4 and area.group.tolist() == [0, 1, 0, 2]
    assert found.measures[Key("s1", "label", "accuracy")].value == 0.5
    assert found.right["s1"].tolist() == [True, False, False, True]
    assert found.scores["s1"].tolist() == list(scores.values()) and found.positive.tolist() == [
        True,
        True,
        False,
        False,
    ]
    assert found.groups == ("g", "c", "e")


def test_draws_weight_whole_groups():
    """Draw by draw an area is that of the cases of the drawn groups."""
    positive, group = np.array([True, False, True, False, True, False]), np.array([0, 0, 1, 1, 2, 2])
    scores = np.array([0.9, 0.2, 0.4, 0.6, 0.7, 0.1])
    area = OfScores(scores[:, None], positive[:, None], group)
    resamples = counts.resamples_of(
        [counts.Measured("a", 0, ("p", "q", "r"), 6, {Key("s1", "label", "auc"): area}, ids=tuple("abcdef"))]
    )
    drawn = area.draws(resamples, 0)
    for draw in range(20):
        times = resamples.group_weights[0][draw].astype(int)[group]
        again = roc.auc(np.repeat(scores, times), np.repeat(positive, times))
        assert drawn[draw] == pytest.approx(again, nan_ok=True)


def test_sizes_are_thirds_of_all_runs():
    cases = [pixel_case("x", "p", "s1", 1, run=run) for run in "ab"]
    areas = {"a": (5, 6, 7), "b": (50, 60, 70)}
    regions = [
        {
            "run": run,
            "seed": 0,
            "id": "x",
            "group": "p",
            "region": number,
            "class": 1,
            "area": area,
            "network": "s1",
            "share": 1.0,
        }
        for run, mine in areas.items()
        for number, area in enumerate(mine)
    ]
    first, second = measured(cases, regions)
    sizes = [sorted(key.metric for key in one.measures if key.metric.startswith("found")) for one in (first, second)]
    assert sizes == [["found_medium", "found_small"], ["found_large", "found_medium"]]


def test_without_regions_nothing_is_found():
    empty = pd.DataFrame(columns=["run", "seed", "id", "group", "region", "class", "area", "network", "share"])
    (found,) = measured([pixel_case("x", "p", "s1", 0)], empty)
    assert not any(key.metric.startswith("found") for key in found.measures)


def test_a_class_without_a_test_case_is_named():
    cases = [class_case(str(place), "baseline", place % 2, place % 2) for place in range(4)]
    classes = {"task": "ham10000_classification", "balance": "resample", "classes": ["mel", "nv", "df"]}
    runs = measured(cases, classes=3, record=RECORD | {"settings": RECORD["settings"] | classes})
    assert runs[0].remark == "no test case of df"
    rows = {row["metric"]: row for row in MeasuredRuns(runs).values()}
    assert rows["recall"]["mean"] == 100 and "no test case of df" in rows["recall"]["remark"]
    assert "280 of" not in runs[0].departures and runs[0].departures == "3,929 of 10,015 images; 256 px (paper 224)"


def test_missing_cases_of_a_network_are_named():
    cases = [pixel_case("x", "p", "s1", 1), pixel_case("y", "q", "s1", 1), pixel_case("x", "p", "s2", 1)]
    with pytest.raises(UserError, match="a, seed 0: s2 was not measured on the same cases"):
        measured(cases)


def test_two_truths_are_joined_by_run_and_seed():
    labels = measured([pixel_case(id, group, "s1", 1, run=run) for run in "ab" for id, group in IMAGES])
    teachers = measured(
        [pixel_case(id, group, "s1", 3, run=run) for run in "bc" for id, group in IMAGES], truth="teacher"
    )
    joined = {one.run: {key.truth for key in one.measures} for one in counts.together(labels, teachers)}
    assert joined == {"a": {"label"}, "b": {"label", "teacher"}, "c": {"teacher"}}
    others = measured([pixel_case("other", "p", "s1", 3, run="b")], truth="teacher")
    with pytest.raises(UserError, match="b, seed 0, was measured on different cases against label and teacher"):
        counts.together(labels, others)


def test_cases_of_runs_that_are_not_listed_are_refused():
    """A table that was made before the table of runs changed."""
    table = pd.DataFrame([pixel_case("x", "p", "s1", 1), pixel_case("x", "p", "s1", 1, run="b", seed=2)])
    with pytest.raises(UserError, match="b, seed 2, is not among the runs"):
        counts.measured(table, None, "label", 0, {("a", 0): RECORD})


def test_chance_is_what_naming_the_most_frequent_class_gives():
    """Of three cases two are of class 1: accuracy 2/3, recall one of two classes, precision 2/3 of one of two."""
    cases = [class_case(id, "s1", target, 0, score=0.5) for id, target in (("x", 1), ("y", 1), ("z", 0))]
    record = {**RECORD, "settings": {**RECORD["settings"], "task": "hcd", "classes": ["healthy", "ill"]}}
    (found,) = measured(cases, classes=2, record=record)
    chance = {key.metric: measure.chance for key, measure in found.measures.items()}
    assert chance == pytest.approx(
        {"accuracy": 2 / 3, "precision": 1 / 3, "recall": 1 / 2, "auc": 1 / 2}
        | {"sensitivity": 1, "specificity": 0, "balanced_accuracy": 1 / 2}
    )
    rows = {row["metric"]: row["chance"] for row in MeasuredRuns([found]).values()}
    assert rows == pytest.approx(
        {
            "accuracy": 200 / 3,
            "precision": 100 / 3,
            "recall": 50,
            "auc": 50,
            "sensitivity": 100,
            "specificity": 0,
            "balanced_accuracy": 50,
        }
    )


def test_masks_have_no_chance():
    cases = [pixel_case(id, group, "s1", 6, fn=2) for id, group in IMAGES]
    (found,) = measured(cases)
    assert all(np.isnan(measure.chance) for measure in found.measures.values())


def test_equal_networks_have_equal_digests():
    """And one that differs in a single number of a single case has another; names, partners and what is known of pictures do not count."""

    def cases(network, **of_z):
        both = {"uncertainty": 0.25, "disagreement": 0.5 if network == "s1" else np.nan, "metadata_sex": network}
        return [class_case(id, network, 1, 1, **both | (of_z if id == "z" else {})) for id in "xyz"]

    (found,) = measured([*cases("s1"), *cases("baseline"), *cases("s2", uncertainty=0.250001)], classes=2)
    assert set(found.outputs) == {"s1", "s2", "baseline"} and {len(one) for one in found.outputs.values()} == {12}
    assert found.outputs["s1"] == found.outputs["baseline"] != found.outputs["s2"]
