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

from common import alternate, engine_on_one_batch, median_ratio, paper_plan, synchronise, write_figures

from kdml.experiment.plan import Run
from kdml.runs.graph import TEACHER
from kdml.runs.methods import METHODS
from kdml.runs.settings import OwnEdge, RunSettings

TASKS = {"classification": "hcd", "segmentation": "lgg"}
PLAIN = "kd"


def settings_of(options: argparse.Namespace) -> dict[tuple[str, str], RunSettings]:
    """(kind, method) -> settings of the paper's pair, plain distillation first."""
    plan = paper_plan(device=options.device, threads=options.threads)
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
    engine, batch = engine_on_one_batch(settings, folder, options.size)
    device = engine.surroundings.device
    engine._step(batch)  # the first one allocates

    def measure() -> float:
        synchronise(device)
        started = time.perf_counter()
        for _ in range(options.steps):
            engine._step(batch)
        synchronise(device)
        return (time.perf_counter() - started) / options.steps

    return measure


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
