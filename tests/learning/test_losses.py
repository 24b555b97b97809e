"""Losses against golden values (computed elsewhere in float64), hand-made cases and closed forms."""

import math

import pytest
import torch

from kdml.learning import losses


def wave(function, factor, shift, shape, scale=1.0):
    index = torch.arange(math.prod(shape), dtype=torch.float64)
    return (scale * function(factor * index + shift)).reshape(shape)


LOGITS_S = wave(torch.sin, 0.9, 0.2, (4, 3), scale=3)
LOGITS_T = wave(torch.cos, 0.4, 0.0, (4, 3), scale=3)
MAPS_S = wave(torch.sin, 0.7, 0.1, (4, 6, 4, 4))
MAPS_T = wave(torch.cos, 0.3, 0.0, (4, 6, 4, 4))


@pytest.mark.parametrize(
    ("direction", "golden"), [("source_first", 1.596766306579767), ("learner_first", 1.2906752523616452)]
)
def test_divergence_golden(direction, golden):
    value = losses.predictions_divergence(LOGITS_S, LOGITS_T, 2.0, direction, scale_by_t2=True)
    assert value.item() == pytest.approx(golden, rel=1e-12)
    unscaled = losses.predictions_divergence(LOGITS_S, LOGITS_T, 2.0, direction, scale_by_t2=False)
    assert unscaled.item() == pytest.approx(golden / 4, rel=1e-12)


def test_feature_distance_golden():
    assert losses.features_distance(MAPS_S, MAPS_T).item() == pytest.approx(0.9861446762495408, rel=1e-12)


@pytest.mark.parametrize("direction", ["learner_first", "source_first"])
def test_binary_divergence_equals_two_classes(direction):
    """One foreground logit z is the two-class problem [0, z], pixel by pixel."""
    learner, source = MAPS_S[:, :1], MAPS_T[:, :1]
    as_rows = [torch.stack([torch.zeros(z.numel(), dtype=z.dtype), z.flatten()], dim=1) for z in (learner, source)]
    binary = losses.predictions_divergence(learner, source, 2.0, direction)
    assert binary.item() == pytest.approx(losses.predictions_divergence(*as_rows, 2.0, direction).item(), rel=1e-12)


def test_divergence_of_equal_networks_is_zero_and_of_extreme_logits_finite():
    assert losses.predictions_divergence(LOGITS_T, LOGITS_T).item() == pytest.approx(0, abs=1e-15)
    extreme = torch.tensor([[1e4, -1e4]])
    assert torch.isfinite(losses.predictions_divergence(extreme, -extreme, scale_by_t2=True))
    assert torch.isfinite(
        losses.predictions_divergence(extreme[..., None, None][:, :1], -extreme[..., None, None][:, :1])
    )


def test_focal_dice_by_hand():
    """Two pixels with p = 0.8 on a lesion and 0.4 off it."""
    logits = torch.tensor([0.8, 0.4], dtype=torch.float64).logit().reshape(1, 1, 1, 2)
    mask = torch.tensor([1, 0], dtype=torch.uint8).reshape(1, 1, 1, 2)
    per_pixel = [0.2**2 * -math.log(0.8), 0.4**2 * -math.log(0.6)]
    dice = 1 - (2 * 0.8 + 1e-5) / (0.8**2 + 0.4**2 + 1 + 1e-5)
    assert losses.focal_dice(logits, mask).item() == pytest.approx(sum(per_pixel) / 2 + dice, rel=1e-9)
    assert losses.focal_dice(logits, mask, reduction="sum").item() == pytest.approx(sum(per_pixel) + dice, rel=1e-9)
    linear = 1 - (2 * 0.8 + 1e-5) / (0.8 + 0.4 + 1 + 1e-5)
    stock = (0.25 * per_pixel[0] + 0.75 * per_pixel[1]) / 2 + linear
    assert losses.focal_dice_stock(logits, mask).item() == pytest.approx(stock, rel=1e-9)


def test_focal_dice_of_perfect_empty_and_hopeless_masks():
    right = torch.full((2, 1, 4, 4), -40.0)
    empty = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    assert losses.focal_dice(right, empty).item() == pytest.approx(0, abs=1e-6)
    assert losses.focal_dice(-right, empty).item() > 1
    logits = (-right).requires_grad_()
    losses.focal_dice(logits, empty).backward()
    assert torch.isfinite(logits.grad).all()


def test_class_weights_shift_the_cross_entropy():
    logits, target = torch.zeros(2, 2), torch.tensor([0, 1])
    assert losses.cross_entropy(logits, target).item() == pytest.approx(math.log(2))
    biased = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
    plain = losses.cross_entropy(biased, target).item()
    assert losses.cross_entropy(biased, target, torch.tensor([3.0, 1.0])).item() < plain
