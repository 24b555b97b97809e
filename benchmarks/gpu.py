"""What a GPU does with the training engine: does everything run, to the same bits, how fast, how many side by side.

    uv run python benchmarks/gpu.py [--device cuda|cpu] [--parts PART ...]

Parts are taken in this order, and figures are written after each; the first four end the script where they fail, because the
later ones would measure something broken. With `--device cpu --size 64 --steps 2 --images 64` it can be tried without a GPU.
"""

import argparse
import functools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before CUDA starts, as src/train.py does

import torch
from common import ROOT, alternate, engine_on_one_batch, paper_plan, synchronise, write_data, write_figures
from engine import bare_step

from kdml.experiment.plan import Run
from kdml.inspection import cka
from kdml.learning import build
from kdml.learning.engine import Engine
from kdml.learning.prediction import predict
from kdml.learning.provenance import environment
from kdml.runs.settings import RunSettings
from methods import settings_of as settings_of_methods

PAIR = "resnet50-resnet18"
TASKS = {"classification": "hcd", "segmentation": "lgg"}
SIDE_BY_SIDE = (1, 2, 3, 4, 8)
WAITS_FOR_THE_GPU = {"skd"}  # its gradient penalty draws on the host


class Broken(Exception):
    """Raised where a later figure would be one of something that does not work."""


def settings_of(
    options: argparse.Namespace, run: str = "kd_ml_v3", kind: str = "classification", **training
) -> RunSettings:
    """A run of the paper's first pair from random weights on the device asked for."""
    plan = paper_plan(**({"device": options.device, "threads": options.threads} | training))
    return plan.settings(Run("paper", TASKS[kind], PAIR, run, 0))


def peak_mib(device: str) -> float:
    """Largest GPU memory taken since the last call, in MiB; 0 of a CPU."""
    if device != "cuda":
        return 0.0
    peak = torch.cuda.max_memory_allocated() / 1024**2
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return round(peak)


