"""Parameters of the paper's networks by how they end."""

import pytest

from kdml.analysis.scores_by_cost import saved
from kdml.inspection import heads
from kdml.learning.networks import build, parameter_count
from kdml.paper.numbers import BACKBONES
from kdml.runs.settings import Backbone, NetworkSettings, Sharing


@pytest.fixture(scope="module")
def found():
    places = {"hcd/resnet18": BACKBONES["resnet18"], "hcd/mobilenet": BACKBONES["mobilenet"]}
    rows = list(heads.counted(BACKBONES["resnet50"], places, 2))
    return {tuple(row[name] for name in heads.COLUMNS[:4]): (row["teacher"], row["students"]) for row in rows}


def test_every_reading_is_counted(found):
    """Two ResNet18 save 15 % only with linear heads beside a teacher with the paper's head and without its block."""
    percent = {key: round(saved(both, teacher), 1) for key, (teacher, both) in found.items()}
    assert len(percent) == 16
    assert percent["hcd/resnet18", "paper", "linear", 0] == 14.6
    assert percent["hcd/resnet18", "paper", "paper", 1] == 4.6
    assert percent["hcd/resnet18", "linear", "linear", 1] == 9.1
    assert percent["hcd/mobilenet", "paper", "paper", 1] == 64.7
    assert percent["hcd/mobilenet", "paper", "linear", 0] == 75.3


def test_counts_are_those_of_networks_with_memory(found):
    tiny = NetworkSettings(architecture="m", backbone=Backbone(timm="mobilenetv1_100"), head="linear")
    real = parameter_count(build(tiny, "classification", 2, Sharing(), None, seed=0))
    assert {both for key, (_, both) in found.items() if key[0] == "hcd/mobilenet" and key[2] == "linear"} == {2 * real}
