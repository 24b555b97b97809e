"""Every number of the paper has its row, and the interval of a difference says where it comes from."""

import math

import pytest
import yaml

from kdml.analysis import paper_comparison
from kdml.experiment.config import validated
from kdml.experiment.plan import Plan, Run
from kdml.paper import numbers
from kdml.runs.graph import VARIANTS


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
    assert numbers.departures(record) == [
        "280 of 10,015 images", "at most 2 epochs (200)", "resnet18: rebuilt", "network tiny", "tiny from a random start",
    ]  # fmt: skip


OF_ITS_OWN = "weights alpha, beta, gamma of its own"


@pytest.fixture(scope="module")
def settings_of(root):
    """Settings of a variant of the full experiment, changed."""

    def make(task="hcd", run="kd_ml_v3", **changes):
        config = yaml.safe_load((root / "config.yaml").read_text())
        for section, values in changes.items():
            config[section] |= values
        return Plan(validated(config)).settings(Run("paper", task, "resnet50-resnet18", run, 0)).model_dump(mode="json")

    return make


def departures_of(settings):
    images = {"total": 20000, "size": 224} if settings["task"] == "hcd" else {"total": 3929, "size": 256}
    return numbers.departures({"settings": settings, "images": images})


@pytest.mark.parametrize("run", list(VARIANTS))
@pytest.mark.parametrize("task", ["hcd", "lgg"])
def test_the_papers_own_setting_departs_in_nothing(settings_of, task, run):
    assert departures_of(settings_of(task, run)) == []
    assert departures_of(settings_of(task, run, sharing={"swap_students": True})) == ["swap students True (False)"]


def test_every_weight_of_the_loss_counts(settings_of):
    """The weights of another task's table, of an edge, or of the labels are others than the paper's for this task."""
    settings, other = settings_of(), settings_of("lgg")
    assert departures_of(settings | {"supervised": other["supervised"]}) == [OF_ITS_OWN]
    edges = [edge | {"weight": 0.0 if edge["source"] == "s2" else edge["weight"]} for edge in settings["edges"]]
    assert departures_of(settings | {"edges": edges}) == [OF_ITS_OWN]
    assert (
        departures_of(settings | {"edges": edges, "run": "mine"}) == []
    )  # a variant of one's own has no paper's weights


def test_settings_beyond_size_and_epochs_are_named(settings_of):
    assert departures_of(settings_of(sharing={"temperature": 20})) == ["temperature 20.0 (2.0)"]
    changed = settings_of(
        training={"patience": 5, "threads": 1, "schedule": {"factor": 0.1, "patience": 10, "floor": 1e-7}}
    )
    assert departures_of(changed) == ["patience 5 (40)", "schedule factor 0.1 (0.5)"]


def test_methods_are_compared_by_their_only_student():
    values = {("sp", "s1", "label", "accuracy"): row(90, low=88, high=92)}
    (ours,) = [one for one in paper_comparison.of_methods("hcd", "resnet18", values) if one["seeds"]]
    assert (ours["table"], ours["run"], ours["network"], ours["paper_mean"]) == (10, "sp", "s1", 94.56)
    assert not list(paper_comparison.of_methods("hcd", "mobilenet", values))  # the paper has them with ResNet18 alone
