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
            "balance": "resample",
            "supervised": {"baseline": 1.0},
            "training": {"epochs": 2, "batch_size": 8, "learning_rate": 1e-4},
            "networks": {
                "s1": {
                    "architecture": "resnet18",
                    "weights": {
                        "note": "rebuilt",
                        "source": "file",
                        "stride_on": "3x3",
                        "options": {},
                        "mean": [0.5],
                        "std": [0.5],
                    },
                    "backbone": {"timm": "resnet18", "options": {}},
                },
                "s2": {"architecture": "tiny", "weights": None, "backbone": {"timm": "resnet18", "options": {"a": 1}}},
            },
        },
        "images": {"total": 280, "size": 224, "test": 98},
    }
    assert departures(record) == [
        "280 of 10,015 images", "35% of the images to test on (15%)", "at most 2 epochs (200)", "balance resample (none)",
        "resnet18 starts from weights of a file, rebuilt (cited: those of Keras classification_models)", "network tiny", "tiny from a random start",
    ]  # fmt: skip


OF_ITS_OWN = "weights alpha, beta, gamma of its own"


@pytest.fixture(scope="module")
def settings_of(root):
    """Settings of a variant of the full experiment that starts from the weights that the paper cites, changed."""
    imagenet = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    cited = {
        "resnet50": {"path": "a/r.safetensors", "stride_on": "1x1"} | imagenet,
        "mobilenet": {
            "path": "m.safetensors",
            "options": {"pad_type": "same", "bn_eps": 1e-3},
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
        },
    }

    def make(task="hcd", run="kd_ml_v3", pair="resnet50-mobilenet", **changes):
        config = yaml.safe_load((root / "config.yaml").read_text())
        config["weights"] |= cited
        for section, values in changes.items():
            config[section] |= values
        return Plan(validated(config)).settings(Run("paper", task, pair, run, 0)).model_dump(mode="json")

    return make


def departures_of(settings, **sharing):
    images = (
        {"total": 20000, "size": 224, "test": 3000}
        if settings["task"] == "hcd"
        else {"total": 3929, "size": 256, "test": 590}
    )
    return departures({"settings": settings, "images": images, "sharing": sharing})


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


def test_matched_features_and_a_kept_backbone_are_named(settings_of):
    """What a run itself noted; what a method notes departs from its publication, not from the paper."""
    matched = "features of s1 compared with those of teacher by resizing from 7x7 to 14x14"
    settings = settings_of()
    assert departures_of(settings, departures=[matched]) == [matched]
    assert departures_of(settings | {"method": {"name": "sp"}}, departures=[matched]) == []
    teacher = settings["networks"]["teacher"] | {"trained": "head"}
    found = departures_of(settings | {"networks": settings["networks"] | {"teacher": teacher}})
    assert found == ["resnet50: head alone trained"]


TIMMS = "{} starts from {} (cited: those of Keras classification_models)"
OF_A_FILE = TIMMS.format("{}", "weights of a file")
RESNET18 = TIMMS.format("resnet18", "resnet18.tv_in1k")


def test_start_weights_that_the_paper_does_not_cite_are_named(settings_of):
    """Those that timm offers, and all of ResNet18; a file whose network needs what the cited ones need is not."""
    assert departures_of(settings_of(pair="resnet50-resnet18")) == [RESNET18]
    tag = {"timm": "resnet50.tv_in1k"}
    said = departures_of(settings_of(pair="resnet50-resnet18", weights={"resnet50": tag}))
    assert said == [TIMMS.format("resnet50", "resnet50.tv_in1k"), RESNET18]


def test_a_note_on_the_cited_weights_is_no_departure(settings_of):
    settings = settings_of()
    for network in settings["networks"].values():
        network["weights"] = network["weights"] | {"note": "Keras"}
    assert departures_of(settings) == []


@pytest.mark.parametrize(
    ("name", "changed"),
    [("resnet50", {"stride_on": "3x3"}), ("resnet50", {"mean": [0.5, 0.5, 0.5]}), ("mobilenet", {"options": {}})],
)
def test_a_file_whose_network_is_another_is_not_the_cited_one(settings_of, name, changed):
    settings = settings_of()
    for network in settings["networks"].values():
        if network["architecture"] == name:
            network["weights"] = network["weights"] | changed
    assert departures_of(settings) == [OF_A_FILE.format(name)]
