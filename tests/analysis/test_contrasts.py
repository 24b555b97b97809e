"""Paired differences of runs whose results were planted."""

import csv
import math

import numpy as np
import pytest

from kdml.analysis import counts, metrics
from kdml.analysis.contrasts import Contrast, Place
from kdml.analysis.counts import Key, Measure, Measured
from kdml.common.errors import UserError

KEY = Key("ensemble", "label", "accuracy")


def run(name, seed, right, network="ensemble", groups=None, scores=None):
    """A run whose network is right on these cases, each a group of its own."""
    right = np.asarray(right, dtype=bool)
    cells = np.stack([right, ~right, np.zeros_like(right), np.zeros_like(right)], axis=1).astype(float)
    groups = tuple(groups or (str(i) for i in range(len(right))))
    key = KEY._replace(network=network)
    scored = {} if scores is None else {network: np.asarray(scores)}
    positive = None if scores is None else np.arange(len(right)) % 2 == 0
    measures = {key: Measure(metrics.accuracy, cells)}
    return Measured(name, seed, groups, len(right), measures, {network: right}, scored, positive)


def wrong_at(n, *places):
    return [i not in places for i in range(n)]


def contrast(runs, left="a", right="b", metric="accuracy", network="ensemble"):
    return Place(runs).contrast(Contrast(left, right, network, "label", metric))


def test_equal_runs_do_not_differ():
    row = contrast([run("a", 0, wrong_at(40, 1, 2)), run("b", 0, wrong_at(40, 1, 2))])
    assert row["estimate"] == 0 and row["p"] == 1 and row["p_cases"] == "1" and (row["low"], row["high"]) == (0, 0)


def test_a_planted_difference_is_found_and_one_seed_is_said():
    row = contrast([run("a", 0, wrong_at(200)), run("b", 0, wrong_at(200, *range(20)))])
    assert row["estimate"] == pytest.approx(10) and 5 < row["low"] < 10 < row["high"] < 15 and row["p"] < 0.01
    assert row["test"] == "McNemar" and float(row["p_cases"]) < 1e-4
    assert "one seed" in row["remark"] and math.isnan(row["p_seeds"])


def test_seeds_are_paired_and_their_limits_said():
    runs = [run("a", s, wrong_at(100, *range(s))) for s in range(3)]
    runs += [run("b", s, wrong_at(100, *range(s + 5))) for s in range(3)]
    row = contrast(runs)
    assert row["by_seed"] == "5.000 5.000 5.000" and row["seeds"] == 3 and row["seeds_ahead"] == 1
    assert "3 seeds: no sign-flip test can give less than p = 0.25" in row["remark"]
    assert len(row["p_cases"].split()) == 3


def test_seeds_that_disagree_leave_the_question_open():
    """All ahead, but by very different amounts: a bootstrap of the 3 seeds alone would be sure."""
    runs = [run("a", seed, wrong_at(3000)) for seed in range(3)]
    runs += [run("b", seed, wrong_at(3000, *range(wrong))) for seed, wrong in enumerate((9, 15, 75))]
    row = contrast(runs)
    assert row["by_seed"] == "0.300 0.500 2.500" and row["seeds_ahead"] == 1
    assert row["p_both"] < 0.01 and row["p"] == row["p_seeds"] > 0.2 and row["low"] < 0 < row["high"]


def test_only_common_seeds_count():
    runs = [
        run("a", 0, wrong_at(20)),
        run("a", 1, wrong_at(20)),
        run("b", 1, wrong_at(20, 3)),
        run("b", 2, wrong_at(20)),
    ]
    row = contrast(runs)
    assert row["by_seed"] == "5.000" and "left out, without a partner: seed 0 of a, 2 of b" in row["remark"]
    assert contrast([run("a", 0, wrong_at(20)), run("b", 1, wrong_at(20))])["remark"] == "no seed in common"


def test_what_is_missing_is_named_and_has_no_number():
    row = contrast([run("a", 0, wrong_at(20))])
    assert row["remark"] == "not run: b" and math.isnan(row["estimate"])
    row = contrast([run("a", 0, wrong_at(20)), run("b", 0, wrong_at(20))], metric="iou")
    assert "not measured" in row["remark"] and math.isnan(row["p"])


def test_undefined_metric_is_said_and_not_averaged():
    empty = {KEY._replace(metric="iou"): Measure(metrics.iou, np.zeros((2, 4)))}
    row = contrast([Measured(name, 0, ("x", "y"), 2, empty) for name in "ab"], metric="iou")
    assert "undefined" in row["remark"] and math.isnan(row["estimate"]) and math.isnan(row["low"])


