"""Files that the configuration names: those that decide the trainings that are run, and none of others."""

from pathlib import Path

import pytest
from experiments import ROOT, plan_of

from kdml.common.errors import UserError
from kdml.experiment.named_files import files_to_send, named_files

ENTRY = {"path": "weights/a.safetensors", "mean": [0, 0, 0], "std": [1, 1, 1]}


def test_nothing_is_named_by_the_papers_experiment():
    assert list(named_files(plan_of().experiment)) == []


def test_all_kinds_are_found_and_none_that_are_not_run():
    table = "workflow/resources/paper/hyperparameters.csv"
    named = plan_of(
        {"tasks": ["lgg"], "pairs": ["resnet50-resnet18"], "methods": []},
        hyperparameters=table,
        methods={"mine": {"method": "docs/examples/rkd.py:RKD", "title": "M"}, "mild": {"method": "fitnet"}},
        weights={"resnet18": ENTRY, "mobilenet": ENTRY | {"path": "weights/unused.safetensors"}},
        datasets={"hcd": {"image_size": 96, "slides": "slides.csv"}},
    ).experiment
    assert list(named_files(named)) == [
        ("hyperparameters", Path(table)),
        ("methods.mine.method", Path("docs/examples/rkd.py")),
        ("weights.resnet18.path", Path("weights/a.safetensors")),
    ]


def test_what_is_sent_lies_within_the_project(tmp_path):
    experiment = plan_of(weights={"resnet18": ENTRY}).experiment
    with pytest.raises(UserError, match=r"weights.resnet18.path: weights/a.safetensors` is no file"):
        files_to_send(experiment, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.safetensors").touch()
    (tmp_path / "weights").symlink_to("elsewhere")  # a link within the project is as good
    assert files_to_send(experiment, tmp_path) == [Path("weights/a.safetensors")]
    inside = plan_of(weights={"resnet18": ENTRY | {"path": str(ROOT / "config.yaml")}}).experiment
    with pytest.raises(UserError, match="leads out of the project"):
        files_to_send(inside, ROOT)
