"""Batches of one image, which BatchNorm cannot take where the maps have one pixel."""

from contextlib import suppress

import torch
from torch import Tensor, nn

from kdml.common.errors import UserError
from kdml.learning.batches import Sample, TrainingBatches, collate
from kdml.learning.cohort import Cohort


def check_last_batch(cohort: Cohort, batches: TrainingBatches) -> None:
    """Refuse a last batch of one image of which a layer would see one value per channel: torch would do so after a whole epoch.

    Nothing changes where it can be taken: the networks and the random state are as they were.

    Args:
        cohort: networks of the run, on the CPU.
        batches: that they are to be trained on.

    Raises:
        UserError: names the layer.
    """
    if batches.smallest != 1:
        return
    if single := _single_values(cohort, batches):
        raise UserError(
            f"{len(batches.part)} training images in batches of {batches.batch_size} leave one image for the last, of which"
            f" BatchNorm ({single[0]}) would see one value per channel, and find no spread.",
            "choose another `training.batch_size`, or larger images (`datasets: image_size`)",
        )


def _single_values(cohort: Cohort, batches: TrainingBatches) -> list[str]:
    """Names of the layers that see one value per channel, found by a step with one image that is taken back."""
    found: list[str] = []

    def watched(name: str):
        def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if layer.training and inputs[0].numel() == inputs[0].shape[1]:
                found.append(name)

        return note

    layers = [(name, one) for name, one in cohort.named_modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)]
    hooks = [layer.register_forward_pre_hook(watched(name)) for name, layer in layers]
    before = {key: value.clone() for key, value in cohort.state_dict().items()}
    batch = collate([batches.loader.dataset[Sample(int(batches.part.rows[0]), int(batches.part.labels[0]), 0, 0)]])
    training = cohort.training
    # What else may fail with one image is no matter here: the training says it where it happens.
    with torch.random.fork_rng(devices=[]), torch.no_grad(), suppress(Exception):
        cohort.train()
        cohort.losses(cohort(batch.images), batch.targets)
    cohort.train(training)
    cohort.load_state_dict(before)
    for hook in hooks:
        hook.remove()
    return found