def test_a_single_network_stands_for_any():
    row = contrast([run("a", 0, wrong_at(20)), run("b", 0, wrong_at(20, 1), network="baseline")])
    assert row["estimate"] == pytest.approx(5)


def test_runs_of_other_test_images_are_refused():
    with pytest.raises(UserError, match="other images"):
        contrast([run("a", 0, wrong_at(3)), run("b", 0, wrong_at(3), groups=["x", "y", "z"])])
    same_patients = [
        Measured(name, 0, ("p", "q"), 2, run(name, 0, wrong_at(2)).measures, ids=(f"{name}1", f"{name}2"))
        for name in "ab"
    ]
    with pytest.raises(UserError, match="other images"):
        contrast(same_patients)


def test_areas_under_the_curve_are_compared_by_delong():
    good, poor = np.tile([0.9, 0.1], 20), np.tile([0.9, 0.1, 0.4, 0.6], 10)
    row = contrast([run("a", 0, wrong_at(40), scores=good), run("b", 0, wrong_at(40), scores=poor)], metric="auc")
    assert row["test"] == "DeLong" and row["estimate"] == pytest.approx(25, abs=1) and row["p"] < 0.05


def test_a_measure_that_one_seed_lacks_is_named():
    found = {KEY._replace(metric="found_small"): Measure(counts.share, np.array([[1.0, 2.0], [2.0, 2.0]]))}
    runs = [
        Measured(name, seed, ("x", "y"), 2, found if seed or name == "b" else {}) for name in "ab" for seed in range(2)
    ]
    row = contrast(runs, metric="found_small")
    assert math.isnan(row["estimate"]) and "seed 0 of a" in row["remark"]
    rows = {row["run"]: row for row in Place(runs).values()}
    assert math.isnan(rows["a"]["mean"]) and rows["a"]["remark"] == "not measured in seed 0"
    assert rows["b"]["mean"] == 75 and rows["b"]["of"] == "4"


def test_a_teachers_values_are_its_own():
    """A run of one student answers for any network that it does not have, but not for its teacher."""
    key = Key("teacher", "label", "accuracy")
    student = run("sp", 0, wrong_at(40, *range(20)), network="s1")
    teacher = run("sp", 0, wrong_at(40, *range(4)), network="teacher")
    both = Measured("sp", 0, student.groups, 40, {**student.measures, **teacher.measures})
    rows = {row["network"]: row for row in Place([both]).values()}
    assert rows["teacher"]["mean"] == 90 and rows["teacher"]["low"] > 75 and both.network(key.network) == "teacher"
    assert both.network("ensemble") == "s1"


def test_values_have_intervals():
    rows = list(Place([run("a", s, wrong_at(100, *range(10 + s))) for s in range(3)]).values())
    (row,) = rows
    assert row["mean"] == pytest.approx(89) and row["std"] == pytest.approx(1) and row["low"] < 89 < row["high"]


def write(folder, cases, regions=()):
    folder.mkdir()
    (folder / "run.json").write_text('{"code_hash": "abc", "settings": {"task": "lgg", "run": "baseline", "networks": {}, "training": {"epochs": 200, "batch_size": 8,'
                                     ' "learning_rate": 0.0001}}, "images": {"total": 3929, "size": 256}}')  # fmt: skip
    for name, rows in (("cases", cases), ("regions", regions)):
        with open(folder / f"{name}.csv", "w", newline="") as file:
            writer = csv.DictWriter(
                file, fieldnames=list(rows[0]) if rows else ["id", "group", "region", "area", "network", "share"]
            )
            writer.writeheader()
            writer.writerows(rows)
    return folder


def pixel_case(id, group, network, tp, fp=0, fn=0, truth="label", false_regions=0):
    keys = {"id": id, "group": group, "network": network, "truth": truth}
    return keys | {"tp": tp, "fp": fp, "fn": fn, "tn": 9, "false_regions": false_regions if truth == "label" else ""}


def region(id, number, area, network, share):
    return {"id": id, "group": "p", "region": number, "area": area, "network": network, "share": share}


