"""Trains the networks of one run and writes weights.safetensors, history.csv, predictions.npz, validation.npz and run.json.

By hand, for example (DEMO is results/demo):
    python src/train.py --settings DEMO/paper/hcd/small/ml_v1/seed-0/run.json --data DEMO/data/hcd \\
        --split DEMO/paper/hcd/split-0.csv --out /tmp/run

Killed by SIGTERM it saves a checkpoint beside its outputs and leaves; started again it continues to the same bits. Its outputs
appear together. Trained already, it says so and lets them appear again, if somebody removed them.
"""

import argparse
import hashlib
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

STARTED = time.time()
# cuBLAS is deterministic only with this, and only if it is set before CUDA starts.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

from kdml.common.command_line import auto_or_count, labelled_files, minutes, positive  # noqa: E402
from kdml.common.errors import run_script  # noqa: E402
from kdml.common.files import sha256_of, write_csv, write_json  # noqa: E402
from kdml.common.gpus import one_of  # noqa: E402
from kdml.common.locks import alone_in  # noqa: E402
from kdml.common.together import brought_back, written_together  # noqa: E402
from kdml.data.arrays import checked_sums  # noqa: E402
from kdml.learning import build, checkpoint, provenance  # noqa: E402
from kdml.learning.cohort import Cohort  # noqa: E402
from kdml.learning.engine import Engine, Interrupted, Progress, Surroundings  # noqa: E402
from kdml.learning.faults import faults_of_torch_told  # noqa: E402
from kdml.learning.last_batch import check_last_batch  # noqa: E402
from kdml.learning.networks import parameter_count, save_networks  # noqa: E402
from kdml.learning.prediction import predict  # noqa: E402
from kdml.runs import predictions  # noqa: E402
from kdml.runs.progress import ProgressFile, duration  # noqa: E402
from kdml.runs.settings import RunSettings  # noqa: E402

log = logging.getLogger(__name__)
SECONDS_BETWEEN_LINES = 60
SEAL = "run.json"  # appears when all outputs are there


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--settings", required=True, help="JSON text, or a file: what src/settings.py prints, or a run.json"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of prepared arrays")
    parser.add_argument("--split", type=Path, required=True, help="CSV of the split")
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE", help="start weights")
    parser.add_argument("--teacher", type=Path, help="weights of the trained teacher, for offline distillation")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--per-gpu", type=positive, default=1, help="trainings that may share a GPU of this machine")
    parser.add_argument(
        "--workers", type=auto_or_count, default="auto", help="loading processes; results do not depend on it"
    )
    parser.add_argument(
        "--validation-only",
        action="store_true",
        help="of a search: write history and run.json, leave the test set alone",
    )
    parser.add_argument("--checkpoint-minutes", type=minutes, default=10.0)
    return parser.parse_args()


class LeaveOnSignal:
    """Remembers that the scheduler asked the process to leave."""

    def __init__(self) -> None:
        self.number: int | None = None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self.number = number

    def __call__(self) -> bool:
        """Whether a signal has come."""
        return self.number is not None


class StepLog:
    """The share done and the time left: a line a minute in a log, a bar on a terminal; both in a file for who looks on.

    Args:
        file: that tells how far the training has come.
    """

    def __init__(self, file: ProgressFile) -> None:
        self.file = file
        self.started: tuple[float, int] | None = None
        self.last_line = time.monotonic()
        self.bar = _bar() if sys.stderr.isatty() else None

    def __call__(self, done: int, of: int) -> None:
        """Note that `done` of `of` steps are done."""
        if self.bar is not None:
            self.bar(done, of)
        now = time.monotonic()
        self.started = self.started or (now, done)
        if now - self.last_line >= SECONDS_BETWEEN_LINES and done > self.started[1]:
            left = (of - done) * (now - self.started[0]) / (done - self.started[1])
            if self.bar is None:
                log.info("step %d of at most %d, at most %s left", done, of, duration(left))
            self.file.tell(step=done, steps=of, seconds_left=left)
            self.last_line = now

    def epoch(self, done: int, of: int, scores: dict[str, float], left: float) -> None:
        """Note that `done` of `of` epochs are done."""
        self.file.tell(epoch=done, epochs=of, scores=scores, seconds_left=left)


def _bar():
    from rich.console import Console
    from rich.progress import Progress as Bar

    bar = Bar(console=Console(stderr=True), transient=True)
    task = bar.add_task("steps", total=None)
    bar.start()
    return lambda done, of: bar.update(task, completed=done, total=of)


def input_checksums(arguments: argparse.Namespace, starts: dict[str, Path]) -> dict[str, str]:
    """Checksums of all that the run reads."""
    sums = {f"data.{name}": digest for name, digest in checked_sums(arguments.data).items()}
    sums["split"] = sha256_of(arguments.split)
    sums |= {f"weights.{name}": sha256_of(path) for name, path in starts.items() if path.exists()}
    if arguments.teacher is not None and arguments.teacher.exists():
        sums["teacher"] = sha256_of(arguments.teacher)
    return sums


def image_counts(data: build.RunData) -> dict[str, int]:
    """How many images of what size the run saw."""
    counts = {name: len(part) for name, part in data.parts.items()}
    return {"size": int(data.arrays.images.shape[1]), "total": sum(counts.values()), **counts}


