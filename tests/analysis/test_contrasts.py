"""Paired differences of runs whose results were planted."""

import math

import numpy as np
import pytest

from kdml.analysis import class_cells, metrics, roc
from kdml.analysis.contrasts import Contrast, MeasuredRuns
from kdml.analysis.counts import Key, Measured, OfCounts, OfScores
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
    measures = {key: OfCounts(class_cells.accuracy, cells)}
    return Measured(name, seed, groups, len(right), measures, {network: right}, scored, positive)


def wrong_at(n, *places):
    return [i not in places for i in range(n)]


def contrast(runs, left="a", right="b", metric="accuracy", network="ensemble"):
    return MeasuredRuns(runs).contrast(Contrast(left, right, network, "label", metric))


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


def test_the_mean_of_several_runs_is_one_side():
    """Seeds are paired, cases drawn once for all, and a run that is missing leaves no number."""
    runs = [run("a", seed, wrong_at(100, *range(seed))) for seed in range(3)]
    others = {"b": 6, "c": 9, "d": 0}
    runs += [run(name, s, wrong_at(100, *range(s + more))) for name, more in others.items() for s in range(3)]
    row = contrast(runs, right="b c d")
    assert (row["left"], row["right"]) == ("a", "b c d") and row["by_seed"] == "5.000 5.000 5.000"
    assert row["estimate"] == pytest.approx(5) and row["seeds"] == 3 and row["p_cases"] == row["test"] == ""
    three = [contrast(runs, right=name) for name in others]
    assert row["estimate"] == pytest.approx(np.mean([one["estimate"] for one in three]))
    assert three[2]["both_low"] < row["both_low"] < 5 < row["both_high"] < three[1]["both_high"]
    same = contrast([*runs, *(run("e", s, wrong_at(100, *range(s + 6))) for s in range(3))], right="b e")
    alone = contrast(runs, right="b")
    assert [same[name] for name in ("low", "high", "p")] == pytest.approx([alone[n] for n in ("low", "high", "p")])
    assert contrast(runs, right="b x")["remark"] == "not run: x"
    assert "0 of b" in contrast([one for one in runs if (one.run, one.seed) != ("c", 0)], right="b c")["remark"]
    assert "means" in contrast(runs, right="b c", metric="auc")["remark"]


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
    empty = {KEY._replace(metric="iou"): OfCounts(metrics.iou, np.zeros((2, 4)))}
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
    found = {KEY._replace(metric="found_small"): OfCounts(metrics.share, np.array([[1.0, 2.0], [2.0, 2.0]]))}
    runs = [
        Measured(name, seed, ("x", "y"), 2, found if seed or name == "b" else {}) for name in "ab" for seed in range(2)
    ]
    row = contrast(runs, metric="found_small")
    assert math.isnan(row["estimate"]) and "seed 0 of a" in row["remark"]
    rows = {row["run"]: row for row in MeasuredRuns(runs).values()}
    assert math.isnan(rows["a"]["mean"]) and rows["a"]["remark"] == "not measured in seed 0"
    assert rows["b"]["mean"] == 75 and rows["b"]["of"] == "4"


def test_a_teachers_values_are_its_own():
    """A run of one student answers for any network that it does not have, but not for its teacher."""
    key = Key("teacher", "label", "accuracy")
    student = run("sp", 0, wrong_at(40, *range(20)), network="s1")
    teacher = run("sp", 0, wrong_at(40, *range(4)), network="teacher")
    both = Measured("sp", 0, student.groups, 40, {**student.measures, **teacher.measures})
    rows = {row["network"]: row for row in MeasuredRuns([both]).values()}
    assert rows["teacher"]["mean"] == 90 and rows["teacher"]["low"] > 75 and both.network(key.network) == "teacher"
    assert both.network("ensemble") == "s1"


def test_values_have_intervals():
    rows = list(MeasuredRuns([run("a", s, wrong_at(100, *range(10 + s))) for s in range(3)]).values())
    (row,) = rows
    assert row["mean"] == pytest.approx(89) and row["std"] == pytest.approx(1) and row["low"] < 89 < row["high"]


