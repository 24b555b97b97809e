"""The best by validation is taken home, whatever the test set says."""

import pytest

from kdml.common.errors import UserError
from kdml.export.choice import chosen
from kdml.runs.run_table import RunRow


def row(run, sheet="variants", seed=0, folder=None):
    return RunRow({"run": run, "sheet": sheet, "seed": str(seed), "folder": folder or f"{run}/{seed}"})


def choose(*runs):
    """Runs as (row, validation scores by network)."""
    best = {
        str(one.folder): {"best": {name: {"score": score} for name, score in scores.items()}} for one, scores in runs
    }
    return chosen([one for one, _ in runs], best)


def picked(found, what):
    return found[what].row.run, found[what].row.seed, found[what].networks


def test_single_students_and_ensembles_are_chosen_apart():
    found = choose(
        (row("kd_ml_v1"), {"s1": 0.9, "s2": 0.2, "teacher": 0.99}),
        (row("kd_ml_v3"), {"s1": 0.7, "s2": 0.8, "teacher": 0.5}),
        (row("kd_ml_v3", seed=1), {"s1": 0.7, "s2": 0.85, "teacher": 0.5}),
        (row("baseline_student", "alone"), {"baseline": 0.6}),
        (row("baseline_teacher", "alone"), {"baseline": 0.95}),
    )
    assert picked(found, "student") == ("kd_ml_v1", 0, ("s1",))
    assert picked(found, "ensemble") == ("kd_ml_v3", 1, ("s1", "s2")) and found["ensemble"].score == pytest.approx(
        0.775
    )
    assert picked(found, "teacher") == ("baseline_teacher", 0, ("baseline",))
    assert (found["student"].among, found["ensemble"].among) == (7, 3)


def test_a_student_that_was_trained_alone_may_be_the_best():
    found = choose((row("ml_v1"), {"s1": 0.5, "s2": 0.5}), (row("baseline_student", "alone"), {"baseline": 0.6}))
    assert picked(found, "student") == ("baseline_student", 0, ("baseline",)) and "teacher" not in found


def test_the_first_of_equals_counts_and_a_run_that_is_listed_twice_counts_once():
    twice = row("kd_ml_v3"), {"s1": 0.5, "s2": 0.5}
    found = choose((row("kd_ml_v1"), {"s1": 0.5, "s2": 0.4}), twice, (row("kd_ml_v3", "methods"), twice[1]))
    assert picked(found, "student") == ("kd_ml_v1", 0, ("s1",)) and found["student"].among == 4
    assert found["ensemble"].among == 2


def test_a_teacher_beside_its_students_counts_where_none_was_trained_alone():
    found = choose((row("kd_on_v1"), {"s1": 0.5, "teacher": 0.9}), (row("fitnet", "methods"), {"s1": 0.6}))
    assert picked(found, "teacher") == ("kd_on_v1", 0, ("teacher",)) and "ensemble" not in found


def test_a_place_of_teachers_alone_is_refused():
    with pytest.raises(UserError, match="no student"):
        choose((row("baseline_teacher", "alone"), {"baseline": 0.9}))