def code_hashes(settings: RunSettings) -> dict[str, str]:
    """Hashes of the program that trains, taken before it starts: files may be edited while it runs."""
    method = None if settings.method is None else settings.method.name
    return {"code_hash": provenance.code_hash(), "method_hash": provenance.method_hash(method, settings.kind)}


def record(
    settings: RunSettings,
    data: build.RunData,
    engine: Engine,
    progress: Progress,
    inputs: dict[str, str],
    code: dict[str, str],
) -> dict[str, Any]:
    """Content of run.json."""
    return {
        "settings": settings.model_dump(mode="json"),
        "settings_hash": settings.digest(),
        **code,
        "sharing": engine.cohort.describe(),
        "seed": settings.seed,
        "inputs": inputs,
        "images": image_counts(data),
        "epochs": progress.epoch,
        "devices": progress.devices,
        "best": {name: {"epoch": best.epoch, "score": best.score} for name, best in progress.best.items()},
        "parameters": {name: parameter_count(network) for name, network in engine.cohort.networks.items()},
        "deterministic": settings.training.deterministic,
        "seconds": round(progress.seconds, 3),
        "images_per_second": round(progress.images / progress.seconds, 3),
        "seconds_to_first_step": round((engine.first_step_at or STARTED) - STARTED, 3),
        "peak_memory_mib": round(provenance.peak_memory_mib(), 1),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        **provenance.environment(engine.surroundings.device),
    }


@faults_of_torch_told()
def main() -> None:
    """Take a GPU where there is one, and train on it."""
    arguments = parse_arguments()
    leave = LeaveOnSignal()
    settings = RunSettings.from_argument(arguments.settings)
    with one_of(build.gpus_for(settings), arguments.per_gpu, give_up=leave):
        if leave():
            sys.exit(128 + leave.number)
        run(arguments, settings, leave)


def run(arguments: argparse.Namespace, settings: RunSettings, leave: LeaveOnSignal) -> None:
    """Read everything, then build and train alone in the folder, unless that is done."""
    starts = dict(labelled_files(arguments.weights, "--weights"))
    device = build.choose_device(settings)
    data = build.open_data(settings, arguments.data, arguments.split)
    inputs = input_checksums(arguments, starts)
    code = code_hashes(settings)
    decided = repr((settings.to_json(), sorted(inputs.items()), sorted(code.items())))
    state = arguments.out / "checkpoint.pt"
    file = ProgressFile(arguments.out, continues=state.exists())
    steps = StepLog(file)
    surroundings = Surroundings(
        device=device,
        workers=build.loading_processes(arguments.workers, device),
        checkpoint=state,
        fingerprint=hashlib.sha256(decided.encode()).hexdigest(),
        checkpoint_seconds=60 * arguments.checkpoint_minutes,
        should_leave=leave,
        on_step=steps,
        on_epoch=steps.epoch,
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    with alone_in(arguments.out):
        made_from = program_and_inputs(surroundings, arguments.validation_only)
        if brought_back(arguments.out, SEAL, made_from):
            log.info("this run is trained already; delete %s to train it again", arguments.out)
        else:
            weights = build.cross_entropy_weights(settings, data)
            cohort = build.build_cohort(settings, starts, arguments.teacher, int(data.arrays.images.shape[1]), weights)
            try:
                engine, progress = train(settings, data, cohort, surroundings)
            except Interrupted:
                log.info("asked to leave: saved %s; start the same command again to continue", surroundings.checkpoint)
                sys.exit(128 + leave.number)
            with written_together(arguments.out, SEAL, keep_as=made_from) as folder:
                write_history_and_predictions(folder, engine, progress, data, arguments.validation_only)
                write_json(folder / SEAL, record(settings, data, engine, progress, inputs, code))
        checkpoint.remove(surroundings.checkpoint)
        file.remove()


def program_and_inputs(surroundings: Surroundings, validation_only: bool) -> str:
    """All that the outputs follow from; other than for a checkpoint also packages, device, and which outputs there are."""
    environment = provenance.environment(surroundings.device)
    return " ".join(
        [
            surroundings.fingerprint,
            *(f"{name}={number}" for name, number in environment["packages"].items()),
            environment["device"],
            *(["validation only"] if validation_only else []),
        ]
    )


def train(
    settings: RunSettings, data: build.RunData, cohort: Cohort, surroundings: Surroundings
) -> tuple[Engine, Progress]:
    """Train to the end.

    Raises:
        Interrupted: asked to leave; the checkpoint is saved.
    """
    device, workers = surroundings.device, surroundings.workers
    batches = build.training_batches(settings, data, device, workers, whole=cohort.whole_batches)
    check_last_batch(cohort, batches)
    engine = Engine(cohort, data.arrays, data.parts["validation"], batches, settings.training, surroundings)
    return engine, engine.run()


def write_history_and_predictions(
    folder: Path, engine: Engine, progress: Progress, data: build.RunData, validation_only: bool
) -> None:
    """Write all outputs but the record; of a search's trial the history alone."""
    cohort = engine.cohort
    if not validation_only:
        for part, name in (("test", "predictions.npz"), ("validation", "validation.npz")):
            rows = data.parts[part]
            outputs = predict(cohort, data.arrays, rows, engine.training, engine.surroundings.device)
            predictions.save(folder / name, rows.rows, outputs)
        learners = {name: cohort.networks[name] for name in cohort.graph.learners}
        save_networks(folder / "weights.safetensors", learners)
    write_csv(folder / "history.csv", progress.history)


if __name__ == "__main__":
    run_script(main)
