"""What CKA costs beside evaluating the same networks once, and the memory it needs, alternately in one process.

    uv run python benchmarks/cka.py [--images 256] [--size 224] [--threads 2] [--rounds 3]

Networks of kd_ml_v3 (teacher ResNet50, two ResNet18) from random weights, as classifiers and as U-Nets. One pass of evaluation is a
forward of all three in the batches that predictions are made with; CKA takes all images in one batch.
"""

import argparse
import time

import torch
from common import alternate, median_ratio, write_figures

from kdml.inspection import cka
from kdml.learning.engine import EVALUATION_BATCH
from kdml.learning.networks import Network, build
from kdml.learning.provenance import peak_memory_mib
from kdml.runs.settings import Backbone, NetworkSettings, Sharing


def networks(kind: str) -> dict[str, Network]:
    """Teacher and two students."""
    outputs = 2 if kind == "classification" else 1
    names = {"teacher": "resnet50", "s1": "resnet18", "s2": "resnet18"}
    return {
        name: build(
            NetworkSettings(architecture=timm, backbone=Backbone(timm=timm)), kind, outputs, Sharing(), None, seed
        ).eval()
        for seed, (name, timm) in enumerate(names.items())
    }


@torch.inference_mode()
def evaluation(models: dict[str, Network], images: torch.Tensor) -> float:
    """Seconds of one evaluation of the networks."""
    started = time.perf_counter()
    for batch in images.split(EVALUATION_BATCH):
        for model in models.values():
            model(batch)
    return time.perf_counter() - started


def similarity(models: dict[str, Network], images: torch.Tensor) -> float:
    """Seconds of CKA between teacher and both students."""
    started = time.perf_counter()
    cka.compare(models, [images])
    return time.perf_counter() - started


def main() -> None:
    """Measure both kinds of network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    images = torch.randint(0, 256, (options.images, 3, options.size, options.size), dtype=torch.uint8)
    figures: dict[str, float | int] = vars(options)
    for kind in ("classification", "segmentation"):
        models = networks(kind)
        evaluation(models, images[:8])
        measures = {
            "cka": lambda models=models: similarity(models, images),
            "pass": lambda models=models: evaluation(models, images),
        }
        seconds = alternate(measures, options.rounds)
        figures[f"{kind}: CKA / one evaluation pass"] = round(median_ratio(seconds["cka"], seconds["pass"]), 3)
        figures[f"{kind}: peak memory so far, MiB"] = round(peak_memory_mib())
    write_figures("cka", figures)


if __name__ == "__main__":
    main()
