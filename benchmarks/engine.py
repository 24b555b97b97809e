"""Speed of the training step, of its start and of augmentation, each beside the bare thing, alternately in one process.

    uv run python benchmarks/engine.py [--device cpu|cuda] [--precision float32|bfloat16] [--threads 2] [--rounds 5]

Compared: our step (teacher ResNet50 and two ResNet18, kd_ml_v3, loader and augmentation included) with a plain loop of the same
networks on random tensors (eager, contiguous, default Adam) and with the best bare loop (channels-last, fused Adam).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from common import ROOT, alternate, median_ratio, paper_plan, synchronise, write_data, write_figures

from kdml.experiment.plan import Run
from kdml.learning import build
from kdml.learning.augment import Augmenter, pipeline
from kdml.learning.engine import Engine, Surroundings
from kdml.learning.precision import autocast
from kdml.runs.settings import Augmentation, RunSettings

BATCH = 8
PIXELS = 224  # of a side


def settings_of(options: argparse.Namespace, epochs: int) -> RunSettings:
    """kd_ml_v3 of ResNet50-ResNet18 on HCD as the paper's configuration has it, from random weights."""
    plan = paper_plan(device=options.device, threads=options.threads, precision=options.precision, epochs=epochs)
    return plan.settings(Run("paper", "hcd", "resnet50-resnet18", "kd_ml_v3", 0))


def our_loop(settings: RunSettings, folder: Path, options: argparse.Namespace) -> Callable[[], float]:
    """Images per second of the engine's own steps."""
    device = build.choose_device(settings)
    data = build.open_data(settings, folder, folder / "split.csv")
    batches = build.training_batches(settings, data, device, build.loading_processes(options.workers, device))
    cohort = build.build_cohort(settings, {}, None, PIXELS)
    engine = Engine(
        cohort, data.arrays, data.parts["validation"], batches, settings.training, Surroundings(device=device)
    )
    cohort.train()
    epoch = iter(range(10_000))

    def measure() -> float:
        # The first batch starts the workers' epoch; a run pays for that once per epoch, not per step.
        stream = batches.epoch(next(epoch))
        engine._step(next(stream))
        synchronise(device)
        started, images = time.perf_counter(), 0
        for batch in stream:
            engine._count(engine._step(batch), len(batch.images))
            images += len(batch.images)
        synchronise(device)
        return images / (time.perf_counter() - started)

    return measure


