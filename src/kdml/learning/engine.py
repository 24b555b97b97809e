"""Training of one run: epochs, optimiser, schedule, early stop, checkpoint and exact resume.

The loop knows networks and a sharing graph, never the name of a variant. On a CPU the same settings and data give the same bits,
whatever the number of loader workers and however often the run was interrupted.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kdml.data.arrays import Arrays, Part
from kdml.learning import checkpoint
from kdml.learning.batches import Batch, TrainingBatches, evaluation_batches
from kdml.learning.cohort import Cohort
from kdml.learning.divergence import explained
from kdml.learning.precision import autocast
from kdml.learning.provenance import device_name
from kdml.learning.stored import Stored, stored
from kdml.learning.validation import validate, validate_loss
from kdml.runs.graph import TEACHER
from kdml.runs.progress import duration
from kdml.runs.settings import Training

log = logging.getLogger(__name__)

EVALUATION_BATCH = 32
NetworkState = dict[str, Tensor]


class Interrupted(Exception):
    """Raised where a run was asked to leave; its checkpoint is saved."""


@dataclass
class Best:
    """A network's weights at its own best validation score."""

    score: float = -math.inf
    epoch: int = -1
    weights: NetworkState = field(default_factory=dict)


@dataclass
class Progress:
    """How far a run has come: everything but the networks and the optimiser.

    Args:
        epoch: the one under way, counted from 0.
        step: steps done in it.
        sums: of the loss terms over the epoch's images, on the run's device: by the names of the terms of a step, in their order.
        history: one row per finished epoch.
        best: per learner.
        best_monitored: best mean validation score of the students, and
        stale_epochs: epochs since then.
        seconds: of training so far, over all its parts.
        images: seen so far.
        stage_start: epoch with which the stage under way began.
        devices: names of all that the run was trained on, in their order.
    """

    epoch: int = 0
    step: int = 0
    sums: dict[tuple[str, ...], Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Best] = field(default_factory=dict)
    best_monitored: float = -math.inf
    stale_epochs: int = 0
    seconds: float = 0.0
    images: int = 0
    stage_start: int = 0
    devices: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Surroundings:
    """What a training needs from its surroundings.

    Args:
        device: `cpu` or `cuda`.
        workers: loading processes.
        checkpoint: where to keep the state; None to keep none.
        fingerprint: of settings, data and code, for the checkpoint.
        checkpoint_seconds: time between checkpoints.
        should_leave: asked after every step; True saves the state and raises `Interrupted`.
        on_step: told the steps done and the steps of the whole run, for a progress bar.
        on_epoch: told the finished epochs, those of the whole run at most, validation scores, and the seconds left at most.
    """

    device: str = "cpu"
    workers: int = 0
    checkpoint: Path | None = None
    fingerprint: str = ""
    checkpoint_seconds: float = 600.0
    should_leave: Callable[[], bool] = lambda: False
    on_step: Callable[[int, int], None] = lambda done, of: None
    on_epoch: Callable[[int, int, dict[str, float], float], None] = lambda done, of, scores, left: None