def test_measures_of_a_segmentation(tmp_path):
    cases = [
        pixel_case(id, group, network, tp, fn=2)
        for network, tp in (("s1", 6), ("s2", 4))
        for id, group in (("x", "p"), ("y", "p"), ("z", ""))
    ]
    cases += [pixel_case(id, group, "s1", 1, truth="teacher") for id, group in (("x", "p"), ("y", "p"), ("z", ""))]
    regions = [region("x", 0, area, network, share) | {"region": i} for i, (area, a, b) in enumerate([(5, 0.6, 0.4), (50, 1, 0.5), (500, 1, 1)])
               for network, share in (("s1", a), ("s2", b), ("ensemble", max(a, b)))]  # fmt: skip
    (found,) = counts.read_runs([{"folder": write(tmp_path / "run", cases, regions), "run": "a", "seed": 0}], classes=0)
    assert found.groups == ("p", "z") and found.cases == 3  # an image without a group is one of its own
    assert found.measures[Key("s1", "label", "iou")].value == pytest.approx(18 / 24)
    assert found.measures[Key("s1", "teacher", "iou")].value == 1
    assert found.measures[Key("s1", "label", "iou_per_group")].value == pytest.approx((12 / 16 + 6 / 8) / 2)
    assert found.measures[Key("s1", "label", "found_small")].value == 1
    assert found.measures[Key("s2", "label", "found_small")].value == 0
    assert found.measures[Key("both", "label", "found_small")].value == 0
    assert found.measures[Key("both", "label", "found_medium")].value == 1
    assert found.departures == ""


def test_seeds_of_other_code_or_settings_are_refused(tmp_path):
    folders = [write(tmp_path / str(seed), [pixel_case("x", "p", "s1", 1)]) for seed in range(2)]
    described = [{"folder": folder, "run": "a", "seed": seed} for seed, folder in enumerate(folders)]
    assert len(counts.read_runs(described, classes=0)) == 2
    text = (folders[1] / "run.json").read_text()
    (folders[1] / "run.json").write_text(text.replace('"abc"', '"other"'))
    with pytest.raises(UserError, match="2 versions of the training code"):
        counts.read_runs(described, classes=0)
    assert len(counts.read_runs(described, classes=0, allow_mixed_code=True)) == 2
    (folders[1] / "run.json").write_text(text.replace("200", "3"))
    with pytest.raises(UserError, match="trained with different settings"):
        counts.read_runs(described, classes=0)


BAD_CASES = {
    "a column that is missing": ({"tp": None}, "cases.csv lacks the column 'tp'"),
    "no number": ({"tp": "nan"}, "cases.csv, line 2, tp: 'nan' is no number"),
    "nothing": ({"fp": ""}, "cases.csv, line 2, fp: '' is no number"),
}


@pytest.mark.parametrize(("changed", "said"), BAD_CASES.values(), ids=BAD_CASES)
def test_bad_cases_are_named(tmp_path, changed, said):
    case = {name: value for name, value in (pixel_case("x", "p", "s1", 1) | changed).items() if value is not None}
    described = [{"folder": write(tmp_path / "run", [case]), "run": "a", "seed": 0}]
    with pytest.raises(UserError, match=said):
        counts.read_runs(described, classes=0)


def test_a_class_without_a_test_case_is_named(tmp_path):
    folder = write(tmp_path / "run", [
        {"id": str(i), "group": "", "network": "baseline", "truth": "label", "target": i % 2, "predicted": i % 2} for i in range(4)
    ])  # fmt: skip
    text = (folder / "run.json").read_text()
    (folder / "run.json").write_text(
        text.replace('"task": "lgg"', '"task": "ham10000_classification", "classes": ["mel", "nv", "df"]')
    )
    runs = counts.read_runs([{"folder": folder, "run": "a", "seed": 0}], classes=3)
    assert runs[0].remark == "no test case of df"
    rows = {row["metric"]: row for row in Place(runs).values()}
    assert rows["recall"]["mean"] == 100 and "no test case of df" in rows["recall"]["remark"]


def test_missing_cases_of_a_network_are_named(tmp_path):
    cases = [pixel_case("x", "p", "s1", 1), pixel_case("y", "q", "s1", 1), pixel_case("x", "p", "s2", 1)]
    described = [{"folder": write(tmp_path / "run", cases), "run": "a", "seed": 0}]
    with pytest.raises(UserError, match="s2 was not measured on the same cases"):
        counts.read_runs(described, classes=0)
    (tmp_path / "run" / "cases.csv").unlink()
    with pytest.raises(UserError, match=r"cases\.csv does not exist"):
        counts.read_runs(described, classes=0)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("cases.csv", "id,group,network,tp\n", r"cases\.csv lacks the column 'truth'"),
        ("cases.csv", "id,group,network,truth,tp,fp,fn,tn,false_regions\n", r"cases\.csv has no rows"),
        ("regions.csv", "id,group\n", r"regions\.csv lacks the column 'region'"),
    ],
)
def test_other_columns_are_named(tmp_path, name, text, words):
    described = [{"folder": write(tmp_path / "run", [pixel_case("x", "p", "s1", 1)]), "run": "a", "seed": 0}]
    (tmp_path / "run" / name).write_text(text)
    with pytest.raises(UserError, match=words):
        counts.read_runs(described, classes=0)
