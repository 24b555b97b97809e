"""Trainings whose numbers leave the finite: what is to blame, and what becomes of their checkpoint."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from kdml.common.errors import UserError
from kdml.learning.batches import Batch
from kdml.learning.cohort import Cohort
from kdml.runs.graph import TEACHER, TeacherMode


@torch.inference_mode()
def explained(cohort: Cohort, batch: Batch, device: str, epoch: int, broken: Sequence[str]) -> UserError:
    """What to say of losses that are no finite numbers: a frozen teacher is to blame where its outputs are none, else the rate.

    Args:
        cohort: networks of the run, on `device`.
        batch: of images to try the teacher on.
        device: as torch names it.
        epoch: in which it was found, counted from 1.
        broken: terms of the losses, such as `s1.total`; the first is named.
    """
    problem = f"Epoch {epoch}: the loss {broken[0]} is not a finite number"
    if cohort.graph.teacher is TeacherMode.FROZEN:
        outputs = cohort.eval().networks[TEACHER](batch.images.to(device))
        if not all(torch.isfinite(output).all() for output in outputs):
            return UserError(
                f"{problem}, because the outputs of the frozen teacher are none.",
                "train the teacher again, at a lower `training.learning_rate`, or give other weights",
            )
    return UserError(f"{problem}.", "lower `training.learning_rate`, or train with `precision: float32`")


def has_diverged(state: Any) -> bool:
    """Whether a saved state holds tensors with values that are no finite numbers: nothing can come of it.

    Args:
        state: nested mappings, lists and tensors.
    """
    if isinstance(state, Tensor):
        return state.is_floating_point() and not bool(torch.isfinite(state).all())
    if isinstance(state, Mapping):
        return any(map(has_diverged, state.values()))
    return isinstance(state, list | tuple) and any(map(has_diverged, state))
