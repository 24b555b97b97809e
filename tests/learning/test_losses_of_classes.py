"""Losses of masks with several exclusive classes: with two they are those of one class, with more they are made of known parts."""

import math

import pytest
import torch
import torch.nn.functional as F

from kdml.learning import losses
from kdml.learning.batches import Batch
from kdml.learning.prediction import _probabilities
from kdml.learning.validation import _counts, _score, validate

SHAPE = (3, 1, 8, 8)


def drawn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def as_two(logit, seed=9):
    """Logits of two classes whose difference is one logit; what both have in common must not count."""
    common = 5 * drawn(seed, *logit.shape)
    return torch.cat([common, common + logit], dim=1)


MASK = (drawn(1, *SHAPE) > 0.4).to(torch.uint8)
FORMS = {
    "paper": (losses.focal_dice, losses.focal_dice_of_classes, {}),
    "sum": (losses.focal_dice, losses.focal_dice_of_classes, {"reduction": "sum"}),
    "stock": (losses.focal_dice_stock, losses.focal_dice_stock_of_classes, {}),
    "cross-entropy": (losses.focal_dice, losses.focal_dice_of_classes, {"exponent": 0.0}),
}


@pytest.mark.parametrize("mask", [MASK, torch.zeros_like(MASK), torch.ones_like(MASK)], ids=["some", "none", "all"])
@pytest.mark.parametrize(("of_one", "of_classes", "options"), FORMS.values(), ids=FORMS)
def test_two_classes_are_one_logit(of_one, of_classes, options, mask):
    """The same value; the gradient to the second logit is that to the one, to the first its negative."""
    logit = (3 * drawn(0, *SHAPE)).requires_grad_()
    both = as_two(logit.detach()).requires_grad_()
    one, two = of_one(logit, mask, **options), of_classes(both, mask, **options)
    assert two.item() == pytest.approx(one.item(), rel=1e-12)
    one.backward()
    two.backward()
    torch.testing.assert_close(both.grad[:, 1:], logit.grad, rtol=1e-9, atol=1e-15)
    torch.testing.assert_close(both.grad[:, :1], -logit.grad, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("direction", ["learner_first", "source_first"])
def test_divergence_over_two_classes_is_that_of_one_logit(direction, scaled):
    learner, source = (2 * drawn(2, *SHAPE)).requires_grad_(), 2 * drawn(3, *SHAPE)
    both = as_two(learner.detach()).requires_grad_()
    one = losses.predictions_divergence(learner, source, 2.0, direction, scaled)
    two = losses.predictions_divergence(both, as_two(source, 8), 2.0, direction, scaled)
    assert two.item() == pytest.approx(one.item(), rel=1e-12)
    one.backward()
    two.backward()
    torch.testing.assert_close(both.grad[:, 1:], learner.grad, rtol=1e-9, atol=1e-15)
    torch.testing.assert_close(both.grad[:, :1], -learner.grad, rtol=1e-9, atol=1e-15)


def test_four_classes_are_focal_losses_and_the_mean_of_dice_losses():
    logits, mask = drawn(4, 2, 4, 8, 8), torch.randint(0, 4, (2, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    mask = mask.to(torch.uint8)
    probability = logits.softmax(dim=1)
    entropy = F.cross_entropy(logits, mask.squeeze(1).long(), reduction="none")
    focal = (1 - torch.exp(-entropy)) ** 2 * entropy
    dice, linear = [], []
    for number in (1, 2, 3):  # without the background
        p, truth = probability[:, number], (mask.squeeze(1) == number).double()
        dice.append(1 - (2 * (p * truth).sum() + 1e-5) / ((p**2).sum() + truth.sum() + 1e-5))
        linear.append(1 - (2 * (p * truth).sum() + 1e-5) / (p.sum() + truth.sum() + 1e-5))
    expected = focal.mean() + sum(dice) / 3
    assert losses.focal_dice_of_classes(logits, mask).item() == pytest.approx(expected.item(), rel=1e-12)
    balance = torch.where(mask.squeeze(1) > 0, 0.25, 0.75)
    stock = (balance * focal).mean() + sum(linear) / 3
    assert losses.focal_dice_stock_of_classes(logits, mask).item() == pytest.approx(stock.item(), rel=1e-12)


def test_divergence_of_four_classes_is_that_of_as_many_pixels():
    learner, source = drawn(5, 2, 4, 3, 3), drawn(6, 2, 4, 3, 3)
    rows = [one.permute(0, 2, 3, 1).reshape(-1, 4) for one in (learner, source)]
    assert losses.predictions_divergence(learner, source).item() == pytest.approx(
        losses.predictions_divergence(*rows).item(), rel=1e-12
    )


def test_score_is_the_mean_over_classes_that_occur():
    named = torch.tensor([[0, 1, 1, 2], [0, 0, 2, 2]])[None]
    truth = torch.tensor([[0, 1, 0, 2], [0, 0, 2, 0]], dtype=torch.uint8)[None, None]
    logits = F.one_hot(named, 4).permute(0, 3, 1, 2).float()
    counts = _counts(logits, truth)
    assert counts.tolist() == [[1, 2], [2, 3], [0, 0]]
    assert _score(counts) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert _score(torch.zeros(3, 2)) == 1.0


@pytest.mark.parametrize("size", [1, 2, 5])
def test_two_classes_are_scored_as_one_logit(size):
    """Whatever the batches are."""
    logits, masks = drawn(7, 5, 1, 8, 8), (drawn(8, 5, 1, 8, 8) > 0).to(torch.uint8)

    class Cohort(torch.nn.Module):
        def __init__(self, form, loss):
            super().__init__()
            self.networks = {"s1": lambda images: type("Output", (), {"logits": form(logits[images.long()])})}
            self.graph = type("Graph", (), {"learners": ("s1",)})
            self.supervised_loss = loss

        def forward_one(self, name, images, known):
            return self.networks[name](images)

    places = torch.arange(5).split(size)
    batches = [Batch(place, masks[place]) for place in places]
    one = validate(Cohort(lambda found: found, losses.focal_dice), batches, "cpu")["s1"]
    two = validate(Cohort(as_two, losses.focal_dice_of_classes), batches, "cpu")["s1"]
    assert two.score == pytest.approx(one.score, rel=1e-12) and two.loss == pytest.approx(one.loss, rel=1e-6)


def test_masks_are_stored_without_loss():
    """The class of a pixel is the same, also where two probabilities fall into one step, and steps are those of one class."""
    logits = 0.05 * drawn(10, 2, 4, 64, 64).float()
    stored = _probabilities(logits)
    assert stored.shape == (2, 4, 64, 64) and stored.dtype == "uint8"
    chances = logits.softmax(dim=1).numpy()
    assert (stored.argmax(axis=1) == chances.argmax(axis=1)).all()
    apart = (chances * 256).astype("uint8") - stored
    assert set(apart.ravel().tolist()) == {0, 1} and apart.mean() < 0.2
    logit = drawn(11, 2, 1, 16, 16)
    one, two = _probabilities(logit), _probabilities(as_two(logit))
    assert ((one >= 128) == two.argmax(axis=1)).all() and abs(one.astype(int) - two[:, 1]).max() <= 1
    assert math.isclose(two.sum(axis=1).mean(), 255, abs_tol=0.1)
