"""Scores beside costs: each network with its own, any number of students, and the front of what nothing smaller beats."""

import pytest

from kdml.analysis import scores_by_cost
from kdml.common.errors import UserError

COSTS = [
    {"network": name, "students": str(students), "parameters": str(parameters), "latency_ms": str(latency), "saved": "0",
     "macs": "1", "bytes": "1", "size": "64", "threads": "1", "machine": "m"}
    for name, students, parameters, latency in (("teacher", 0, 100, 9), ("teacher_alone", 0, 90, 8.5), ("student", 1, 40, 4), ("ensemble", 2, 80, 8), ("ensemble", 3, 120, 12))
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
    with pytest.raises(UserError, match="costs of ensemble with 3 students are not known, but circle has one"):
        scores_by_cost.join(COSTS[:4], values, "accuracy")


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
        ("baseline_teacher", "teacher_alone", "90"), ("baseline_student", "student", "40"), ("kd_on_v1", "teacher", "100"),
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
    assert [(row["run"], row["network"]) for row in rows if row["front_parameters"]] == [
        ("b", "s1"), ("b", "teacher"), ("c", "s1"),
    ]  # fmt: skip


def front(*points):
    """Which of these (network, mean) of runs of their own are on the front."""
    values = [value(str(place), network, mean) for place, (network, mean) in enumerate(points)]
    return [row["front_parameters"] for row in scores_by_cost.join(COSTS, values, "accuracy")]


def test_of_equals_all_are_on_the_front():
    assert front(("s1", 70), ("s1", 70), ("teacher", 80), ("teacher", 80)) == [1, 1, 1, 1]
    assert front(("s1", 70), ("teacher", 70)) == [1, 1]  # nothing cheaper is better
    assert front(("s1", 71), ("s1", 70), ("teacher", 71)) == [1, 0, 1]
    other_seeds = sum([400 / 6, 100]) / 2
    assert other_seeds != 500 / 6 and front(("s1", other_seeds), ("s1", 500 / 6)) == [1, 1]


def test_what_has_no_score_is_not_on_the_front_and_beats_nothing():
    assert front(("s1", float("nan")), ("s1", 70), ("teacher", float("nan"))) == [0, 1, 0]


def test_cost_is_each_its_own():
    """The front of parameters is not that of latency."""
    costs = [row | {"latency_ms": "20"} if row["network"] == "student" else row for row in COSTS]
    values = [value("a", "s1", 70), value("a", "teacher", 80)]
    rows = scores_by_cost.join(costs, values, "accuracy")
    assert [(row["front_parameters"], row["front_latency_ms"]) for row in rows] == [(1, 0), (1, 1)]
    assert set(rows[0]) == {*scores_by_cost.COLUMNS, "front_parameters", "front_latency_ms"}


def test_a_network_trained_alone_costs_what_it_costs_in_other_runs():
    (row,) = scores_by_cost.join(COSTS, [value("baseline_student", "baseline", 70)], "accuracy")
    assert (row["run"], row["of"], row["students"], row["parameters"]) == ("baseline_student", "student", "1", "40")
    with pytest.raises(UserError, match="costs of teacher_alone with 0 students are not known"):
        scores_by_cost.join(COSTS[:1], [value("baseline_teacher", "baseline", 80)], "accuracy")


def test_what_is_saved():
    assert scores_by_cost.saved(85, 100) == pytest.approx(15) and scores_by_cost.saved(120, 100) == pytest.approx(-20)