def test_by_seed_and_values_agree():
    """Means over seeds are of the values of the single runs, in percent; the divergence stays in nats."""
    kl = Key("s1", "teacher", "predictive_kl")
    runs = []
    for seed in range(3):
        one = run("a", seed, wrong_at(50, *range(seed)))
        nats = OfCounts(metrics.share, np.array([[0.1 * (seed + 1), 1.0]] * 50))
        runs.append(Measured("a", seed, one.groups, 50, {**one.measures, kl: nats}))
    measured = MeasuredRuns(runs)
    rows = {(row["metric"], row["seed"]): row for row in measured.by_seed()}
    assert {key: row["value"] for key, row in rows.items()} == pytest.approx(
        {("accuracy", 0): 100, ("accuracy", 1): 98, ("accuracy", 2): 96}
        | {("predictive_kl", seed): 0.1 * (seed + 1) for seed in range(3)}
    )
    assert {row["cases"] for row in rows.values()} == {50}
    for row in measured.values():
        values = [rows[row["metric"], seed]["value"] for seed in range(3)]
        assert (row["mean"], row["std"]) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
        assert (row["seeds"], row["cases"], row["groups"]) == (3, 50, 50)


def test_digests_stand_by_seed():
    runs = [run("a", seed, wrong_at(9)) for seed in (1, 0)]
    digests = [{"ensemble": f"digest{one.seed}", "s1": "other"} for one in runs]
    told = [
        Measured(one.run, one.seed, one.groups, 9, one.measures, outputs=outputs)
        for one, outputs in zip(runs, digests, strict=True)
    ]
    (row,) = MeasuredRuns(told).values()
    assert row["outputs"] == "digest0 digest1"
    (untold,) = MeasuredRuns(runs).values()
    assert untold["outputs"] == ""


def test_areas_have_values_with_intervals():
    """An area is no function of counts: its draws weight the cases."""
    generator = np.random.default_rng(0)
    positive = np.arange(80) % 2 == 0
    scores = positive + generator.normal(size=80)
    groups = tuple(str(place) for place in range(40))
    measure = OfScores(scores[:, None], positive[:, None], np.repeat(np.arange(40), 2))
    key = Key("s1", "label", "auc")
    (row,) = MeasuredRuns([Measured("a", 0, groups, 80, {key: measure})]).values()
    assert row["mean"] == pytest.approx(100 * roc.auc(scores, positive))
    assert row["low"] < row["mean"] < row["high"] and row["groups"] == 40


def test_areas_of_more_classes_are_not_compared():
    row = contrast([run("a", 0, wrong_at(20)), run("b", 0, wrong_at(20))], metric="auc")
    assert row["remark"] == "only for two classes" and math.isnan(row["estimate"])


def test_a_divergence_is_compared_in_nats():
    key = Key("s1", "teacher", "predictive_kl")
    generator = np.random.default_rng(1)
    runs = []
    for name, more in (("a", 0.2), ("b", 0.0)):
        nats = np.stack([generator.random(60) + more, np.ones(60)], axis=1)
        runs.append(Measured(name, 0, tuple(map(str, range(60))), 60, {key: OfCounts(metrics.share, nats)}))
    row = MeasuredRuns(runs).contrast(Contrast("a", "b", "s1", "teacher", "predictive_kl"))
    means = [one.measures[key].value for one in runs]
    assert row["estimate"] == pytest.approx(means[0] - means[1]) and abs(row["estimate"]) < 1 and row["test"] == ""


def test_the_error_over_cases_leaves_the_seeds_as_they_are():
    """Of equal runs of one seed each it is that of a share; scatter of seeds does not enter it."""
    one = contrast([run("a", 0, wrong_at(400)), run("b", 0, wrong_at(400, *range(40)))])
    assert one["cases_error"] == pytest.approx(100 * math.sqrt(0.1 * 0.9 / 400), rel=0.1)
    runs = [run("a", s, wrong_at(400)) for s in range(3)]
    runs += [run("b", s, wrong_at(400, *range(wrong))) for s, wrong in enumerate((0, 40, 80))]
    assert contrast(runs)["cases_error"] == pytest.approx(one["cases_error"], rel=0.3)