def bare_step(settings: RunSettings, size: int, best: bool) -> Callable[[], None]:
    """A step that does nothing but forward, losses, backward and Adam.

    Args:
        settings: of the run: its networks, batch size, precision and device.
        size: of the images, in pixels of a side.
        best: channels-last and fused Adam, in place of contiguous tensors and Adam as it comes.
    """
    memory_format = torch.channels_last if best else torch.contiguous_format
    device, batch = settings.training.device, settings.training.batch_size
    networks = build.build_cohort(settings, {}, None, size).networks.to(device, memory_format=memory_format).train()
    teacher, first, second = networks["teacher"], networks["s1"], networks["s2"]
    optimiser = torch.optim.Adam(networks.parameters(), lr=1e-4, **({"fused": True} if best else {}))
    pixels = torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8).to(device, memory_format=memory_format)
    labels = torch.randint(0, 2, (batch,), device=device)

    def divergence(learner: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        return F.kl_div(F.log_softmax(source.detach() / 2, 1), F.softmax(learner / 2, 1), reduction="batchmean")

    def step() -> None:
        with autocast(device, settings.training):
            (zt, ft), (z1, f1), (z2, f2) = teacher(pixels), first(pixels), second(pixels)
        loss = sum(F.cross_entropy(z.float(), labels) for z in (zt, z1, z2))
        loss = (
            loss + F.mse_loss(f1, ft.detach()) + divergence(z1, z2) + divergence(z2, zt) + F.mse_loss(f2, f1.detach())
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def bare_loop(settings: RunSettings, options: argparse.Namespace, best: bool) -> Callable[[], float]:
    """Images per second of a loop of bare steps."""
    step = bare_step(settings, PIXELS, best)

    def measure() -> float:
        step()
        synchronise(options.device)
        started = time.perf_counter()
        for _ in range(options.steps):
            step()
        synchronise(options.device)
        return options.steps * settings.training.batch_size / (time.perf_counter() - started)

    return measure


def augmentation_rate(call: Callable[[np.ndarray, int], None]) -> float:
    """Images of PIXELS pixels per second on one core."""
    image = np.random.default_rng(0).integers(0, 256, (PIXELS, PIXELS, 3), dtype=np.uint8)
    started = time.perf_counter()
    for position in range(1000):
        call(image, position)
    return 1000 / (time.perf_counter() - started)


def train_once(settings: RunSettings, folder: Path, out: Path) -> dict:
    """run.json of a training of one epoch in a process of its own."""
    command = [sys.executable, ROOT / "src/train.py", "--settings", settings.to_json(), "--data", folder]
    subprocess.run([*command, "--split", folder / "split.csv", "--out", out], check=True, capture_output=True)
    return json.loads((out / "run.json").read_text())


def seconds_of(command: list[str]) -> float:
    """Wall time of a command."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", default="auto", help="loading processes, as `src/train.py` takes them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="steps per round")
    parser.add_argument("--name", default="engine", help="of the JSON file")
    return parser.parse_args()


def start_figures(settings: RunSettings, folder: Path) -> dict[str, Any]:
    """Seconds to the first step beside those of an import, and the peak memory of a training."""
    runs = [train_once(settings, folder, folder / f"run-{number}") for number in range(2)]
    imports = [seconds_of([sys.executable, "-c", "import segmentation_models_pytorch"]) for _ in range(2)]
    to_first_step = [run["seconds_to_first_step"] for run in runs]
    return {
        "seconds_to_first_step": to_first_step,
        "seconds_to_import_smp": imports,
        "start_to_import": median_ratio(to_first_step, imports),
        "peak_memory_mib": max(run["peak_memory_mib"] for run in runs),
    }


def step_figures(settings: RunSettings, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Images per second of our step and of bare loops."""
    steps = {
        "ours": our_loop(settings, folder, options),
        "plain": bare_loop(settings, options, best=False),
        "best": bare_loop(settings, options, best=True),
    }
    rates = alternate(steps, options.rounds)
    return {
        "images_per_second": rates,
        "ours_to_plain": median_ratio(rates["ours"], rates["plain"]),
        "ours_to_best": median_ratio(rates["ours"], rates["best"]),
    }


def augmentation_figures(rounds: int) -> dict[str, Any]:
    """Images per second of our augmentation, seeded by sample, and of the same pipeline unseeded."""
    augmenter, unseeded = Augmenter(Augmentation(), seed=0), pipeline(Augmentation())
    measures = {
        "seeded": lambda: augmentation_rate(lambda image, position: augmenter(image, None, 0, position)),
        "unseeded": lambda: augmentation_rate(lambda image, position: unseeded(image=image)),
    }
    rates = alternate(measures, rounds)
    return {
        "augmentation_images_per_second_per_core": rates,
        "augmentation_seeded_to_unseeded": median_ratio(rates["seeded"], rates["unseeded"]),
    }


def main() -> None:
    """Measure all, write results/benchmarks/engine.json."""
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, images=32 + BATCH * (options.steps + 1), size=PIXELS)
        settings = settings_of(options, epochs=1)
        started = start_figures(settings, folder)
        stepped = step_figures(settings, folder, options)
    given = {name: value for name, value in vars(options).items() if name != "name"}
    write_figures(options.name, {"settings": given, **stepped, **started, **augmentation_figures(options.rounds)})


if __name__ == "__main__":
    main()