class Engine:
    """Trains a cohort.

    Args:
        cohort: networks and losses.
        arrays: of the dataset.
        validation: rows that choose weights, schedule and stop.
        batches: of the training rows.
        training: settings.
        surroundings: device, checkpoint and whom to ask and tell.
    """

    def __init__(
        self,
        cohort: Cohort,
        arrays: Arrays,
        validation: Part,
        batches: TrainingBatches,
        training: Training,
        surroundings: Surroundings,
    ):
        self.cohort = cohort.to(surroundings.device, memory_format=torch.channels_last)
        self.arrays, self.validation, self.batches = arrays, validation, batches
        self.training, self.surroundings = training, surroundings
        self.learners = cohort.graph.learners
        self._begin_optimising()
        self.adversary_optimiser = None
        if cohort.adversary is not None:
            self.adversary_optimiser = torch.optim.Adam(cohort.adversary.parameters(), **cohort.adversary_adam)
        self.stored: Stored | None = None
        self.progress = Progress(best={learner: Best() for learner in self.learners})
        self.first_step_at: float | None = None
        self._saved_at = time.monotonic()

    def _begin_optimising(self) -> None:
        """A fresh optimiser and schedule, as every stage of a training starts with."""
        self.optimiser = torch.optim.Adam(
            [{"params": self.cohort.trained_parameters(learner)} for learner in self.learners],
            lr=self.training.learning_rate,
            fused=True,
        )
        self.schedule = _schedule(self.optimiser, self.training)

    def run(self) -> Progress:
        """Train to the last epoch or the early stop, and leave the best weights in the networks.

        Raises:
            Interrupted: `should_leave` said so; the state is saved.
            UserError: a loss is not a number, or the checkpoint is not this run's.
        """
        self._resume()
        if (name := device_name(self.surroundings.device)) not in self.progress.devices:
            self.progress.devices.append(name)
        self._store()
        self._train_stage()
        while self.cohort.next_stage():
            self._begin_stage()
            self._train_stage()
        return self.progress

    def _store(self) -> None:
        """Compute once what is the same in every epoch."""
        started, device = time.monotonic(), self.surroundings.device
        self.stored = stored(self.cohort, self.arrays, self.batches.part, self.validation, self.training, device)
        self.progress.seconds += time.monotonic() - started

    def _train_stage(self) -> None:
        while not self._finished():
            self._train_epoch()
            self._finish_epoch()
            self._save(only_if_due=True)
        for learner, best in self.progress.best.items():
            self.cohort.networks[learner].load_state_dict(best.weights)

    def _begin_stage(self) -> None:
        """Let the networks go on from their best weights; scores of different stages are not compared."""
        progress = self.progress
        progress.best = {learner: Best() for learner in self.learners}
        progress.best_monitored, progress.stale_epochs, progress.stage_start = -math.inf, 0, progress.epoch
        self._begin_optimising()
        self._save()

    def _finished(self) -> bool:
        stopped = self.training.patience > 0 and self.progress.stale_epochs >= self.training.patience
        return stopped or self._stage_epochs() >= self.training.epochs

    def _stage_epochs(self) -> int:
        """Epochs done in the stage under way."""
        return self.progress.epoch - self.progress.stage_start

    def _train_epoch(self) -> None:
        self.cohort.train()
        self.cohort.begin_epoch(self._stage_epochs() / max(1, self.training.epochs - 1))
        progress = self.progress
        for batch in self._timed(self.batches.epoch(progress.epoch, progress.step)):
            terms = self._step(batch)
            self._count(terms, len(batch.images))
            self.surroundings.on_step(self._steps_done(), self._epochs_at_most() * len(self.batches))
            if self.surroundings.should_leave():
                self._save()
                raise Interrupted
            self._save(only_if_due=True)

    def _step(self, batch: Batch) -> dict[str, Tensor]:
        """One forward per network, one backward over all losses, one step of the optimiser."""
        if self.first_step_at is None:
            self.first_step_at = time.time()
        images = batch.images.to(self.surroundings.device, non_blocking=True)
        targets = batch.targets.to(self.surroundings.device, non_blocking=True)
        with autocast(self.surroundings.device, self.training):
            known = {} if self.stored is None else self.stored.of(batch.rows, self.surroundings.device)
            outputs = self.cohort(images, known)
        losses = self.cohort.losses(outputs, targets)
        self.optimiser.zero_grad(set_to_none=True)
        losses.total.backward()
        self._clip(self.cohort.parameters())
        self.optimiser.step()
        return losses.terms | self._train_adversary()

    def _clip(self, parameters: Iterator[torch.nn.Parameter]) -> None:
        if self.cohort.clip is not None:
            torch.nn.utils.clip_grad_norm_(parameters, self.cohort.clip)

    def _train_adversary(self) -> dict[str, Tensor]:
        """One step of the network that is trained against the student, after the student's own."""
        if self.adversary_optimiser is None:
            return {}
        loss = self.cohort.adversary_loss(seed=1_000_003 * self.batches.seed + self._steps_done())
        self.adversary_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._clip(self.cohort.adversary.parameters())
        self.adversary_optimiser.step()
        return {f"{self.learners[0]}.adversary": loss.detach()}

    def _count(self, terms: dict[str, Tensor], images: int) -> None:
        """Add the terms to their sums, which stay on the device: reading them each step would make a GPU wait."""
        progress = self.progress
        names = tuple(terms)
        progress.sums[names] = progress.sums.get(names, 0) + torch.stack(list(terms.values())).double() * images
        progress.step += 1
        progress.images += images

    def _epochs_at_most(self) -> int:
        """Epochs of the whole training if no stage stops early from here on."""
        return self.progress.stage_start + self.training.epochs * self.cohort.stages_left

    def _steps_done(self) -> int:
        return self.progress.epoch * len(self.batches) + self.progress.step

    def _timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Add the time of each step, loading included, to the run's."""
        started = time.monotonic()
        for batch in batches:
            yield batch
            now = time.monotonic()
            self.progress.seconds += now - started
            started = now

    def _finish_epoch(self) -> None:
        """Validate, keep better weights, move schedule and early stop, write the history row."""
        progress = self.progress
        row = {"epoch": progress.epoch, "learning_rate": self.optimiser.param_groups[0]["lr"]}
        for names, totals in progress.sums.items():
            for name, total in zip(names, totals.tolist(), strict=True):
                row[f"train.{name}"] = row.get(f"train.{name}", 0.0) + total / self.batches.images
        scores = self._validate(row)
        self._check_finite(row)
        self._keep_best(scores)
        monitored = _monitored(scores)
        if self.schedule is not None:
            self.schedule.step(monitored)
        improved = monitored > progress.best_monitored
        progress.best_monitored = max(monitored, progress.best_monitored)
        progress.stale_epochs = 0 if improved else progress.stale_epochs + 1
        row["seconds"] = progress.seconds
        progress.history.append(row)
        progress.epoch, progress.step, progress.sums = progress.epoch + 1, 0, {}
        self._report(row, scores)

    def _validate(self, row: dict[str, float]) -> dict[str, float]:
        started = time.monotonic()
        batches = evaluation_batches(self.arrays, self.validation, EVALUATION_BATCH)
        with autocast(self.surroundings.device, self.training):
            results = validate(self.cohort, batches, self.surroundings.device, self.stored)
        self.progress.seconds += time.monotonic() - started
        for learner, result in results.items():
            row[f"validation.{learner}.score"], row[f"validation.{learner}.loss"] = result.score, result.loss
        if self.cohort.scored:
            return {learner: result.score for learner, result in results.items()}
        with autocast(self.surroundings.device, self.training):
            batches = evaluation_batches(self.arrays, self.validation, EVALUATION_BATCH)
            loss = validate_loss(self.cohort, batches, self.surroundings.device)
        row |= {f"validation.{learner}.total": loss for learner in results}
        return dict.fromkeys(results, -loss)

    def _check_finite(self, row: dict[str, float]) -> None:
        broken = [name.removeprefix("train.") for name, value in row.items() if not math.isfinite(value)]
        if broken:
            if self.surroundings.checkpoint is not None:
                checkpoint.set_aside(self.surroundings.checkpoint)
            tried = next(evaluation_batches(self.arrays, self.validation, EVALUATION_BATCH))
            raise explained(self.cohort, tried, self.surroundings.device, self.progress.epoch + 1, broken)

    def _keep_best(self, scores: dict[str, float]) -> None:
        for learner, score in scores.items():
            if score > self.progress.best[learner].score:
                state = self.cohort.networks[learner].state_dict()
                weights = {name: tensor.detach().to("cpu", copy=True) for name, tensor in state.items()}
                self.progress.best[learner] = Best(score, self.progress.epoch, weights)

    def _report(self, row: dict[str, float], scores: dict[str, float]) -> None:
        progress = self.progress
        left = (self._epochs_at_most() - progress.epoch) * progress.seconds / progress.epoch
        shown = "{} {:.2f} %" if self.cohort.scored else "{} loss {:.4f}"
        listed = "  ".join(
            shown.format(learner, 100 * score if self.cohort.scored else -score) for learner, score in scores.items()
        )
        losses = "  ".join(f"{name} {row[f'train.{name}.total']:.4f}" for name in self.learners)
        log.info(
            "epoch %d/%d  loss: %s  validation: %s  at most %s left",
            progress.epoch, self._epochs_at_most(), losses, listed, duration(left),
        )  # fmt: skip
        self.surroundings.on_epoch(progress.epoch, self._epochs_at_most(), scores if self.cohort.scored else {}, left)

    def _save(self, only_if_due: bool = False) -> None:
        due = time.monotonic() - self._saved_at >= self.surroundings.checkpoint_seconds
        if self.surroundings.checkpoint is None or (only_if_due and not due):
            return
        checkpoint.save(self.surroundings.checkpoint, self._state(), self.surroundings.fingerprint)
        self._saved_at = time.monotonic()

    def _state(self) -> dict[str, Any]:
        progress = vars(self.progress) | {"best": {name: vars(best) for name, best in self.progress.best.items()}}
        return {
            "cohort": self.cohort.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "adversary": self._adversary_state(),
            "progress": progress,
            "random": torch.get_rng_state(),
            # Of the run's own GPU: it may be resumed where fewer are seen.
            "random_cuda": torch.cuda.get_rng_state() if self.surroundings.device == "cuda" else None,
        }

    def _adversary_state(self) -> dict[str, Any] | None:
        """State of the adversary, which is no part of what is trained with the student, hence none of the cohort's state."""
        if self.adversary_optimiser is None:
            return None
        return {
            "network": self.cohort.adversary.state_dict(),
            "optimiser": self.adversary_optimiser.state_dict(),
        }

    def _resume(self) -> None:
        path = self.surroundings.checkpoint
        state = checkpoint.load(path, self.surroundings.fingerprint) if path else None
        if state is None:
            return
        self.cohort.load_state_dict(state["cohort"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        if self.adversary_optimiser is not None:
            self.cohort.adversary.load_state_dict(state["adversary"]["network"])
            self.adversary_optimiser.load_state_dict(state["adversary"]["optimiser"])
        saved = state["progress"]
        best = {name: Best(**fields) for name, fields in saved["best"].items()}
        sums = {name: total.to(self.surroundings.device) for name, total in saved["sums"].items()}
        self.progress = Progress(**(saved | {"best": best, "sums": sums}))
        torch.set_rng_state(state["random"])
        if state["random_cuda"] is not None:
            torch.cuda.set_rng_state(state["random_cuda"])
        log.info("continuing at epoch %d, step %d, from %s", self.progress.epoch + 1, self.progress.step + 1, path)


def _schedule(optimiser: torch.optim.Optimizer, training: Training):
    plateau = training.schedule
    if plateau.factor == 1:
        return None
    return torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, mode="max", factor=plateau.factor, patience=plateau.patience, threshold=0, min_lr=plateau.floor
    )


def _monitored(scores: dict[str, float]) -> float:
    """What schedule and early stop look at: the mean score of the students, or of the teacher where it learns alone."""
    students = [score for name, score in scores.items() if name != TEACHER]
    chosen = students or list(scores.values())
    return sum(chosen) / len(chosen)
