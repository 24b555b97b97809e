"""Test-set outputs of trained networks: probabilities, as they are stored once and read by everything later."""

from collections.abc import Mapping

import numpy as np
import torch

from kdml.common.errors import UserError
from kdml.data.arrays import Arrays, Part
from kdml.learning.batches import evaluation_batches
from kdml.learning.cohort import Cohort
from kdml.learning.engine import EVALUATION_BATCH
from kdml.learning.precision import autocast
from kdml.runs.predictions import quantise, quantise_classes
from kdml.runs.settings import Training


@torch.inference_mode()
def predict(cohort: Cohort, arrays: Arrays, part: Part, training: Training, device: str) -> Mapping[str, np.ndarray]:
    """Outputs of every network of a run for the rows of a part.

    Args:
        cohort: networks of the run, on `device`.
        arrays: prepared images.
        part: rows to predict.
        training: its precision counts.
        device: as torch names it.

    Raises:
        UserError: a network predicts values that are no numbers.

    Returns:
        By network: class probabilities (n, K) float32; or foreground probabilities (n, h, w), of several classes (n, K, h, w),
        quantised to uint8.
    """
    cohort.eval()
    outputs: dict[str, list[np.ndarray]] = {name: [] for name in cohort.graph.networks}
    for batch in evaluation_batches(arrays, part, EVALUATION_BATCH):
        with autocast(device, training):
            results = cohort(batch.images.to(device))
        for name, result in results.items():
            if not torch.isfinite(result.logits).all():  # quantised masks could not say so any more
                remedy = "lower the `training.learning_rate` of the run that trained it, or use `precision: float32`"
                raise UserError(f"Network {name} predicts values that are no numbers.", remedy)
            outputs[name].append(_probabilities(result.logits.float()))
    return {name: np.concatenate(pieces) for name, pieces in outputs.items()}


def _probabilities(logits: torch.Tensor) -> np.ndarray:
    if logits.ndim == 2:
        return logits.softmax(dim=1).cpu().numpy()
    if logits.shape[1] > 1:
        return quantise_classes(logits.softmax(dim=1).cpu().numpy())
    return quantise(logits.sigmoid().squeeze(1).cpu().numpy())
