"""What the benchmarks share: a synthetic data set on disk, alternating rounds, and figures written as JSON."""

import functools
import hashlib
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from kdml.common.files import sha256_of
from kdml.data.arrays import Arrays, Part
from kdml.experiment.config import validated
from kdml.experiment.plan import Plan
from kdml.learning import build
from kdml.learning.batches import Batch
from kdml.learning.engine import Engine, Surroundings
from kdml.learning.networks import save_networks
from kdml.runs.graph import TEACHER, TeacherMode
from kdml.runs.settings import RunSettings

ROOT = Path(__file__).resolve().parents[1]


@functools.cache
def paper_plan(**training: Any) -> Plan:
    """The full experiment from random weights, with these settings of training."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["networks"] = {name: one | {"weights": "none"} for name, one in config["networks"].items()}
    config["training"] |= training
    return Plan(validated(config))


def one_batch(settings: RunSettings, size: int) -> Batch:
    """Random images with labels or masks, in memory that a GPU reads without waiting, if the run is for one."""
    generator = torch.Generator().manual_seed(0)
    count = settings.training.batch_size
    images = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)
    targets = torch.arange(count) % 2
    if settings.kind == "segmentation":
        targets = torch.zeros(count, 1, size, size, dtype=torch.uint8)
        targets[:, :, size // 4 : size // 2, size // 4 : size // 2] = 1
    batch = Batch(images.contiguous(memory_format=torch.channels_last), targets)
    if settings.training.device != "cuda":
        return batch
    return batch._replace(images=batch.images.pin_memory(), targets=batch.targets.pin_memory())


def engine_on_one_batch(
    settings: RunSettings, folder: Path, size: int, checkpoint: Path | None = None
) -> tuple[Engine, Batch]:
    """An engine in training mode, and the batch that is all its data.

    Args:
        settings: of the run, from random weights.
        folder: keeps the weights of frozen teachers, one for each architecture.
        size: of the images, in pixels of a side.
        checkpoint: where the engine saves its state.
    """
    device = build.choose_device(settings)
    teacher = None
    if settings.teacher is TeacherMode.FROZEN:
        architecture = hashlib.sha256(settings.networks[TEACHER].model_dump_json().encode()).hexdigest()
        teacher = folder / f"{settings.kind}-{architecture[:16]}.safetensors"
    if teacher is not None and not teacher.exists():
        save_networks(teacher, {TEACHER: build._network(settings, TEACHER, {})})
    cohort = build.build_cohort(settings, {}, teacher, size)
    batch = one_batch(settings, size)
    part = Part(
        np.arange(len(batch.images)), batch.targets.reshape(len(batch.images), -1)[:, 0].numpy().astype(np.int64)
    )
    masks = batch.targets[:, 0].numpy() if settings.kind == "segmentation" else None
    arrays = Arrays(batch.images.permute(0, 2, 3, 1).numpy(), masks)
    batches = build.training_batches(settings, build.RunData(arrays, {"train": part}), device, 0)
    surroundings = Surroundings(device=device, checkpoint=checkpoint, fingerprint="benchmark")
    engine = Engine(cohort, arrays, part, batches, settings.training, surroundings)
    cohort.train()
    return engine, batch


def write_data(folder: Path, images: int, size: int) -> None:
    """Smooth random pictures as prepared arrays with a split: what a step reads does not depend on what they show."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (images, 3, size // 16, size // 16), dtype=np.uint8)
    smooth = torch.nn.functional.interpolate(torch.from_numpy(coarse).float(), size=size, mode="bilinear")
    np.save(folder / "images.npy", smooth.byte().permute(0, 2, 3, 1).contiguous().numpy())
    parts = ["train"] * (images - 32) + ["validation"] * 16 + ["test"] * 16
    lines = [f"{row},i{row},{row % 2},,{part}" for row, part in enumerate(parts)]
    (folder / "split.csv").write_text("\n".join(["row,id,label,group,part", *lines]) + "\n")
    sums = {"images": sha256_of(folder / "images.npy")}
    (folder / "report.json").write_text(json.dumps({"sha256": sums}))


def synchronise(device: str) -> None:
    """Wait for a GPU; a CPU has nothing to wait for."""
    if device == "cuda":
        torch.cuda.synchronize()


def alternate(measures: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Take every measure once per round, so that a noisy spell of the machine falls on all of them."""
    figures: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            figures[name].append(measure())
    return figures


def median_ratio(upper: list[float], lower: list[float]) -> float:
    """Median over the rounds of the ratio of two figures of one round."""
    return statistics.median(a / b for a, b in zip(upper, lower, strict=True))


def write_figures(name: str, figures: dict[str, Any]) -> None:
    """Write results/benchmarks/<name>.json, and print it."""
    machine = {
        "platform": platform.platform(),
        "torch": torch.__version__,
        "measured": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    path = ROOT / "results" / "benchmarks" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures | machine, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    print(f"written: {path.relative_to(ROOT)}")
