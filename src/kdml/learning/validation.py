"""Validation scores of a run's learners: accuracy, or pooled IoU (of several classes its mean over them).

They choose weights, schedule and stop; test data never do.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from kdml.learning.batches import Batch
from kdml.learning.cohort import Cohort
from kdml.learning.stored import Stored


@dataclass(frozen=True)
class Validation:
    """A learner's score (fraction) and its supervised loss, both over the whole validation part."""

    score: float
    loss: float


@torch.inference_mode()
def validate(
    cohort: Cohort, batches: Iterable[Batch], device: str, stored: Stored | None = None
) -> dict[str, Validation]:
    """Score every learner; a frozen teacher is not run.

    Counts are summed over all batches and divided once, so the score does not depend on the batch size.

    Args:
        cohort: networks of the run, on `device`.
        batches: of the validation part.
        device: as torch names it.
        stored: what frozen backbones give for the images, if it is.

    Returns:
        By learner.
    """
    cohort.eval()
    sums = {learner: torch.zeros(2, dtype=torch.float64, device=device) for learner in cohort.graph.learners}
    losses = dict.fromkeys(sums, 0.0)
    images = 0
    for batch in batches:
        inputs, targets = batch.images.to(device), batch.targets.to(device)
        known = {} if stored is None else stored.of(batch.rows, device)
        for learner in sums:
            logits = cohort.forward_one(learner, inputs, known).logits.float()
            sums[learner] = sums[learner] + _counts(logits, targets)
            losses[learner] += cohort.supervised_loss(logits, targets).double() * len(inputs)
        images += len(inputs)
    return {
        learner: Validation(score=_score(count), loss=float(losses[learner]) / images)
        for learner, count in sums.items()
    }


@torch.inference_mode()
def validate_loss(cohort: Cohort, batches: Iterable[Batch], device: str) -> float:
    """Mean over the images of the loss that the learners are trained on, where their outputs are of no use yet.

    Args:
        cohort: networks of the run, on `device`.
        batches: of the validation part.
        device: as torch names it.
    """
    cohort.eval()
    total, images = 0.0, 0
    for batch in batches:
        outputs = cohort(batch.images.to(device))
        total += cohort.losses(outputs, batch.targets.to(device)).total.double() * len(batch.images)
        images += len(batch.images)
    return float(total) / images


def _counts(logits: Tensor, targets: Tensor) -> Tensor:
    """(numerator, denominator) of accuracy for (b, K) logits, of IoU for (b, 1, h, w), of each class's for (b, K, h, w)."""
    if logits.ndim == 2:
        correct = (logits.argmax(dim=1) == targets).sum()
        return torch.stack([correct, correct.new_full((), len(targets))])
    if logits.shape[1] > 1:
        named = logits.argmax(dim=1, keepdim=True)
        each = ((named == number, targets == number) for number in range(1, logits.shape[1]))
        return torch.stack([torch.stack([(one & other).sum(), (one | other).sum()]) for one, other in each])
    predicted, truth = logits >= 0, targets > 0
    return torch.stack([(predicted & truth).sum(), (predicted | truth).sum()])


def _score(counts: Tensor) -> float:
    """Quotient of two counts; of several classes its mean over those that occur, true or predicted, if any does."""
    if counts.ndim == 1:
        return _ratio(*counts.tolist())
    occur = counts[counts[:, 1] > 0]
    return float((occur[:, 0] / occur[:, 1]).mean()) if len(occur) else 1.0


def _ratio(numerator: float, denominator: float) -> float:
    """Quotient of two counts; 1 where both are 0: with nothing to find and nothing found, a mask is right."""
    return numerator / denominator if denominator else 1.0
