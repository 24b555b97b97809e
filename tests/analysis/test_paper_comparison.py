"""Every number of the paper has its row, and the interval of a difference says where it comes from."""

import math

import pytest

from kdml.analysis import paper_comparison
from kdml.common.files import write_csv
from kdml.paper import numbers
from kdml.runs.run_table import COLUMNS, RunTable


def row(mean, std="", seeds=1, low="", high=""):
    keys = {"seeds": str(seeds), "cases": "60", "mean": str(mean), "std": str(std), "low": str(low), "high": str(high)}
    return keys | {"departures": "64 px (paper 224)", "remark": ""}


def test_every_number_of_the_paper_is_there_even_if_nothing_was_run():
    rows = list(paper_comparison.not_run([]))
    assert len(rows) == 576 + 19 + 24
    assert all(one["seeds"] == 0 and one["remark"] == "not run in this experiment" for one in rows)
    assert len({tuple(one[name] for name in ("table", "task", "run", "network", "metric")) for one in rows}) == 619


def test_what_was_run_is_not_listed_as_missing():
    values = {("kd_ml_v3", "ensemble", "label", "accuracy"): row(90, low=88, high=92)}
    found = list(paper_comparison.of_variants("hcd", "resnet18", values))
    beside = list(paper_comparison.of_methods("hcd", "resnet18", values))
    missing = list(paper_comparison.not_run([*found, *beside]))
    assert len(found) + len(beside) + len(missing) == 619
    (ours,), (again,) = ([one for one in rows if one["seeds"]] for rows in (found, beside))
    assert again["table"] == 10  # table 10 shows the proposed variant beside the methods
    assert (
        ours["table"] == 3
        and ours["difference"] == pytest.approx(90 - 96.68)
        and ours["departures"] == "64 px (paper 224)"
    )


def test_fidelity_is_compared_with_fidelity():
    values = {("kd_on_v1", "s1", "teacher", "accuracy"): row(80, low=78, high=82)}
    assert not any(one["seeds"] for one in paper_comparison.of_variants("hcd", "resnet18", values))
    (ours,) = [one for one in paper_comparison.of_fidelity("hcd", "resnet18", values) if one["seeds"]]
    assert ours["table"] == 11 and ours["paper_mean"] == numbers.variants(11)["kd_on", "v1", "s1", "accuracy"][0]


def test_baselines():
    values = {("baseline", "baseline", "label", "iou"): row(70, low=60, high=80)}
    found = list(paper_comparison.of_baselines("lgg", "resnet50", values))
    assert [(one["table"], one["metric"], one["seeds"]) for one in found] == [(2, "iou", 1), (2, "f_score", 0)]


def test_one_run_adds_both_uncertainties_in_quadrature():
    interval, source = paper_comparison.difference(row(90, low=87, high=92), (95.0, 0.0))
    assert (interval.low, interval.high) == pytest.approx((-8, -3)) and "one run" in source
    wider, _ = paper_comparison.difference(row(90, low=87, high=92), (95.0, 1.0))
    reach = 4.302653 / math.sqrt(3)
    assert (wider.low, wider.high) == pytest.approx((-5 - math.hypot(3, reach), -5 + math.hypot(2, reach)), rel=1e-4)


def test_several_runs_are_compared_by_welch():
    interval, source = paper_comparison.difference(row(96, std=0.5, seeds=3), (95.0, 0.5))
    assert interval.estimate == 1 and interval.low < 0 < interval.high and source == "Welch over 3 and 3 runs"


def test_methods_are_compared_by_their_only_student():
    values = {("sp", "s1", "label", "accuracy"): row(90, low=88, high=92)}
    (ours,) = [one for one in paper_comparison.of_methods("hcd", "resnet18", values) if one["seeds"]]
    assert (ours["table"], ours["run"], ours["network"], ours["paper_mean"]) == (10, "sp", "s1", 94.56)
    assert not list(paper_comparison.of_methods("hcd", "mobilenet", values))  # the paper has them with ResNet18 alone


def table_of(folder, **facts):
    """Table of runs of a place of the paper, unless the facts are others."""
    keys = {"protocol": "grouped", "task": "hcd", "kind": "classification", "classes": "a;b", "pair": "p"}
    keys |= {"teacher_network": "big", "teacher_stands_for": "resnet50"}
    keys |= {"student_network": "tiny", "student_stands_for": "resnet18", "sheet": "variants", "seed": "0"}
    write_csv(folder / "runs.csv", [keys | facts], COLUMNS)
    return RunTable(folder / "runs.csv")


def values_of(run, network, truth="label", metric="accuracy"):
    return row(90, low=88, high=92) | {"run": run, "network": network, "truth": truth, "metric": metric}


@pytest.mark.parametrize(
    ("sheet", "values", "table"),
    [
        ("variants", values_of("kd_ml_v3", "ensemble"), 3),
        ("methods", values_of("kd_ml_v3", "ensemble"), 10),
        ("fidelity", values_of("kd_on_v1", "s1", "teacher"), 11),
        ("alone", values_of("baseline_student", "baseline"), 2),
    ],
)
def test_each_sheet_is_compared_with_its_table(tmp_path, sheet, values, table):
    rows = list(paper_comparison.of_sheet(table_of(tmp_path), sheet, [values]))
    (ours,) = [one for one in rows if one["seeds"]]
    assert {one["table"] for one in rows} == {table} and ours["difference"] == pytest.approx(90 - ours["paper_mean"])
    assert (ours["protocol"], ours["pair"]) == ("grouped", "tiny" if sheet == "alone" else "p")
    assert set(ours) <= set(paper_comparison.COLUMNS)


def test_networks_alone_are_compared_as_the_paper_calls_them(tmp_path):
    values = [values_of(f"baseline_{role}", "baseline") for role in ("teacher", "student")]
    rows = list(paper_comparison.of_sheet(table_of(tmp_path), "alone", [*values, values_of("teacher", "teacher")]))
    assert [(one["pair"], one["run"]) for one in rows] == [("big", "resnet50"), ("tiny", "resnet18")]
    (only,) = paper_comparison.of_sheet(table_of(tmp_path), "alone", values[:1])
    assert only["run"] == "resnet50"  # of a network that was not trained nothing is said here


@pytest.mark.parametrize("facts", [{"task": "mine"}, {"student_stands_for": ""}, {"student_stands_for": "mobilenet"}])
@pytest.mark.parametrize("sheet", ["variants", "methods", "fidelity"])
def test_what_the_paper_does_not_have_is_compared_with_nothing(tmp_path, sheet, facts):
    rows = list(paper_comparison.of_sheet(table_of(tmp_path, **facts), sheet, [values_of("kd_ml_v3", "ensemble")]))
    known = facts == {"student_stands_for": "mobilenet"} and sheet == "variants"
    assert {one["table"] for one in rows} == ({8} if known else set())
