"""Where every training of an experiment stands, read off the files that it leaves: no scheduler and no server is asked."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError, told_in
from kdml.common.json_text import parse_json
from kdml.common.locks import NAME as LOCK
from kdml.common.locks import Holder, holder_of
from kdml.experiment.grid_search import Search
from kdml.experiment.paths import Paths
from kdml.experiment.plan import Plan, Run
from kdml.runs import progress
from kdml.runs.settings import RunSettings

CHECKPOINT = "checkpoint.pt"  # as src/train.py calls it
SILENCE = 900.0  # seconds without a sign after which a training on another machine is taken for ended; it writes once a minute
TAIL = 20_000  # bytes of a log, in whose end an error stands


class State(StrEnum):
    """Where a training stands."""

    DONE = "done"
    RUNNING = "running"
    WAITING = "waiting"
    INTERRUPTED = "interrupted"  # killed or asked to leave: the next try continues from the checkpoint
    FAILED = "failed"
    STALE = "stale"  # finished with other settings, or lacking a file: will be trained again


@dataclass(frozen=True)
class Training:
    """A training of the plan and where its files lie.

    Args:
        run: that is trained.
        trial: name of a trial of the grid search; empty for a run of the experiment.
        settings: all options.
        folder: of its files, from the working directory.
        log: what it says.
        outputs: files that it leaves.
    """

    run: Run
    trial: str
    settings: RunSettings
    folder: str
    log: str
    outputs: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name for people: place, run, trial and seed."""
        run = self.run
        return "/".join(filter(None, (run.protocol, run.task, run.pair, run.run, self.trial, f"seed-{run.seed}")))

    @property
    def place(self) -> str:
        """Protocol, task, and pair or network."""
        return f"{self.run.protocol}/{self.run.task}/{self.run.pair}"


@dataclass(frozen=True)
class Standing:
    """Where a training stands.

    Args:
        training: of the plan.
        state: where it stands.
        position: how far it came, if it is unfinished and said so.
        holder: process that is at it, or was until it was killed.
        silent_for: seconds since its files last changed; None if there are none.
        reason: why it failed, is stale, or was interrupted.
        remedy: what to do about it.
        record: of a finished one, its run.json.
    """

    training: Training
    state: State
    position: progress.Position | None = None
    holder: Holder | None = None
    silent_for: float | None = None
    reason: str = ""
    remedy: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)

    def as_row(self) -> dict[str, Any]:
        """All that is known, for machines."""
        run, position, record = self.training.run, self.position or progress.Position(), self.record
        done = self.state is State.DONE
        best = {name: one["score"] for name, one in record["best"].items()} if done else dict(position.scores)
        return {
            **{name: getattr(run, name) for name in ("protocol", "task", "pair", "run", "seed")},
            "trial": self.training.trial,
            "state": str(self.state),
            "epoch": record["epochs"] if done else position.epoch,
            "epochs_at_most": position.epochs or self.training.settings.training.epochs,
            "scores": best,
            "seconds": record["seconds"] if done else None,
            "seconds_left_at_most": None if done else position.seconds_left,
            "host": self.holder.host if self.holder else "",
            "process": self.holder.process if self.holder else "",
            "since": self.holder.since if self.holder else "",
            "silent_for": None if self.silent_for is None else round(self.silent_for, 1),
            "reason": self.reason,
            "remedy": self.remedy,
            "folder": self.training.folder,
            "log": self.training.log,
        }


def trainings_of(plan: Plan, paths: Paths) -> list[Training]:
    """All trainings of an experiment, in the order of the plan."""
    return [
        Training(
            run,
            "",
            plan.settings(run),
            paths.run(run),
            paths.train_log(run),
            (paths.record(run), paths.weights(run), paths.history(run), paths.predictions(run), paths.validation(run)),
        )
        for run in plan.runs
    ]


