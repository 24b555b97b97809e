"""Scores beside costs: each network with its own, any number of students, what validation chooses, and the front of it."""

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


def join(costs, values, validation=None):
    """Rows of the accuracy; without validation scores all have the same."""
    equal = {(row["run"], row["network"]): 50.0 for row in values}
    return scores_by_cost.join(costs, values, "accuracy", equal if validation is None else validation)


def test_three_students_cost_what_three_cost():
    values = [value("circle", network, 70) for network in ("s1", "s2", "s3", "ensemble")]
    values += [value("ml_v1", network, 70) for network in ("s1", "s2", "ensemble")]
    rows = {(row["run"], row["network"]): row for row in join(COSTS, values)}
    assert rows["circle", "ensemble"]["parameters"] == "120" and rows["ml_v1", "ensemble"]["parameters"] == "80"
    assert rows["circle", "s3"]["parameters"] == "40" and rows["circle", "s3"]["of"] == "student"
    with pytest.raises(UserError, match="costs of ensemble with 3 students are not known, but circle has one"):
        join(COSTS[:4], values)


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
    rows = join(COSTS, values)
    assert [(row["run"], row["of"], row["parameters"]) for row in rows] == [
        ("baseline_teacher", "teacher_alone", "90"), ("baseline_student", "student", "40"), ("kd_on_v1", "teacher", "100"),
    ]  # fmt: skip


def test_validation_chooses_one_of_each_kind_whatever_the_test_set_says():
    values = [value("a", "s1", 70), value("b", "s1", 99), value("a", "teacher", 75), value("b", "teacher", 80)]
    values += [value("c", "s1", 90)]  # without a validation score
    validation = {("a", "s1"): 88.0, ("b", "s1"): 60.0, ("a", "teacher"): 50.0, ("b", "teacher"): 50.0}
    rows = join(COSTS, values, validation)
    assert [(row["run"], row["network"]) for row in rows if row["chosen"]] == [("a", "s1"), ("a", "teacher")]
    assert [row["front_parameters"] for row in rows] == [1, 0, 1, 0, 0]


def curve(run, network, seed, epoch, score, part="validation", term="score"):
    keys = {"run": run, "network": network, "seed": str(seed), "epoch": str(epoch)}
    return keys | {"part": part, "term": term, "value": str(score)}


def test_validation_score_is_of_the_best_epoch_over_seeds_and_of_an_ensemble_over_its_students():
    rows = [
        curve("a", "s1", seed, epoch, score)
        for seed, scores in enumerate(((0.1, 0.6, 0.2), (0.3, 0.2, 0.4)))
        for epoch, score in enumerate(scores)
    ]
    rows += [curve("a", "s2", 0, 0, 0.9), curve("a", "s2", 1, 0, 0.9), curve("a", "teacher", 0, 0, 1.0)]
    rows += [curve("a", "s1", 0, 0, 9, term="loss"), curve("a", "s1", 0, 0, 9, part="train")]
    found = scores_by_cost.validated(rows)
    assert found == {
        ("a", "s1"): pytest.approx(50), ("a", "s2"): pytest.approx(90), ("a", "ensemble"): pytest.approx(70), ("a", "teacher"): 100,
    }  # fmt: skip


def front(student, teacher):
    """Which of two chosen networks with these means is on the front."""
    return [row["front_parameters"] for row in join(COSTS, [value("a", "s1", student), value("a", "teacher", teacher)])]


def test_front_is_what_nothing_smaller_or_equal_beats():
    assert front(70, 80) == [1, 1] and front(80, 70) == [1, 0]
    assert front(70, 70) == [1, 1]  # nothing cheaper is better
    other_seeds = sum([400 / 6, 100]) / 2
    assert other_seeds != 500 / 6 and front(other_seeds, 500 / 6) == [1, 1]


def test_what_has_no_score_is_not_on_the_front_and_beats_nothing():
    assert front(float("nan"), 70) == [0, 1] and front(70, float("nan")) == [1, 0]


def test_cost_is_each_its_own():
    """The front of parameters is not that of latency."""
    costs = [row | {"latency_ms": "20"} if row["network"] == "student" else row for row in COSTS]
    values = [value("a", "s1", 70), value("a", "teacher", 80)]
    rows = join(costs, values)
    assert [(row["front_parameters"], row["front_latency_ms"]) for row in rows] == [(1, 0), (1, 1)]
    assert set(rows[0]) == {*scores_by_cost.COLUMNS, "front_parameters", "front_latency_ms"}


def test_a_network_trained_alone_costs_what_it_costs_in_other_runs():
    (row,) = join(COSTS, [value("baseline_student", "baseline", 70)])
    assert (row["run"], row["of"], row["students"], row["parameters"]) == ("baseline_student", "student", "1", "40")
    with pytest.raises(UserError, match="costs of teacher_alone with 0 students are not known"):
        join(COSTS[:1], [value("baseline_teacher", "baseline", 80)])


def test_what_is_saved():
    assert scores_by_cost.saved(85, 100) == pytest.approx(15) and scores_by_cost.saved(120, 100) == pytest.approx(-20)
