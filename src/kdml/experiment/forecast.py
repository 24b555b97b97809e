"""What an experiment will cost before it is done: trainings, hours, disk, and what shorter lists under `run:` would save."""

import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.common.json_text import parse_json
from kdml.common.project import ROOT
from kdml.experiment.archives import is_drawn_dataset
from kdml.experiment.config import Experiment
from kdml.experiment.paths import Paths
from kdml.experiment.plan import Plan, Run
from kdml.experiment.states import Standing, State
from kdml.runs.graph import BASELINE, TEACHER, VARIANTS
from kdml.runs.settings import RunSettings
from kdml.runs.step_times import StepTime, cost_class

PUBLISHED = {"hcd": 220_025, "lgg": 3_929, "ham10000": 10_015}  # images of the archives, before any is left out
ALONE = "networks alone"
FLOAT = 4  # bytes
STATES_IN_CHECKPOINT = 4  # of every trained parameter: its value, two moments of Adam, and the best one so far


@dataclass(frozen=True)
class Pictures:
    """Images of a task.

    Args:
        size: in pixels of a side.
        total: of the prepared data set.
        train, validation, test: of the split.
        counted: whether they were counted, in the prepared data; else they are as published, as configured, or as many as there are
            files.
    """

    size: int
    total: int
    train: int
    validation: int
    test: int
    counted: bool


def pictures_of(experiment: Experiment, paths: Paths, task: str, base: Path) -> Pictures:
    """Say how many images a task has.

    Args:
        experiment: the configuration.
        paths: of its files.
        task: key of the task.
        base: working directory of the workflow.
    """
    key = experiment.tasks[task].dataset
    dataset = experiment.datasets[key]
    total = _counted(base / paths.data_report(key))
    counted = total is not None
    if total is None:
        if dataset.source is not None:
            there = files_in(ROOT / dataset.source.expanduser()) // (2 if experiment.content(key).has_masks else 1)
        else:
            there = dataset.demo_images if is_drawn_dataset(experiment, key) else PUBLISHED[key]
        total = min([there, *filter(None, (dataset.subset, dataset.limit))])
    train, validation, test = (round(total * share) for share in experiment.split.fractions)
    return Pictures(dataset.image_size, total, train, validation, test, counted)


def files_in(source: Path) -> int:
    """Number of files of a folder or zip, about as many as its pictures and masks; 0 where there is none to look into."""
    try:
        if source.is_dir():
            return sum(len(files) for _, _, files in os.walk(source))
        with zipfile.ZipFile(source) as file:
            return sum(not member.is_dir() for member in file.infolist())
    except (OSError, zipfile.BadZipFile):
        return 0


