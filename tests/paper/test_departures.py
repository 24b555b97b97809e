"""How runs depart from the paper's setting, read from what was recorded of them."""

import pytest
import yaml

from kdml.experiment.config import validated
from kdml.experiment.plan import Plan, Run
from kdml.paper.departures import departures
from kdml.runs.graph import VARIANTS


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
        "images": {"total": 280, "size": 224, "test": 98},
    }
    assert departures(record) == [
        "280 of 10,015 images", "35% of the images to test on (15%)", "at most 2 epochs (200)", "resnet18: rebuilt", "network tiny", "tiny from a random start",
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
    images = (
        {"total": 20000, "size": 224, "test": 3000}
        if settings["task"] == "hcd"
        else {"total": 3929, "size": 256, "test": 590}
    )
    return departures({"settings": settings, "images": images})


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