def trials_of(plan: Plan, paths: Paths) -> list[Training]:
    """All trainings of an experiment's grid search."""
    search = Search(plan)
    return [
        Training(
            one.run,
            one.name,
            search.settings(one),
            paths.trial(one.run, one.name),
            paths.trial_log(one.run, one.name),
            (paths.trial_record(one.run, one.name), paths.trial_history(one.run, one.name)),
        )
        for one in search.trials
    ]


def standing_of(training: Training, base: Path) -> Standing:
    """Say where a training stands.

    Args:
        training: of the plan.
        base: working directory of the workflow.
    """
    folder, log = base / training.folder, base / training.log
    holder = holder_of(folder / LOCK)
    silent_for = _silence((folder / LOCK, folder / progress.NAME, folder / CHECKPOINT, log))
    seen = Standing(training, State.WAITING, progress.read(folder), holder, silent_for)
    if holder is not None and (holder.holds or (holder.holds is None and (silent_for or 0) < SILENCE)):
        return replace(seen, state=State.RUNNING)
    if (base / training.outputs[0]).exists():
        return _finished(training, base)
    if error := told_in(_tail(log)):
        return replace(seen, state=State.FAILED, reason=error.problem, remedy=error.remedy)
    saved = (folder / CHECKPOINT).exists()
    if reason := _interruption(seen, saved):
        # Without a checkpoint all that it did is lost.
        return replace(seen, state=State.INTERRUPTED, reason=reason, position=seen.position if saved else None)
    return Standing(training, State.WAITING)


def _interruption(seen: Standing, saved: bool) -> str:
    """Why an unfinished training is not at work; empty if it was never begun."""
    goes_on = "continues from its checkpoint" if saved else "begins anew"
    if seen.holder is not None and seen.holder.holds is None:
        who = f"process {seen.holder.process} on {seen.holder.host}"
        return (
            f"no sign of {who} for {progress.duration(seen.silent_for or 0)}; if it has ended, the next try {goes_on}"
        )
    if seen.holder is not None:
        return f"ended without a word: killed, or out of memory; the next try {goes_on}"
    return f"was asked to leave; the next try {goes_on}" if saved else ""


def _finished(training: Training, base: Path) -> Standing:
    """Where a training with a record stands."""
    path = base / training.outputs[0]
    try:
        record = parse_json(path.read_text(encoding="utf-8"))
        _check(record)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        remedy = "delete it and let the workflow train the run again"
        return Standing(training, State.FAILED, reason=f"{training.outputs[0]} is damaged.", remedy=remedy)
    if record["settings_hash"] != training.settings.digest():
        return Standing(training, State.STALE, reason="trained with other settings", record=record)
    if missing := [name for name in training.outputs if not (base / name).exists()]:
        return Standing(training, State.STALE, reason=f"{missing[0]} is missing", record=record)
    return Standing(training, State.DONE, record=record)


def _check(record: Mapping[str, Any]) -> None:
    """Refuse what is no record of a run, as far as this module and the forecast read it."""
    values = [one["score"] for one in record["best"].values()]
    values += [record["seconds"], record["epochs"], *record["parameters"].values(), *record["images"].values()]
    if not all(isinstance(value, int | float) for value in values) or not isinstance(record["settings_hash"], str):
        raise TypeError


def _silence(files: Iterable[Path]) -> float | None:
    """Seconds since the last change of any of these files; None if there are none."""
    times = []
    for path in files:
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return max(0.0, time.time() - max(times)) if times else None


def _tail(path: Path) -> str:
    """End of a log; empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def other_failures(paths: Paths, trainings: Iterable[Training], base: Path) -> Iterator[tuple[str, UserError]]:
    """Find steps other than trainings whose last try failed.

    Args:
        paths: of the experiment.
        trainings: whose logs are left out.
        base: working directory of the workflow.

    Yields:
        (log, error).
    """
    known = {training.log for training in trainings}
    for path in sorted((base / paths.logs).rglob("*.log")):
        name = path.relative_to(base).as_posix()
        if name not in known and (error := told_in(_tail(path))):
            yield name, error
