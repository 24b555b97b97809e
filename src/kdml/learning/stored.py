"""What frozen backbones give for images that do not change from epoch to epoch, computed once per image.

Only networks of which the head alone is trained have such outputs: as the frozen teacher of others all that it gives, as a learner
the maps that its head begins with. Numbers do not depend on where a training was interrupted: images are taken in the order of
their rows, in batches of one size, before the first step.
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from kdml.data.arrays import Arrays, Part
from kdml.learning.batches import evaluation_batches
from kdml.learning.cohort import Cohort
from kdml.learning.networks import Network
from kdml.learning.precision import autocast
from kdml.runs.settings import Augmentation, Training

log = logging.getLogger(__name__)
LIMIT = 4 * 2**30  # bytes of memory; what needs more is computed in every step
BATCH = 32

Values = tuple[Tensor, ...]


class Stored:
    """Values of images by network.

    Args:
        rows: of the images in the arrays, ascending.
        values: by network, each tensor with an entry for every row.
    """

    def __init__(self, rows: np.ndarray, values: Mapping[str, Values]):
        self.rows, self.values = rows, values

    def of(self, rows: np.ndarray, device: str) -> dict[str, Values]:
        """Values of the images of a batch, by network; nothing where one of them is not among those stored.

        Args:
            rows: of the batch.
            device: as torch names it.
        """
        if not self.values or not np.isin(rows, self.rows).all():
            return {}
        places = torch.from_numpy(np.searchsorted(self.rows, rows))
        return {name: tuple(one[places].to(device) for one in values) for name, values in self.values.items()}


def is_off(augmentation: Augmentation) -> bool:
    """Whether training images stay as they are."""
    kinds = (augmentation.horizontal_flip, augmentation.vertical_flip, augmentation.transpose, augmentation.affine)
    return not any(kinds)


def stored(cohort: Cohort, arrays: Arrays, training: Part, validation: Part, settings: Training, device: str) -> Stored:
    """Compute what frozen backbones give: for images of validation, and for those of training where augmentation is off.

    Args:
        cohort: networks of the run, on `device`.
        arrays: of the dataset.
        training: rows to train on.
        validation: rows that choose weights, schedule and stop.
        settings: precision and augmentation.
        device: as torch names it.
    """
    names = cohort.storable
    parts = (training, validation) if is_off(settings.augmentation) else (validation,)
    rows = np.unique(np.concatenate([part.rows for part in parts]))
    if not names:
        return Stored(rows, {})
    was_training = cohort.training
    found = _computed(cohort.eval(), names, arrays, rows, settings, device)
    cohort.train(was_training)
    return Stored(rows, found)


@torch.no_grad()
def _computed(
    cohort: Cohort, names: Sequence[str], arrays: Arrays, rows: np.ndarray, settings: Training, device: str
) -> dict[str, Values]:
    found: dict[str, Values] = {}
    start = 0
    for batch in evaluation_batches(arrays, Part(rows, np.zeros_like(rows)), BATCH):
        with autocast(device, settings):
            images = batch.images.to(device)
            given = {name: _values(cohort, name, cohort.networks[name], images) for name in names}
        if not found:
            one = sum(tensor[0].numel() * tensor.element_size() for values in given.values() for tensor in values)
            if one * len(rows) > LIMIT:
                log.info(
                    "outputs of frozen backbones would take %.1f GiB: computed in every step", one * len(rows) / 2**30
                )
                return {}
            found = {name: tuple(_empty(len(rows), tensor) for tensor in values) for name, values in given.items()}
        for name, values in given.items():
            for kept, tensor in zip(found[name], values, strict=True):
                kept[start : start + len(images)] = tensor.cpu()
        start += len(images)
    log.info("outputs of frozen backbones (%s) computed once for %d images", ", ".join(names), len(rows))
    return found


def _values(cohort: Cohort, name: str, network: Network, images: Tensor) -> Values:
    return network.from_backbone(images) if name in cohort.graph.supervised else tuple(network(images))


def _empty(count: int, like: Tensor) -> Tensor:
    layout = torch.channels_last if like.ndim == 4 else torch.contiguous_format
    return torch.empty((count, *like.shape[1:]), dtype=like.dtype, memory_format=layout)
