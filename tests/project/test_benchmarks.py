"""What `benchmarks/gpu.py` asks of a card, on a CPU: it is run by hand, seldom, and every minute with a card counts."""

import argparse
import importlib
import sys

import pytest
import torch
from experiments import ROOT

OPTIONS = argparse.Namespace(device="cpu", size=32, steps=1, rounds=2, threads=1, similarity_images=8)


@pytest.fixture
def gpu(monkeypatch):
    """The benchmark as a module, with the classifiers alone and one run, which are enough to see that it goes."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    before = set(sys.modules)
    module = importlib.import_module("gpu")
    monkeypatch.setattr(module, "TASKS", {"classification": "hcd"})
    monkeypatch.setattr(
        module, "every_run", lambda options: [("classification: kd_ml_v3", module.settings_of(options))]
    )
    yield module
    for name in {"gpu", "common", "engine", "methods"} - before:
        del sys.modules[name]


@pytest.mark.parametrize("part", ["machine", "steps", "bits", "speed", "beside_eager", "similarity"])
def test_a_part_goes_on_a_cpu(gpu, part, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "rate", lambda step, images, options: (step(), 1.0)[1])
    assert gpu.PARTS[part](OPTIONS, tmp_path)


def test_what_a_card_reads_without_waiting_lies_in_pinned_memory(gpu, monkeypatch):
    """A batch has more than tensors; pinning needs a card, so that its place is taken here."""
    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: pinned.append(tensor) or tensor)
    batch = importlib.import_module("common").one_batch(
        gpu.settings_of(argparse.Namespace(device="cuda", threads=1)), 32
    )
    assert [tensor.shape for tensor in pinned] == [batch.images.shape, batch.targets.shape]
