"""What a training step of every method costs beside one of plain distillation, alternately in one process.

    uv run python benchmarks/methods.py [--steps 3] [--rounds 3] [--threads 2] [--size 224] [--device cpu]

Teacher ResNet50, student ResNet18, batch 8, random weights and images; loading is left out. Plain distillation is the same
teacher and one student that learns from labels and the teacher's predictions.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import yaml
from common import ROOT, alternate, median_ratio, synchronise, write_figures

from kdml.data.arrays import Arrays, Part
from kdml.experiment.config import validated
from kdml.experiment.plan import Plan, Run
from kdml.learning import build
from kdml.learning.batches import Batch
from kdml.learning.engine import Engine, Surroundings
from kdml.learning.networks import save_networks
from kdml.runs.graph import TEACHER
from kdml.runs.methods import METHODS
from kdml.runs.settings import OwnEdge, RunSettings

TASKS = {"classification": "hcd", "segmentation": "lgg"}
PLAIN = "kd"


def settings_of(options: argparse.Namespace) -> dict[tuple[str, str], RunSettings]:
    """(kind, method) -> settings of the paper's pair, plain distillation first."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["networks"] = {name: one | {"weights": "none"} for name, one in config["networks"].items()}
    config["training"] |= {"device": options.device, "threads": options.threads}
    plan = Plan(validated(config))
    found = {}
    for kind, task in TASKS.items():
        methods = [run for run in plan.runs if plan.is_method(run) and (run.task, run.seed) == (task, 0)]
        any_method = plan.settings(methods[0])
        edge = OwnEdge(source=TEACHER, learner="s1", knowledge="predictions", weight=0.8)
        found[kind, PLAIN] = any_method.model_copy(update={"method": None, "edges": (edge,), "supervised": {"s1": 0.2}})
        order = list(METHODS)
        for run in sorted(methods, key=lambda run: order.index(run.run)):
            found[kind, run.run] = plan.settings(Run(run.protocol, task, run.pair, run.run, 0))
    return found


def seconds_per_step(settings: RunSettings, folder: Path, options: argparse.Namespace) -> Callable[[], float]:
    """A measure of the engine's own step on one batch that stays in memory."""
    device = build.choose_device(settings)
    teacher = folder / f"{settings.kind}.safetensors"
    if not teacher.exists():
        alone = build._network(settings, TEACHER, {})
        save_networks(teacher, {TEACHER: alone})
    cohort = build.build_cohort(settings, {}, teacher, options.size)
    batch = one_batch(settings, options.size)
    part = Part(np.arange(len(batch.images)), np.zeros(len(batch.images), dtype=np.int64))
    arrays = Arrays(batch.images.permute(0, 2, 3, 1).numpy(), None)
    batches = build.training_batches(settings, build.RunData(arrays, {"train": part}), device, 0)
    engine = Engine(cohort, arrays, part, batches, settings.training, Surroundings(device=device))
    cohort.train()
    engine._step(batch)  # the first one allocates

    def measure() -> float:
        synchronise(device)
        started = time.perf_counter()
        for _ in range(options.steps):
            engine._step(batch)
        synchronise(device)
        return (time.perf_counter() - started) / options.steps

    return measure


def one_batch(settings: RunSettings, size: int) -> Batch:
    """Random images with labels or masks."""
    generator = torch.Generator().manual_seed(0)
    count = settings.training.batch_size
    images = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)
    targets = torch.arange(count) % 2
    if settings.kind == "segmentation":
        targets = torch.zeros(count, 1, size, size, dtype=torch.uint8)
        targets[:, :, size // 4 : size // 2, size // 4 : size // 2] = 1
    return Batch(images.contiguous(memory_format=torch.channels_last), targets)


def main() -> None:
    """Measure all methods of both kinds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args()
    figures: dict[str, object] = {"settings": vars(options)}
    with tempfile.TemporaryDirectory() as folder:
        everything = settings_of(options)
        for kind in TASKS:
            mine = {method: settings for (of, method), settings in everything.items() if of == kind}
            measures = {name: seconds_per_step(settings, Path(folder), options) for name, settings in mine.items()}
            seconds = alternate(measures, options.rounds)
            figures[f"{kind}: seconds of a step of plain KD"] = [round(value, 3) for value in seconds[PLAIN]]
            figures[f"{kind}: step / step of plain KD"] = {
                name: round(median_ratio(values, seconds[PLAIN]), 2) for name, values in seconds.items()
            }
    write_figures("methods", figures)


if __name__ == "__main__":
    main()
