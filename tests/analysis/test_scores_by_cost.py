"""Scores beside costs: each network with its own, any number of students, and the front of what nothing smaller beats."""

import pytest

from kdml.analysis import scores_by_cost
from kdml.common.errors import UserError

COSTS = [
    {"network": name, "students": str(students), "parameters": str(parameters), "latency_ms": str(latency), "saved": "0",
     "macs": "1", "bytes": "1", "size": "64", "threads": "1", "machine": "m"}
    for name, students, parameters, latency in (("teacher", 0, 100, 9), ("student", 1, 40, 4), ("ensemble", 2, 80, 8), ("ensemble", 3, 120, 12))
]  # fmt: skip


def value(run, network, mean, truth="label", metric="accuracy"):
    return {"run": run, "network": network, "truth": truth, "metric": metric, "mean": str(mean), "low": "", "high": "",
            "cases": "9", "seeds": "1"}  # fmt: skip


def test_three_students_cost_what_three_cost():
    values = [value("circle", network, 70) for network in ("s1", "s2", "s3", "ensemble")]
    values += [value("ml_v1", network, 70) for network in ("s1", "s2", "ensemble")]
    rows = {(row["run"], row["network"]): row for row in scores_by_cost.join(COSTS, values, "accuracy")}
    assert rows["circle", "ensemble"]["parameters"] == "120" and rows["ml_v1", "ensemble"]["parameters"] == "80"
    assert rows["circle", "s3"]["parameters"] == "40" and rows["circle", "s3"]["of"] == "student"
    with pytest.raises(UserError, match="costs of 3 students together are not known"):
        scores_by_cost.join(COSTS[:3], values, "accuracy")


def test_only_scores_against_the_labels_count_and_networks_alone_have_their_roles():
    values = [
        value("baseline_teacher", "baseline", 80),
        value("baseline_student", "baseline", 70),
        value("kd_on_v1", "teacher", 75),
    ]
    values += [
        value("kd_on_v1", "s1", 99, truth="teacher"),
        value("kd_on_v1", "s1", 98, metric="recall"),
        value("kd_on_v1", "both", 97),
    ]
    rows = scores_by_cost.join(COSTS, values, "accuracy")
    assert [(row["run"], row["of"], row["parameters"]) for row in rows] == [
        ("baseline_teacher", "teacher", "100"), ("baseline_student", "student", "40"), ("kd_on_v1", "teacher", "100"),
    ]  # fmt: skip


def test_front_is_what_nothing_smaller_or_equal_beats():
    values = [
        value("a", "s1", 70),
        value("b", "s1", 72),
        value("a", "teacher", 71),
        value("b", "teacher", 75),
        value("c", "s1", 72),
    ]
    rows = scores_by_cost.join(COSTS, values, "accuracy")
    assert [(row["run"], row["network"]) for row in rows if row["front_parameters"]] == [("b", "s1"), ("b", "teacher")]


def test_what_is_saved():
    assert scores_by_cost.saved(85, 100) == pytest.approx(15) and scores_by_cost.saved(120, 100) == pytest.approx(-20)
