"""Random changes of a training image and its mask, decided by (seed, epoch, position) alone.

albumentations keeps one random state per pipeline, which makes results depend on the number of worker processes and repeats them
every epoch. Here the state is set anew for every sample, so a sample looks the same whoever loads it and whenever a run resumes.
"""

import os
import random

import numpy as np

from kdml.runs.settings import Augmentation

# albumentations asks the package index for a newer version at import: a delay, and an error without a network.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")


class Augmenter:
    """Flips, transpose, rotation, shift and scale (section 4.2 of the paper), seeded per sample.

    Args:
        settings: probabilities and ranges.
        seed: of the run.
    """

    def __init__(self, settings: Augmentation, seed: int):
        self.pipeline = pipeline(settings)
        self.seed = seed

    def __call__(
        self, image: np.ndarray, mask: np.ndarray | None, epoch: int, position: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Change an image (h, w, 3) uint8 and its mask (h, w) uint8 alike.

        Args:
            image: pixels.
            mask: class of each pixel, 0 the background; None in classification.
            epoch: counted from 0.
            position: of the sample in the run's list of training rows.
        """
        key = (self.seed, epoch, position)
        generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
        self.pipeline.set_random_state(generator, random.Random(int(generator.integers(2**63))))
        changed = self.pipeline(image=image) if mask is None else self.pipeline(image=image, mask=mask)
        return changed["image"], changed.get("mask")


def pipeline(settings: Augmentation):
    """The albumentations pipeline of the settings, unseeded."""
    import albumentations as A
    import cv2

    cv2.setNumThreads(0)  # one image at a time is too small to share between threads
    return A.Compose(
        [
            A.HorizontalFlip(p=settings.horizontal_flip),
            A.VerticalFlip(p=settings.vertical_flip),
            A.Transpose(p=settings.transpose),
            A.Affine(
                rotate=(-settings.rotation, settings.rotation),
                translate_percent=(-settings.shift, settings.shift),
                scale=(1 - settings.scale, 1 + settings.scale),
                border_mode=cv2.BORDER_REFLECT_101,  # no black corners that would tell how an image was turned
                p=settings.affine,
            ),
        ]
    )
