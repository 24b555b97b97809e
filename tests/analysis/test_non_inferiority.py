"""Whether a student is good enough: verdicts on planted differences, and what a test set could show."""

import math
from dataclasses import replace

import numpy as np
import pytest

from kdml.analysis import class_cells, metrics
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.counts import Key, Measured, OfCounts
from kdml.analysis.few_groups import NO_INTERVAL
from kdml.analysis.non_inferiority import USELESS, Verdict, rows, verdict


def run(name, seed, wrong, n=1000, **networks):
    measures = {}
    for network, places in (networks or {"ensemble": wrong}).items():
        right = ~np.isin(np.arange(n), list(places))
        cells = np.stack([right, ~right, np.zeros(n), np.zeros(n)], axis=1).astype(float)
        measures[Key(network, "label", "accuracy")] = OfCounts(class_cells.accuracy, cells, is_count=True)
    networks = dict.fromkeys((key.network for key in measures), np.ones(n, dtype=bool))
    return Measured(name, seed, tuple(map(str, range(n))), n, measures, networks)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.1, 3, Verdict.SUPERIOR), (-1.9, 1, Verdict.GOOD_ENOUGH), (-1.9, -0.5, Verdict.GOOD_ENOUGH), (-2, 1, Verdict.UNDECIDED),
        (-5, -1, Verdict.UNDECIDED), (-5, -2.1, Verdict.INFERIOR), (math.nan, math.nan, Verdict.UNKNOWN),
    ],
)  # fmt: skip
def test_verdicts(low, high, expected):
    assert verdict(low, high, 2.0) is expected


def test_planted_differences_are_judged_by_the_margin():
    runs = [
        run("baseline_teacher", 0, set(range(100)), baseline=range(100)),
        run("equal", 0, set(range(100))),
        run("worse", 0, set(range(200))),
    ]
    by_name = {row["run"]: row for row in rows(MeasuredRuns(runs), "accuracy", 2.0)}
    assert {row["against"] for row in by_name.values()} == {"baseline_teacher"}  # no run here has a teacher of its own
    assert by_name.keys() == {"equal", "worse"}
    assert by_name["equal"]["verdict"] is Verdict.GOOD_ENOUGH and by_name["worse"]["verdict"] is Verdict.INFERIOR
    worse = by_name["worse"]
    assert worse["estimate"] == pytest.approx(-10) and (worse["margin"], worse["cases"], worse["seeds"]) == (
        2.0,
        1000,
        1,
    )
    # One seed: 2.8 standard errors are found 4 times in 5; the error of a paired difference of 100 cases in 1000 is known.
    error = 100 * math.sqrt(0.1 * 0.9 / 1000)
    assert worse["detectable"] == pytest.approx(2.8 * error, rel=0.1)
    assert {row["run"]: row["verdict"] for row in rows(MeasuredRuns(runs), "accuracy", 15.0)}[
        "worse"
    ] is Verdict.GOOD_ENOUGH


@pytest.mark.parametrize(
    ("n", "student", "ends", "expected"),
    [
        (13, (), (-24.7, 24.7), Verdict.UNDECIDED), (1000, (), (-0.4, 0.4), Verdict.GOOD_ENOUGH),
        (13, range(13), (math.nan, math.nan), Verdict.UNKNOWN),
    ],
)  # fmt: skip
def test_groups_that_are_all_alike_show_no_more_than_their_number(n, student, ends, expected):
    """A bootstrap over them has no width: 13 patients without a difference do not show that there is none."""
    runs = [run("baseline_teacher", 0, (), n, baseline=()), run("student", 0, student, n)]
    (row,) = rows(MeasuredRuns(runs), "accuracy", 2.0)
    assert row["verdict"] is expected and (row["low"], row["high"]) == pytest.approx(ends, abs=0.05, nan_ok=True)
    assert math.isnan(row["power"]) and math.isnan(row["detectable"])


def test_masks_that_are_all_alike_have_no_interval_and_no_verdict():
    runs = [run("baseline_teacher", 0, (), 13, baseline=()), run("equal", 0, (), 13)]
    for one in runs:
        for key in tuple(one.measures):
            one.measures[key._replace(metric="iou")] = OfCounts(metrics.iou, np.tile([5.0, 5.0, 5.0, 5.0], (13, 1)))
    (row,) = rows(MeasuredRuns(runs), "iou", 2.0)
    assert row["verdict"] is Verdict.UNKNOWN and NO_INTERVAL in row["remark"]


def test_a_network_of_no_use_is_told_where_another_is_compared_with_it():
    """Chance is 90 %: a teacher that is right in as many cases has learned nothing, whatever its students do."""
    for wrong, told in ((100, True), (50, False)):
        runs = [
            run("baseline_teacher", 0, set(range(wrong)), baseline=range(wrong)),
            run("equal", 0, set(range(wrong))),
        ]
        for one in runs:
            for key, measure in one.measures.items():
                one.measures[key] = replace(measure, chance=0.9)
        (row,) = rows(MeasuredRuns(runs), "accuracy", 2.0)
        assert (USELESS in row["remark"]) is told


@pytest.mark.parametrize(
    ("pixels", "told"),
    [((10, 90, 0, 0), True), ((0, 0, 10, 90), True), ((5, 45, 5, 45), True), ((6, 45, 4, 45), False)],
    ids=["everything", "nothing", "half of each", "a little more of the lesion"],
)
def test_masks_of_no_use_are_told_by_both_kinds_of_pixels(pixels, told):
    """An IoU of 10 % is that of a network that marks everything, and says nothing by itself."""
    runs = [run("baseline_teacher", 0, (), n=100, baseline=()), run("equal", 0, (), n=100)]
    for one in runs:
        counts = np.tile(np.array(pixels, dtype=float), (100, 1))
        for key in tuple(one.measures):
            one.measures[key._replace(metric="iou")] = OfCounts(metrics.iou, counts)
            one.measures[key._replace(metric="balanced_accuracy")] = OfCounts(metrics.pixel_balanced_accuracy, counts)
    (row,) = rows(MeasuredRuns(runs), "iou", 2.0)
    assert (USELESS in row["remark"]) is told


def test_a_student_is_judged_against_its_own_teacher_too():
    """Its teacher misses 50 cases, the teacher alone 200, the ensemble 100."""
    taught = [run("taught", seed, (), ensemble=range(100), teacher=range(50)) for seed in (0, 1)]
    alone = [run("baseline_teacher", seed, (), baseline=range(200)) for seed in (0, 1)]
    found = {row["against"]: row for row in rows(MeasuredRuns(taught + alone), "accuracy", 2.0)}
    assert {name: (row["network"], row["verdict"]) for name, row in found.items()} == {
        "teacher": ("ensemble", Verdict.INFERIOR), "baseline_teacher": ("ensemble", Verdict.SUPERIOR)
    }  # fmt: skip
    own = found["teacher"]
    assert own["estimate"] == pytest.approx(-5) and own["by_seed"] == "-5.000 -5.000" and own["cases"] == 1000
    error = 100 * math.sqrt(0.05 * 0.95 / 1000)
    assert own["low"] == pytest.approx(-5 - 1.96 * error, abs=0.2) and own["high"] == pytest.approx(
        -5 + 1.96 * error, abs=0.2
    )
    (only,) = rows(MeasuredRuns(taught), "accuracy", 2.0)
    assert only["against"] == "teacher" and only["estimate"] == own["estimate"]


def test_without_any_teacher_there_is_nothing_to_judge():
    assert list(rows(MeasuredRuns([run("a", 0, set())]), "accuracy", 2.0)) == []
