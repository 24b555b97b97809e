"""The device that a run is given."""

import pytest
import torch
from small import settings_of as of_graph
from small import variant_graph

from kdml.common.errors import UserError
from kdml.learning.build import choose_device


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    """Torch sees none, and its settings are left as they were."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    deterministic = torch.are_deterministic_algorithms_enabled()
    yield
    torch.use_deterministic_algorithms(deterministic)


@pytest.mark.parametrize("given", ["0", "3,4", "GPU-8932f937"])
def test_a_gpu_that_was_given_and_is_not_seen_is_no_cpu(monkeypatch, given):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    with pytest.raises(UserError, match=f"given a GPU .CUDA_VISIBLE_DEVICES={given}., but torch sees none"):
        choose_device(of_graph(variant_graph("ml_v1"), device="auto"))
    assert choose_device(of_graph(variant_graph("ml_v1"), device="cpu")) == "cpu"


@pytest.mark.parametrize("given", [None, "", "-1", "NoDevFiles"])
def test_without_a_gpu_it_is_the_cpu(monkeypatch, given):
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert choose_device(of_graph(variant_graph("ml_v1"), device="auto")) == "cpu"


def test_cuda_that_was_asked_for_is_not_replaced():
    with pytest.raises(UserError, match="torch sees no GPU"):
        choose_device(of_graph(variant_graph("ml_v1"), device="cuda"))
