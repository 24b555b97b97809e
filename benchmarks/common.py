"""What the benchmarks share: a synthetic data set on disk, alternating rounds, and figures written as JSON."""

import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]


def write_data(folder: Path, images: int, size: int) -> None:
    """Smooth random pictures as prepared arrays with a split: what a step reads does not depend on what they show."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (images, 3, size // 16, size // 16), dtype=np.uint8)
    smooth = torch.nn.functional.interpolate(torch.from_numpy(coarse).float(), size=size, mode="bilinear")
    np.save(folder / "images.npy", smooth.byte().permute(0, 2, 3, 1).contiguous().numpy())
    parts = ["train"] * (images - 32) + ["validation"] * 16 + ["test"] * 16
    lines = [f"{row},i{row},{row % 2},,{part}" for row, part in enumerate(parts)]
    (folder / "split.csv").write_text("\n".join(["row,id,label,group,part", *lines]) + "\n")
    (folder / "report.json").write_text(json.dumps({"sha256": {}}))


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
