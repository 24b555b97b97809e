"""Batches: uint8 images with labels or masks, in an order and with augmentation that depend on the seed and the epoch alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from kdml.common.errors import UserError
from kdml.data.arrays import Arrays, Part
from kdml.learning.augment import Augmenter
from kdml.learning.loading import begin_loading, loaded

NO_ROWS = np.zeros(0, dtype=np.int64)


class Batch(NamedTuple):
    """Images (b, 3, h, w) uint8 in channels-last memory; targets (b,) int64 or masks (b, 1, h, w) uint8; their rows, if told."""

    images: Tensor
    targets: Tensor
    rows: np.ndarray = NO_ROWS


class Sample(NamedTuple):
    """Everything that decides one sample; it travels to the worker, so that workers need no state."""

    row: int
    label: int
    epoch: int
    position: int


@dataclass(frozen=True)
class Samples(Dataset):
    """Looks samples up in the arrays; augments where an augmenter is given."""

    arrays: Arrays
    augmenter: Augmenter | None = None

    def __getitem__(self, sample: Sample) -> tuple[np.ndarray, np.ndarray | int]:
        image = self.arrays.images[sample.row]
        mask = None if self.arrays.masks is None else self.arrays.masks[sample.row]
        if self.augmenter is not None:
            image, mask = self.augmenter(image, mask, sample.epoch, sample.position)
        return image, sample.label if mask is None else mask


def collate(samples: list[tuple[np.ndarray, np.ndarray | int]]) -> Batch:
    """Stack samples; the channels-last memory of the arrays is kept, which convolutions like best."""
    images = torch.from_numpy(np.stack([image for image, _ in samples])).permute(0, 3, 1, 2)
    targets = torch.from_numpy(np.stack([np.asarray(target) for _, target in samples]))
    return Batch(images, targets.unsqueeze(1) if targets.ndim == 3 else targets)


def balanced(part: Part, seed: int) -> Part:
    """Each class over- or under-sampled to the mean class size (section A.6 of the paper); for training rows only.

    Over-sampling repeats every image equally often before it repeats one more; under-sampling draws without replacement.
    """
    generator = np.random.default_rng([seed, 1])
    classes, counts = np.unique(part.labels, return_counts=True)
    size = round(float(counts.mean()))
    chosen = []
    for label in classes:
        members = np.flatnonzero(part.labels == label)
        repeats, rest = divmod(size, len(members))
        chosen += [np.repeat(members, repeats), generator.choice(members, rest, replace=False)]
    order = np.sort(np.concatenate(chosen))
    return Part(part.rows[order], part.labels[order])


def class_weights(part: Part, classes: int) -> Tensor:
    """Weight of each class inversely to its share, mean 1 over the samples: (classes,) float32."""
    counts = np.bincount(part.labels, minlength=classes)
    return torch.tensor(len(part) / (classes * np.maximum(counts, 1)), dtype=torch.float32)


class TrainingBatches:
    """Shuffled, augmented batches of any epoch, from any step on.

    Args:
        arrays: of the dataset.
        part: training rows, balanced already if the task asks for it.
        augmenter: seeded per sample.
        batch_size: images per step; the last batch of an epoch may be smaller.
        seed: of the run; decides the order together with the epoch.
        workers: loading processes; results do not depend on it.
        pin: page-locked batches, for a GPU.
        whole: leave out the last batch of an epoch where it is smaller than the others.

    Raises:
        UserError: only whole batches are wanted, and there are not images enough for one.
    """

    def __init__(
        self,
        arrays: Arrays,
        part: Part,
        augmenter: Augmenter,
        batch_size: int,
        seed: int,
        workers: int,
        pin: bool,
        whole: bool = False,
    ):
        self.part, self.batch_size, self.seed = part, batch_size, seed
        self.steps = len(part) // batch_size if whole else -(-len(part) // batch_size)
        if not self.steps:
            raise UserError(
                f"{len(part)} training images make no batch of {batch_size}.", "lower `training.batch_size`"
            )
        self.order = _Order()
        self.loader = DataLoader(
            Samples(arrays, augmenter),
            batch_sampler=self.order,
            collate_fn=collate,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=pin,
            worker_init_fn=begin_loading,
        )

    def __len__(self) -> int:
        """Steps per epoch."""
        return self.steps

    @property
    def smallest(self) -> int:
        """Images of the smallest batch."""
        return len(self.part) - (self.steps - 1) * self.batch_size if self.images == len(self.part) else self.batch_size

    @property
    def images(self) -> int:
        """Images per epoch."""
        return min(len(self.part), self.steps * self.batch_size)

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """Batches of an epoch, without the steps before `first_step`: what a resumed run continues with."""
        generator = np.random.default_rng([self.seed, 0, epoch])
        positions = generator.permutation(len(self.part))
        samples = [Sample(int(self.part.rows[p]), int(self.part.labels[p]), epoch, int(p)) for p in positions]
        batches = [samples[start : start + self.batch_size] for start in range(0, len(samples), self.batch_size)]
        self.order.batches = batches[first_step : self.steps]
        for chosen, batch in zip(self.order.batches, loaded(self.loader), strict=True):
            yield batch._replace(rows=np.array([sample.row for sample in chosen]))


class _Order:
    """Batch sampler whose batches are set before each epoch."""

    def __init__(self) -> None:
        self.batches: list[list[Sample]] = []

    def __iter__(self) -> Iterator[list[Sample]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def evaluation_batches(arrays: Arrays, part: Part, batch_size: int) -> Iterator[Batch]:
    """Batches of a part in its own order, as they are."""
    samples = Samples(arrays)
    for start in range(0, len(part), batch_size):
        rows, labels = part.rows[start : start + batch_size], part.labels[start : start + batch_size]
        chosen = [Sample(int(row), int(label), 0, 0) for row, label in zip(rows, labels, strict=True)]
        yield collate([samples[sample] for sample in chosen])._replace(rows=rows)
