"""How long trainings take on the machine at hand: a few steps of the real engine with the real networks, on random images."""

import gc
import itertools
import time
from collections.abc import Mapping

import numpy as np
import torch

from kdml.common.errors import UserError
from kdml.data.arrays import PARTS, Arrays, Part
from kdml.learning import build
from kdml.learning.engine import EVALUATION_BATCH, Engine, Surroundings
from kdml.learning.networks import Network, parameter_count
from kdml.learning.networks import build as build_network
from kdml.learning.provenance import device_name
from kdml.runs.settings import RunSettings
from kdml.runs.step_times import StepTime

# The later half of them counts: the first are slower, and on a GPU loading processes have some batches ready by then.
STEPS = {"cpu": 6, "cuda": 64}


def step_time(settings: RunSettings, size: int, workers: str | int, example: str) -> StepTime:
    """Measure a step and the validation of an image of a run: an epoch of each of its stages.

    Networks start from random weights, a frozen teacher too: what they hold does not change what they cost.

    Args:
        settings: of the run.
        size: of its images, in pixels of a side.
        workers: loading processes, as the configuration has them.
        example: name of the run.

    Returns:
        What was measured; with the `problem` alone if the run cannot be trained here, such as for lack of memory.
    """
    settings = _one_epoch(settings)
    try:
        return _measured(settings, size, workers, example)
    except UserError as error:
        return StepTime(0, 0, 1, {}, "", example, error.problem)
    finally:
        gc.collect()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()


def _measured(settings: RunSettings, size: int, workers: str | int, example: str) -> StepTime:
    device = build.choose_device(settings)
    steps = STEPS[device]
    data = _random_data(settings, size, steps * settings.training.batch_size)
    cohort = build.wired(settings, _networks(settings), size, build.cross_entropy_weights(settings, data))
    stages, clock = cohort.stages_left, _Clock(device)
    surroundings = Surroundings(
        device=device,
        workers=build.loading_processes(workers, device),
        on_step=lambda done, of: clock.step(),
        on_epoch=lambda done, of, scores, left: clock.epoch(),
    )
    batches = build.training_batches(settings, data, device, surroundings.workers, whole=cohort.whole_batches)
    Engine(cohort, data.arrays, data.parts["validation"], batches, settings.training, surroundings).run()
    parameters = {name: parameter_count(network) for name, network in cohort.networks.items()}
    validation = sum(clock.validations) / len(clock.validations) / EVALUATION_BATCH
    return StepTime(clock.mean_step(), validation, stages, parameters, device_name(device), example)


class _Clock:
    """Times of steps and validations, by what the engine tells; what a GPU has still to do is waited for.

    Args:
        device: `cpu` or `cuda`.
    """

    def __init__(self, device: str):
        self.device = device
        self.epochs: list[list[float]] = [[]]
        self.validations: list[float] = []

    def _now(self) -> float:
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def step(self) -> None:
        """Note that a step is done."""
        self.epochs[-1].append(self._now())

    def epoch(self) -> None:
        """Note that an epoch and its validation are done."""
        self.validations.append(self._now() - self.epochs[-1][-1])
        self.epochs.append([])

    def mean_step(self) -> float:
        """Mean seconds of the later half of the steps of every epoch."""
        taken = []
        for times in filter(None, self.epochs):
            differences = [later - earlier for earlier, later in itertools.pairwise(times)]
            taken += differences[len(differences) // 2 :]
        return sum(taken) / len(taken)


def _one_epoch(settings: RunSettings) -> RunSettings:
    """Settings of one epoch, from random weights."""
    networks = {
        name: network.model_copy(update={"weights_name": None, "weights": None})
        for name, network in settings.networks.items()
    }
    training = settings.training.model_copy(update={"epochs": 1})
    return settings.model_copy(update={"networks": networks, "training": training})


def _networks(settings: RunSettings) -> Mapping[str, Network]:
    return {
        name: build_network(one, settings.kind, settings.outputs, settings.sharing, None, seed=0)
        for name, one in settings.networks.items()
    }


def _random_data(settings: RunSettings, size: int, training: int) -> build.RunData:
    """Random images with all labels, or masks: for some steps of training, and a batch of validation."""
    generator = np.random.default_rng(0)
    rows = np.arange(training + EVALUATION_BATCH)
    images = generator.integers(0, 256, (len(rows), size, size, 3), dtype=np.uint8)
    masks = generator.integers(0, 2, images.shape[:3], dtype=np.uint8) if settings.kind == "segmentation" else None
    labels = rows % settings.outputs if masks is None else rows % 2
    parts = (slice(training), slice(training, None), slice(training, None))
    return build.RunData(
        Arrays(images, masks),
        {name: Part(rows[part], labels[part]) for name, part in zip(PARTS, parts, strict=True)},
    )