def machine(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The device, and the flags that a training sets."""
    build.choose_device(settings_of(options))
    flags = {
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "tf32": torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32,
        "cudnn.benchmark": torch.backends.cudnn.benchmark,
    }
    return environment(options.device) | {"flags": flags, "cores": len(os.sched_getaffinity(0))}


def every_run(options: argparse.Namespace) -> Iterator[tuple[str, RunSettings]]:
    """The twelve variants on both kinds of task, and the methods on theirs."""
    for kind, technique, strategy in product(TASKS, ("ml", "kd_off", "kd_on", "kd_ml"), ("v1", "v2", "v3")):
        name = f"{technique}_{strategy}"
        yield f"{kind}: {name}", settings_of(options, name, kind)
    for (kind, name), settings in settings_of_methods(options).items():
        yield f"{kind}: {name}", settings


@contextmanager
def refusing_to_wait(strict: bool) -> Iterator[None]:
    """Let CUDA raise where the host waits for the GPU, if `strict`."""
    if strict:
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        if strict:
            torch.cuda.set_sync_debug_mode("default")


def steps(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One step of every run that may not wait for the GPU, then a validation, a prediction, and its peak memory in MiB."""
    peaks, failed = {}, {}
    for name, settings in every_run(options):
        try:
            engine, batch = engine_on_one_batch(settings, folder, options.size)
            engine._step(batch)  # the first one starts libraries
            strict = options.device == "cuda" and name.partition(": ")[2] not in WAITS_FOR_THE_GPU
            with refusing_to_wait(strict):
                terms = engine._step(batch)
            if not all(torch.isfinite(term).all() for term in terms.values()):
                raise Broken("a loss is no number")
            engine._validate({})
            predict(engine.cohort, engine.arrays, engine.validation, engine.training, options.device)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"[:300]
        engine = batch = None
        peaks[name] = peak_mib(options.device)
    if failed:
        raise Broken(json.dumps(failed))
    return {"runs": len(peaks), "peak_mib": peaks}


def stepped(settings: RunSettings, folder: Path, size: int, count: int, checkpoint: Path | None = None) -> Engine:
    """An engine after some steps, from its checkpoint on if there is one."""
    engine, batch = engine_on_one_batch(settings, folder, size, checkpoint)
    if checkpoint is not None:
        engine._resume()
    for _ in range(count):
        engine._count(engine._step(batch), len(batch.images))
    return engine


def same_bits(one: Engine, other: Engine) -> bool:
    """Whether all weights and sums of losses are equal."""
    first, second = one.cohort.state_dict(), other.cohort.state_dict()
    weights = all(torch.equal(first[name].cpu(), second[name].cpu()) for name in first)
    sums = zip(one.progress.sums.values(), other.progress.sums.values(), strict=True)
    return weights and all(torch.equal(a.cpu(), b.cpu()) for a, b in sums)


def bits(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Five steps twice; two, a checkpoint by way of a CPU, and three more; the losses of a CPU beside those of the device."""
    found: dict[str, Any] = {}
    for kind in TASKS:
        settings = settings_of(options, kind=kind)
        whole = stepped(settings, folder, options.size, 5)
        repeated = same_bits(whole, stepped(settings, folder, options.size, 5))
        file = folder / f"{kind}.pt"
        stepped(settings, folder, options.size, 2, file)._save()
        on_cpu = settings_of(options, kind=kind, device="cpu", threads=options.threads)
        stepped(on_cpu, folder, options.size, 0, file)._save()
        moved = same_bits(whole, stepped(settings, folder, options.size, 3, file))
        first = stepped(settings, folder, options.size, 1).progress.sums
        there = stepped(on_cpu, folder, options.size, 1).progress.sums
        differences = [
            ((a.cpu() - b).abs() / b.abs()).max() for a, b in zip(first.values(), there.values(), strict=True)
        ]
        found[kind] = {
            "repeated": repeated,
            "resumed_by_way_of_a_cpu": moved,
            "largest_relative_difference_of_a_loss_to_a_cpu": float(max(differences)),
        }
        if not (repeated and moved):
            raise Broken(json.dumps(found))
    return found


def train_command(settings: RunSettings, folder: Path, out: Path, workers: int) -> list[str | Path]:
    """`src/train.py` on the folder's data."""
    command = [sys.executable, ROOT / "src/train.py", "--settings", settings.to_json(), "--data", folder, "--out", out]
    return [*command, "--split", folder / "split.csv", "--workers", str(workers), "--per-gpu", str(max(SIDE_BY_SIDE))]


def kill(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """A training in a process group of its own: SIGTERM to all of it, resumed to the bits of one that was left alone."""
    settings = settings_of(options, epochs=4, patience=4)
    command = train_command(settings, folder, folder / "killed", workers=4)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    told = ""
    while "epoch 1/" not in told and (line := process.stderr.readline()):
        told += line
    time.sleep(0.5)  # into the next epoch
    os.killpg(process.pid, signal.SIGTERM)
    told += process.communicate()[1]
    saved = (folder / "killed/checkpoint.pt").exists()
    again = subprocess.run(command, capture_output=True, text=True)
    whole = subprocess.run(train_command(settings, folder, folder / "whole", workers=4), capture_output=True, text=True)
    equal = all(
        (folder / "killed" / name).exists()
        and (folder / "killed" / name).read_bytes() == (folder / "whole" / name).read_bytes()
        for name in ("weights.safetensors", "predictions.npz", "validation.npz")
    )
    found = {
        "exit_code": process.returncode,
        "saved": saved,
        "resumed": "continuing at" in again.stderr,
        "equal": equal,
    }
    if not (process.returncode == 143 and saved and equal):
        raise Broken(json.dumps(found | {"told": [told[-500:], again.stderr[-500:], whole.stderr[-500:]]}))
    return found | {"out_of_memory": out_of_memory() if options.device == "cuda" else None}


def out_of_memory() -> str:
    """What a training says that the card has no memory for."""
    script = (
        "import sys; from kdml.common.errors import run_script; from kdml.learning.faults import faults_of_torch_told\n"
        "import torch\n"
        "@faults_of_torch_told()\ndef main(): torch.empty(1 << 42, device='cuda')\nrun_script(main)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT / "src")
    return f"exit code {told.returncode}: {told.stderr.strip()[-300:]}"


def rate(step: Callable[[], object], images: int, options: argparse.Namespace) -> float:
    """Images per second over the steps asked for, after three that start things."""
    for _ in range(3):
        step()
    synchronise(options.device)
    started = time.perf_counter()
    for _ in range(options.steps):
        step()
    synchronise(options.device)
    return round(images * options.steps / (time.perf_counter() - started), 1)


def busy_share(step: Callable[[], object], images_per_second: float, images: int, device: str) -> float | None:
    """Share of a step's wall time in which kernels run on the GPU, over ten steps.

    Args:
        step: to take.
        images_per_second: of the step without the profiler, which slows the host and not the kernels.
        images: of a step.
        device: None is returned for a CPU.
    """
    if device != "cuda":
        return None
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        for _ in range(10):
            step()
        torch.cuda.synchronize()
    on_gpu = sum(event.self_device_time_total for event in profiled.key_averages()) / 1e6 / 10
    return round(on_gpu * images_per_second / images, 3)


def beside_eager(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The engine's step of kd_ml_v3 beside bare eager loops of the same classifiers, at the paper's batch size and at 64.

    Images per second are medians of rounds in which all take their turn; peak memory is that of a step beyond what lay there.
    """
    found: dict[str, Any] = {}
    for batch_size in (8, 64):
        settings = settings_of(options, batch_size=batch_size)
        steps: dict[str, Callable[[], object]] = {}
        about: dict[str, dict[str, Any]] = {}
        for name in ("engine", "plain eager loop", "best bare loop"):
            before = torch.cuda.memory_allocated() if options.device == "cuda" else 0
            peak_mib(options.device)
            if name == "engine":
                engine, batch = engine_on_one_batch(settings, folder, options.size)
                steps[name] = functools.partial(engine._step, batch)
            else:
                steps[name] = bare_step(settings, options.size, best=name == "best bare loop")
            for _ in range(3):
                steps[name]()
            about[name] = {"peak_mib": max(0, peak_mib(options.device) - round(before / 1024**2))}
        rates = alternate(
            {name: functools.partial(rate, step, batch_size, options) for name, step in steps.items()}, options.rounds
        )
        for name, step in steps.items():
            about[name]["images_per_second"] = statistics.median(rates[name])
            about[name]["of_rounds"] = rates[name]
            about[name]["busy_share"] = busy_share(step, about[name]["images_per_second"], batch_size, options.device)
        found[f"batch {batch_size}"] = about
        engine = batch = None
        steps.clear()
    return found


def speed(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Images per second of kd_ml_v3 in several settings."""
    choices: dict[str, dict[str, Any]] = {
        "float32": {}, "not deterministic": {"deterministic": False}, "tf32": {"precision": "tf32"},
        "bfloat16": {"precision": "bfloat16"}, "batch 64": {"batch_size": 64},
    }  # fmt: skip
    found: dict[str, Any] = {}
    for kind, (name, training) in product(TASKS, choices.items()):
        engine, batch = engine_on_one_batch(settings_of(options, kind=kind, **training), folder, options.size)
        step = functools.partial(engine._step, batch)
        found[f"{kind}: {name}"] = rate(step, len(batch.images), options)
        engine = batch = step = None
        peak_mib(options.device)
    return found


def captured(options: argparse.Namespace, folder: Path) -> dict[str, Any] | None:
    """A whole step of kd_ml_v3 as one CUDA graph beside the same steps without: images per second, and whether bits are equal."""
    if options.device != "cuda":
        return None
    found: dict[str, Any] = {}
    for kind in TASKS:
        settings = settings_of(options, kind=kind)
        eager, batch = engine_on_one_batch(settings, folder, options.size)
        engine, _ = engine_on_one_batch(settings, folder, options.size)
        rates = [torch.tensor(group["lr"], device="cuda") for group in engine.optimiser.param_groups]
        for group, tensor in zip(engine.optimiser.param_groups, rates, strict=True):
            group["lr"], group["capturable"] = tensor, True
        images = batch.images.to("cuda").contiguous(memory_format=torch.channels_last)
        targets = batch.targets.to("cuda")
        warm = torch.cuda.Stream()
        warm.wait_stream(torch.cuda.current_stream())

        def whole_step(engine: Engine = engine, images=images, targets=targets) -> None:
            losses = engine.cohort.losses(engine.cohort(images), targets)
            losses.total.backward()
            engine.optimiser.step()
            engine.optimiser.zero_grad(set_to_none=False)

        with torch.cuda.stream(warm):
            for _ in range(3):
                whole_step()
        torch.cuda.current_stream().wait_stream(warm)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            whole_step()
        graph.replay()
        for _ in range(4):
            eager._step(batch)
        one, other = eager.cohort.state_dict(), engine.cohort.state_dict()
        differences = [(one[name] - other[name]).abs().max().item() for name in one if one[name].is_floating_point()]
        found[kind] = {
            "largest_difference_of_a_weight": max(differences),
            "captured": rate(graph.replay, len(images), options),
            "eager": rate(lambda eager=eager, batch=batch: eager._step(batch), len(images), options),
        }
        del graph, engine, eager
        peak_mib("cuda")
    return found


def together(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Images per second of all trainings that run side by side, by their number, start and validation left out."""
    found = {}
    settings = settings_of(options, epochs=3, patience=3)
    for count in options.side_by_side:
        outs = [folder / f"side-{count}-{number}" for number in range(count)]
        started = time.perf_counter()
        running = [
            subprocess.Popen(
                train_command(settings, folder, out, workers=1), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            for out in outs
        ]
        told = [process.communicate()[1] for process in running]
        if any(process.returncode for process in running):
            raise Broken(told[0].decode()[-500:])
        records = [json.loads((out / "run.json").read_text()) for out in outs]
        found[count] = {
            "images_per_second": round(sum(record["images_per_second"] for record in records), 1),
            "seconds_in_all": round(time.perf_counter() - started, 1),
        }
    return found


def similarity(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Seconds and peak memory in MiB of CKA between the networks of a run, on 256 images in one batch."""
    found = {}
    for kind in TASKS:
        engine, _ = engine_on_one_batch(settings_of(options, kind=kind), folder, options.size)
        networks = {name: network.eval() for name, network in engine.cohort.networks.items()}
        images = torch.randint(0, 256, (options.similarity_images, 3, options.size, options.size), dtype=torch.uint8)
        with torch.inference_mode():
            cka.compare(networks, [images[:8].to(options.device)])
            peak_mib(options.device)
            started = time.perf_counter()
            cka.compare(networks, [images.to(options.device)])
            found[kind] = {"seconds": round(time.perf_counter() - started, 2), "peak_mib": peak_mib(options.device)}
    return found


PARTS: dict[str, Callable[[argparse.Namespace, Path], Any]] = {
    part.__name__: part for part in (machine, steps, bits, kill, speed, beside_eager, captured, together, similarity)
}


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=["cpu", "cuda"])
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--size", type=int, default=224, help="of images, in pixels of a side")
    parser.add_argument("--steps", type=int, default=50, help="steps per figure")
    parser.add_argument("--rounds", type=int, default=3, help="in which what is compared takes its turn")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--images", type=int, default=832, help="of the data that trainings of their own read")
    parser.add_argument("--side-by-side", type=int, nargs="+", default=list(SIDE_BY_SIDE))
    parser.add_argument("--similarity-images", type=int, default=256)
    parser.add_argument("--name", default="gpu", help="of the JSON file")
    return parser.parse_args()


def main() -> None:
    """Take the parts in their order."""
    options = parse_arguments()
    figures: dict[str, Any] = {"settings": {name: value for name, value in vars(options).items() if name != "name"}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, images=options.images, size=options.size)
        for part in options.parts:
            started = time.perf_counter()
            try:
                figures[part] = PARTS[part](options, folder)
            except Broken as problem:
                sys.exit(f"{part}: {problem}")
            figures[f"{part}: seconds"] = round(time.perf_counter() - started, 1)
            write_figures(options.name, figures)


if __name__ == "__main__":
    main()