def _counted(report: Path) -> int | None:
    try:
        kept = int(parse_json(report.read_text(encoding="utf-8"))["kept"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return kept if kept > 0 else None


@dataclass(frozen=True)
class Cost:
    """What is left of a training.

    Args:
        standing: of the training.
        key: its class of cost.
        steps: of an epoch.
        epochs: of the whole training, at most.
        left: epochs that are left, at most.
        epoch_seconds: of an epoch with its validation; None if nothing like it was measured.
        seconds: that are left, at most; None if not known.
        basis: what the seconds were taken from: `itself`, `finished` trainings, or the `calibration`; empty if nothing.
    """

    standing: Standing
    key: str
    steps: int
    epochs: int
    left: int
    epoch_seconds: float | None
    seconds: float | None
    basis: str

    @property
    def kind(self) -> str:
        """Kind of training: a technique, networks alone, teachers, methods, own variants."""
        run, settings = self.standing.training.run, self.standing.training.settings
        names = {BASELINE: ALONE, TEACHER: "teachers"}
        if settings.method is not None:
            return "methods"
        return names.get(run.run) or (VARIANTS[run.run][0] if run.run in VARIANTS else "own variants")


class Forecast:
    """What is left to do of an experiment.

    Finished trainings are the better measure: what is like them takes as long for each image. Where there are none, the calibration
    says how long a step and an image of validation take.

    Args:
        plan: of the experiment.
        standings: of all its trainings.
        pictures: by task.
        step_times: what a calibration measured, by class of cost.
    """

    def __init__(
        self,
        plan: Plan,
        standings: Sequence[Standing],
        pictures: Mapping[str, Pictures],
        step_times: Mapping[str, StepTime],
    ):
        self.plan, self.pictures, self.step_times = plan, pictures, step_times
        self.finished = [one for one in standings if one.state is State.DONE]
        self.unfinished = [one for one in standings if one.state is not State.DONE]
        self._keys = {
            one.training.folder: cost_class(one.training.settings, pictures[one.training.run.task].size)
            for one in standings
        }

    def key_of(self, standing: Standing) -> str:
        """Class of cost of a training."""
        return self._keys[standing.training.folder]

    def classes(self) -> dict[str, Standing]:
        """Training to calibrate with of every class of cost that is not finished: that with the most edges."""
        found: dict[str, Standing] = {}
        for one in sorted(self.unfinished, key=lambda one: len(one.training.settings.edges)):
            found[self.key_of(one)] = one
        return found

    @cached_property
    def _rates(self) -> dict[str, float]:
        """Seconds per epoch and training image of finished trainings, by class of cost."""
        sums: dict[str, tuple[float, float]] = {}
        for one in self.finished:
            key, record = self.key_of(one), one.record
            seconds, images = sums.get(key, (0.0, 0.0))
            sums[key] = seconds + record["seconds"], images + record["epochs"] * record["images"]["train"]
        return {key: seconds / images for key, (seconds, images) in sums.items() if images}

    @cached_property
    def share_of_epochs(self) -> float | None:
        """Share of their epochs that finished trainings took before they stopped early; None if none is finished."""
        shares = [one.record["epochs"] / self._epochs(one) for one in self.finished]
        return min(1.0, sum(shares) / len(shares)) if shares else None

    def _epochs(self, standing: Standing) -> int:
        settings = standing.training.settings
        measured = self.step_times.get(self.key_of(standing))
        stages = measured.stages if measured and not measured.problem else _stages(settings)
        return settings.training.epochs * stages

    @cached_property
    def costs(self) -> list[Cost]:
        """What is left of every training that is not finished."""
        return list(map(self._cost, self.unfinished))

    def _cost(self, standing: Standing) -> Cost:
        settings = standing.training.settings
        key, pictures = self.key_of(standing), self.pictures[standing.training.run.task]
        steps = -(-pictures.train // settings.training.batch_size)
        epochs = self._epochs(standing)
        position = standing.position if standing.state in (State.RUNNING, State.INTERRUPTED) else None
        left = max(0, epochs - (position.epoch if position else 0))
        seconds_of_epoch, basis = self._epoch_seconds(key, pictures, steps)
        seconds = None if seconds_of_epoch is None else left * seconds_of_epoch
        if standing.state is State.RUNNING and position is not None and position.seconds_left is not None:
            seconds, basis = max(0.0, position.seconds_left - (standing.silent_for or 0.0)), "itself"
        return Cost(standing, key, steps, epochs, left, seconds_of_epoch, seconds, basis)

    def _epoch_seconds(self, key: str, pictures: Pictures, steps: int) -> tuple[float | None, str]:
        if key in self._rates:
            return self._rates[key] * pictures.train, "finished"
        measured = self.step_times.get(key)
        if measured is None or measured.problem:
            return None, ""
        return steps * measured.step + pictures.validation * measured.validation, "calibration"

    @property
    def seconds(self) -> float:
        """Time of all that is left, at most, as far as it is known."""
        return sum(cost.seconds for cost in self.costs if cost.seconds is not None)

    @property
    def unknown(self) -> list[Cost]:
        """Trainings whose time is not known."""
        return [cost for cost in self.costs if cost.seconds is None]

    @cached_property
    def devices(self) -> list[str]:
        """Devices that the times are of."""
        keys = {cost.key for cost in self.costs}
        measured = [one.device for key, one in self.step_times.items() if key in keys and key not in self._rates]
        finished = [str(one.record.get("device", "")) for one in self.finished if self.key_of(one) in keys]
        return sorted(filter(None, {*measured, *finished}))

    # Disk

    def disk(self) -> dict[str, int | None]:
        """Bytes that are still to be written, at most, by what is written.

        Weights and checkpoints, of which a training under way has one, are None before a calibration or a finished training tells
        how many parameters there are.
        """
        trained = [(cost.standing.training, self._trained(cost)) for cost in self.costs]
        known = [(training, count) for training, count in trained if count is not None]
        is_known = len(known) == len(trained)
        kept = sum(count for training, count in known if not training.trial)
        largest = max((count for _, count in known), default=0)
        return {
            "data": self._data(),
            "weights": FLOAT * kept if is_known else None,
            "predictions": sum(map(self._predictions, self.costs)),
            "checkpoint of each training under way": STATES_IN_CHECKPOINT * FLOAT * largest if is_known else None,
        }

    def _data(self) -> int:
        tasks = self.plan.experiment.tasks
        segmented = {one.dataset for one in tasks.values() if one.kind == "segmentation"}
        needed = {tasks[task].dataset: found for task, found in self.pictures.items() if not found.counted}
        return sum(found.total * found.size**2 * (4 if key in segmented else 3) for key, found in needed.items())

    @cached_property
    def _parameters(self) -> dict[str, Mapping[str, int]]:
        """Parameters of networks by class of cost."""
        measured = {key: one.parameters for key, one in self.step_times.items() if not one.problem}
        return measured | {self.key_of(one): one.record["parameters"] for one in self.finished}

    def _trained(self, cost: Cost) -> int | None:
        """Parameters of the networks that a training trains."""
        learners = cost.standing.training.settings.supervised
        like = self._parameters.get(cost.key)
        return None if like is None else sum(like.get(name, 0) for name in learners)

    def _predictions(self, cost: Cost) -> int:
        """Bytes of the predictions of a training before they are compressed."""
        training = cost.standing.training
        if training.trial:
            return 0
        pictures, settings = self.pictures[training.run.task], training.settings
        each = FLOAT * settings.outputs if settings.kind == "classification" else pictures.size**2
        return (pictures.validation + pictures.test) * each * len(settings.networks)

    # Savings

    def savings(self) -> Iterator[tuple[str, int, float | None]]:
        """What shorter lists under `run:` would save of what is left: one entry fewer, where there are several, and no baselines.

        Yields:
            (change, trainings fewer, seconds fewer at most; None if not known of all of them).
        """
        for change, update in _shorter(self.plan.experiment):
            try:
                kept = set(Plan(_with(self.plan.experiment, update)).runs)
            except UserError:
                continue  # nothing would be left, or what is left does not fit together
            gone = [cost for cost in self.costs if not cost.standing.training.trial and _run(cost) not in kept]
            seconds = [cost.seconds for cost in gone]
            if gone:
                yield change, len(gone), None if None in seconds else sum(filter(None, seconds))

    def as_rows(self) -> dict[str, Any]:
        """All of it, for machines: times in seconds, disk in bytes."""
        costs = [
            {
                "training": cost.standing.training.name,
                "steps_per_epoch": cost.steps,
                "epochs_at_most": cost.epochs,
                "epochs_left_at_most": cost.left,
                "seconds_per_epoch": cost.epoch_seconds,
                "seconds_left_at_most": cost.seconds,
                "basis": cost.basis,
            }
            for cost in self.costs
        ]
        return {
            "trainings": len(costs),
            "seconds_at_most": self.seconds,
            "of_unknown_time": len(self.unknown),
            "share_of_epochs_of_finished": self.share_of_epochs,
            "devices": self.devices,
            "disk_at_most": self.disk(),
            "savings": [
                dict(zip(("change", "trainings", "seconds_at_most"), one, strict=True)) for one in self.savings()
            ],
            "costs": costs,
        }


def _run(cost: Cost) -> Run:
    return cost.standing.training.run


def _stages(settings: RunSettings) -> int:
    """Stages of a training as its method's options say; one for all others."""
    stages = settings.method.options.get("stages", 1) if settings.method else 1
    return stages if isinstance(stages, int) else 1


def _with(experiment: Experiment, update: Mapping[str, Any]) -> Experiment:
    return experiment.model_copy(update={"run": experiment.run.model_copy(update=dict(update))})


def _shorter(experiment: Experiment) -> Iterator[tuple[str, dict[str, Any]]]:
    """(words, keys of `run`) of all changes that are looked at."""
    choice = experiment.run
    if choice.baselines:
        yield "baselines: false", {"baselines": False}
    if len(choice.seeds) > 1:
        yield f"seeds without {choice.seeds[-1]}", {"seeds": choice.seeds[:-1]}
    if choice.methods:
        yield "methods: []", {"methods": []}
    for key in ("protocols", "tasks", "pairs", "techniques", "strategies", "own_variants", "methods"):
        values: Sequence[str] = getattr(choice, key)
        if len(values) > 1 or (values and key == "own_variants"):
            yield from ((f"{key} without {one}", {key: _without(values, one)}) for one in values)


def _without(values: Iterable[str], one: str) -> list[str]:
    return [value for value in values if value != one]
