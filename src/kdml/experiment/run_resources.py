"""What a run asks a scheduler for, as the rules of training and CKA name it.

Where all tasks agree it is a number and not a function of a job's wildcards, because Snakemake plans that in less time.
"""

from collections.abc import Callable
from typing import Any

from kdml.experiment.plan import Plan
from kdml.runs.settings import Training

CORES_BESIDE_A_GPU = 8  # for loading and augmentation

ByTask = int | Callable[[Any], int]
"""A number, or a function that gives one for wildcards."""


class RunResources:
    """Threads, GPUs and cores of a run.

    Args:
        plan: of the experiment.

    Attributes:
        threads: a setting of the task, because it changes rounding.
        gpus: none where the task is set to the CPU.
        cores: of a cluster's node; beside a GPU also those that load and augment images.
    """

    def __init__(self, plan: Plan):
        self.threads = _by_task(plan, lambda training: training.threads)
        self.gpus = _by_task(plan, _gpus)
        self.cores = _by_task(plan, _cores)


def _by_task(plan: Plan, find: Callable[[Training], int]) -> ByTask:
    found = {task: find(training) for task, training in plan.training.items()}
    if len(numbers := set(found.values())) == 1:
        return numbers.pop()
    return lambda wildcards: found[wildcards.task]


def _gpus(training: Training) -> int:
    return int(training.device != "cpu")


def _cores(training: Training) -> int:
    return max(training.threads, CORES_BESIDE_A_GPU) if _gpus(training) else training.threads
