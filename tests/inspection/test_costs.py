"""What networks cost and are made of, against known counts."""

import csv
import json

import pytest
import torch
from fabricated import call

from kdml.inspection import costs
from kdml.inspection.layers import describe
from kdml.learning.networks import build, parameter_count, save_networks
from kdml.runs.settings import Backbone, NetworkSettings, Sharing


def network(name, kind="classification", block=None):
    like = Backbone(timm=block) if block else None
    settings = NetworkSettings(architecture=name, backbone=Backbone(timm=name), block_like=like)
    return build(settings, kind, 2 if kind == "classification" else 1, Sharing(), None, seed=0)


@pytest.mark.parametrize(("name", "gmacs"), [("resnet18", 1.82), ("resnet50", 4.09), ("mobilenetv1_100", 0.57)])
def test_multiply_accumulates_are_the_known_ones(name, gmacs):
    assert costs.multiply_accumulates(network(name), 224) / 1e9 == pytest.approx(gmacs, abs=0.03)


def test_two_students_against_the_teacher_as_the_paper_counts():
    """Claim 10 says 15 and 63 %: two ResNet18 with the three-layer head that the paper's other counts ask for save less."""
    for student, saved in (("resnet18", 4.6), ("mobilenetv1_100", 64.7)):
        teacher = parameter_count(network("resnet50", block=student))
        assert 100 * (1 - 2 * parameter_count(network(student)) / teacher) == pytest.approx(saved, abs=0.1), student


def test_size_on_disk_is_that_of_the_file(tmp_path):
    small = network("resnet18")
    save_networks(tmp_path / "n.safetensors", {"network": small})
    assert costs.bytes_on_disk(small) == (tmp_path / "n.safetensors").stat().st_size > 4 * parameter_count(small)


def test_latency_adds_up_and_leaves_the_network_alone():
    torch.set_num_threads(1)
    small = network("resnet18")
    before = {name: value.clone() for name, value in small.state_dict().items()}
    taken = costs.latencies({"one": [small], "two": [small, small]}, 64, repeats=9)
    assert list(taken) == ["one", "two"] and 0 < taken["one"] < taken["two"]
    assert all(torch.equal(value, before[name]) for name, value in small.state_dict().items())


class Recorder(torch.nn.Module):
    """A network that notes that it was called, and how long it took by a clock of the test."""

    def __init__(self, name, calls, clock, seconds):
        super().__init__()
        self.name, self.calls, self.clock, self.seconds = name, calls, clock, seconds

    def forward(self, image):
        assert image.shape == (1, 3, 16, 16) and not self.training and torch.is_inference_mode_enabled()
        self.calls.append(self.name)
        self.clock["now"] += self.seconds(len(self.calls))
        return image


def test_groups_take_turns(monkeypatch):
    """A machine that slows down for a while slows all of them, and the first turns do not count."""
    calls, clock = [], {"now": 0.0}
    monkeypatch.setattr(costs.time, "perf_counter", lambda: clock["now"])
    slow_at_first = 3 * costs.WARM_UP  # calls
    seconds = {
        "t": lambda call: 9 if call <= slow_at_first else 0.004,
        "s": lambda call: 9 if call <= slow_at_first else 0.001,
    }
    teacher, student = (Recorder(name, calls, clock, seconds[name]) for name in ("t", "s"))
    taken = costs.latencies({"teacher": [teacher], ("ensemble", 2): [student, student]}, 16, repeats=3)
    assert calls == ["t", "s", "s"] * (costs.WARM_UP + 3)
    assert taken == pytest.approx({"teacher": 4, ("ensemble", 2): 2})


def test_layers_of_the_papers_classifiers():
    teacher = describe(network("resnet50", block="resnet18"), 224)
    assert teacher["stem", "112"] == "7×7, 64"
    assert teacher["encoder", "56"] == "[1×1, 64; 3×3, 64; 1×1, 256] × 3"
    assert teacher["encoder", "14"] == "[1×1, 256; 3×3, 256; 1×1, 1024] × 6"
    assert teacher["extra block", "7"] == "1×1, 512"
    assert teacher["head", "1"] == "average pool; dense 1024; dense 512; dense 2"
    student = describe(network("resnet18"), 224)
    assert student["encoder", "7"] == "[3×3, 512; 3×3, 512] × 2" and ("extra block", "7") not in student


def test_layers_of_the_papers_u_net():
    rows = describe(network("resnet18", "segmentation"), 256)
    assert rows["decoder", "16"] == "3×3, 256; 3×3, 256" and rows["decoder", "256"] == "3×3, 16; 3×3, 16"
    assert rows["head", "256"] == "3×3, 1" and rows["encoder", "8"].endswith("× 2")
    assert "dw" in describe(network("mobilenetv1_100"), 224)["encoder", "14"]


def test_a_teacher_alone_has_costs_of_its_own(tmp_path):
    """The script's rows: teacher, the same without its block, student, and ensembles of each size."""
    options = {"channels": [8, 8, 8, 16], "layers": [1, 1, 1, 1]}
    backbones = {"teacher": Backbone(timm="resnet18", options=options | {"channels": [16, 16, 16, 32]}), "student": Backbone(timm="resnet18", options=options)}  # fmt: skip
    networks = {
        name: NetworkSettings(
            architecture=name, backbone=backbone, block_like=backbones["student"] if name == "teacher" else None
        ).model_dump(mode="json")
        for name, backbone in backbones.items()
    }
    described = networks | {
        "kind": "classification", "outputs": 2, "size": 32, "students": [3, 2, 2],
        "titles": {"teacher": "Big = {or} not", "student": "Small"},
    }  # fmt: skip
    assert call("networks", "--pairs", json.dumps({"t/p": described}), "--out", tmp_path) == (0, "")
    rows = list(csv.DictReader((tmp_path / "t/p/costs.csv").read_text().splitlines()))
    assert [(row["network"], row["students"]) for row in rows] == [
        ("teacher", "0"), ("teacher_alone", "0"), ("student", "1"), ("ensemble", "2"), ("ensemble", "3"),
    ]  # fmt: skip
    teacher, alone, student, two, three = (int(row["parameters"]) for row in rows)
    assert student < alone and teacher != alone and (two, three) == (2 * student, 3 * student)
    heads = list(
        csv.DictReader((tmp_path / "heads.csv").read_text().splitlines())
    )  # of the paper's networks, whatever the pairs
    assert len(heads) == 16 and {row["place"] for row in heads} == {"hcd/resnet18", "hcd/mobilenet"}
    settings = {name: NetworkSettings.model_validate(value) for name, value in networks.items()}
    expected = [settings["teacher"], settings["teacher"].model_copy(update={"block_like": None})]
    for count, one in zip((teacher, alone), expected, strict=True):
        assert count == parameter_count(build(one, "classification", 2, Sharing(), None, seed=0))
    assert float(rows[0]["saved"]) == 0 and float(rows[3]["saved"]) == pytest.approx(
        100 * (1 - two / teacher), abs=1e-3
    )
    layers = list(csv.DictReader((tmp_path / "t/p/layers.csv").read_text().splitlines()))
    assert list(layers[0]) == ["part", "output", "Big = {or} not", "Small"] and layers[-1]["part"] == "parameters"
