"""Every number of the paper has its row, and the interval of a difference says where it comes from."""

import math

import pytest

from kdml import comparison, paper


def row(mean, std="", seeds=1, low="", high=""):
    keys = {"seeds": str(seeds), "cases": "60", "mean": str(mean), "std": str(std), "low": str(low), "high": str(high)}
    return keys | {"departures": "64 px (paper 224)", "remark": ""}


def test_every_number_of_the_paper_is_there_even_if_nothing_was_run():
    rows = list(comparison.not_run([]))
    assert len(rows) == 576 + 19 + 24
    assert all(one["seeds"] == 0 and one["remark"] == "not run in this experiment" for one in rows)
    assert len({tuple(one[name] for name in ("table", "task", "run", "network", "metric")) for one in rows}) == 619


def test_what_was_run_is_not_listed_as_missing():
    values = {("kd_ml_v3", "ensemble", "label", "accuracy"): row(90, low=88, high=92)}
    found = list(comparison.of_variants("hcd", "resnet18", values))
    beside = list(comparison.of_rivals("hcd", "resnet18", values))
    missing = list(comparison.not_run([*found, *beside]))
    assert len(found) + len(beside) + len(missing) == 619
    (ours,), (again,) = ([one for one in rows if one["seeds"]] for rows in (found, beside))
    assert again["table"] == 10  # table 10 shows the proposed variant beside the rivals
    assert (
        ours["table"] == 3
        and ours["difference"] == pytest.approx(90 - 96.68)
        and ours["departures"] == "64 px (paper 224)"
    )


def test_fidelity_is_compared_with_fidelity():
    values = {("kd_on_v1", "s1", "teacher", "accuracy"): row(80, low=78, high=82)}
    (ours,) = [one for one in comparison.of_variants("hcd", "resnet18", values) if one["seeds"]]
    assert ours["table"] == 11 and ours["paper_mean"] == paper.variants(11)["kd_on", "v1", "s1", "accuracy"][0]


def test_baselines():
    values = {("baseline", "baseline", "label", "iou"): row(70, low=60, high=80)}
    found = list(comparison.of_baselines("lgg", "resnet50", values))
    assert [(one["table"], one["metric"], one["seeds"]) for one in found] == [(2, "iou", 1), (2, "f_score", 0)]


def test_one_run_adds_both_uncertainties_in_quadrature():
    interval, source = comparison.difference(row(90, low=87, high=92), (95.0, 0.0))
    assert (interval.low, interval.high) == pytest.approx((-8, -3)) and "one run" in source
    wider, _ = comparison.difference(row(90, low=87, high=92), (95.0, 1.0))
    reach = 4.302653 / math.sqrt(3)
    assert (wider.low, wider.high) == pytest.approx((-5 - math.hypot(3, reach), -5 + math.hypot(2, reach)), rel=1e-4)


def test_several_runs_are_compared_by_welch():
    interval, source = comparison.difference(row(96, std=0.5, seeds=3), (95.0, 0.5))
    assert interval.estimate == 1 and interval.low < 0 < interval.high and source == "Welch over 3 and 3 runs"


def test_departures_come_from_the_run():
    record = {
        "settings": {
            "task": "ham10000_segmentation",
            "run": "baseline",
            "supervised": {"baseline": 1.0},
            "training": {"epochs": 2, "batch_size": 8, "learning_rate": 1e-4},
            "networks": {
                "s1": {
                    "architecture": "resnet18",
                    "weights": {"note": "rebuilt"},
                    "backbone": {"timm": "resnet18", "options": {}},
                },
                "s2": {"architecture": "tiny", "weights": None, "backbone": {"timm": "resnet18", "options": {"a": 1}}},
            },
        },
        "images": {"total": 280, "size": 224},
    }
    assert paper.departures(record) == [
        "280 of 10,015 images", "at most 2 epochs (200)", "resnet18: rebuilt", "network tiny", "tiny from a random start",
    ]  # fmt: skip
    own = record["settings"] | {"run": "kd_ml_v3", "supervised": {"teacher": 1.0, "s1": 0.3, "s2": 0.3}}
    assert "weights alpha, beta, gamma of its own" in paper.departures({**record, "settings": own})
    papers = own | {"supervised": {"teacher": 1.0, "s1": 0.2, "s2": 0.4}}
    assert "weights alpha, beta, gamma of its own" not in paper.departures({**record, "settings": papers})


def test_rivals_are_compared_by_their_only_student():
    values = {("sp", "s1", "label", "accuracy"): row(90, low=88, high=92)}
    (ours,) = [one for one in comparison.of_rivals("hcd", "resnet18", values) if one["seeds"]]
    assert (ours["table"], ours["run"], ours["network"], ours["paper_mean"]) == (10, "sp", "s1", 94.56)
    assert not list(comparison.of_rivals("hcd", "mobilenet", values))  # the paper has them with ResNet18 alone
