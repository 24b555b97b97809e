"""Maps are pooled down to the same bits as by adaptive pooling, forwards and backwards, by a kernel that is deterministic on GPUs."""

import pytest
import torch
import torch.nn.functional as F

from kdml.learning.methods.base import pool_down


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("have", "want"), [((8, 8), (4, 4)), ((7, 7), (1, 1)), ((12, 8), (3, 4)), ((56, 56), (14, 14)), ((7, 5), (3, 2))]
)
def test_bits_are_those_of_adaptive_pooling(have, want, memory):
    torch.manual_seed(0)
    first = torch.randn(3, 5, *have).to(memory_format=memory).requires_grad_()
    second = first.detach().clone().requires_grad_()
    ours, theirs = pool_down(first, want), F.adaptive_avg_pool2d(second, want)
    gradient = torch.randn_like(theirs)
    ours.backward(gradient)
    theirs.backward(gradient)
    assert torch.equal(ours, theirs) and torch.equal(first.grad, second.grad)


def test_where_sizes_divide_nothing_is_adaptive(monkeypatch):
    """The backward of adaptive pooling adds up in any order on a GPU."""
    monkeypatch.setattr(F, "adaptive_avg_pool2d", None)
    assert pool_down(torch.ones(1, 1, 8, 6), (4, 9)).shape == (1, 1, 4, 6)
