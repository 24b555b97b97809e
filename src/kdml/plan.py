"""The table of runs: which trainings a configuration asks for, what each needs, and which result tables they fill."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from kdml import paper
from kdml.config import Experiment, Network, OwnEdge, Task
from kdml.settings import Backbone, NetworkSettings, RunSettings
from kdml.sharing import (
    BASELINE,
    TEACHER,
    VARIANTS,
    LossWeights,
    SharingGraph,
    TeacherMode,
    paper_graph,
    single,
)


@dataclass(frozen=True, order=True)
class Run:
    """One training.

    Args:
        protocol: how its split is made.
        task: key of a task.
        pair: key of a pair; of a network for a baseline.
        run: a variant, `baseline`, or `teacher` (a pair's own offline teacher).
        seed: the repetition.
    """

    protocol: str
    task: str
    pair: str
    run: str
    seed: int

    @property
    def folder(self) -> str:
        """Its place below the experiment's folder."""
        return f"{self.protocol}/{self.task}/{self.pair}/{self.run}/seed-{self.seed}"


class Plan:
    """All runs of an experiment, in a fixed order, teachers and baselines first.

    Args:
        experiment: the validated configuration.
    """

    def __init__(self, experiment: Experiment):
        self.experiment = experiment
        variants = sorted(set(self._variants()))
        teachers = {teacher for run in variants if (teacher := self.teacher_of(run)) is not None}
        baselines = set(self._baselines()) | teachers
        self.runs: tuple[Run, ...] = (*sorted(baselines), *variants)

    def _variants(self) -> Iterator[Run]:
        choice = self.experiment.run
        for protocol, task, pair, seed in product(choice.protocols, choice.tasks, choice.pairs, choice.seeds):
            if self._is_run_on(pair, task):
                yield from (Run(protocol, task, pair, variant, seed) for variant in self._variants_of(task, pair))

    def _is_run_on(self, pair: str, task: str) -> bool:
        only = self.experiment.pairs[pair].tasks
        return only is None or task in only

    def _variants_of(self, task: str, pair: str) -> list[str]:
        choice = self.experiment.run
        for key in (f"{task}/{pair}", task):
            if key in choice.variants_for:
                return choice.variants_for[key]
        return [f"{t}_{s}" for t, s in product(choice.techniques, choice.strategies)] + choice.own_variants

    def _baselines(self) -> Iterator[Run]:
        choice = self.experiment.run
        if not choice.baselines:
            return
        for protocol, task, pair, seed in product(choice.protocols, choice.tasks, choice.pairs, choice.seeds):
            if self._is_run_on(pair, task):
                for network in (self.experiment.pairs[pair].teacher, self.experiment.pairs[pair].student):
                    yield Run(protocol, task, network, BASELINE, seed)

    def teacher_of(self, run: Run) -> Run | None:
        """The run whose network is the frozen teacher of `run`: of the same protocol, task, pair and seed.

        Where the teacher carries no extra block it is the baseline, shared by all pairs (see `block_of`).
        """
        if self._is_single(run) or self._graph(run).teacher is not TeacherMode.FROZEN:
            return None
        if self._block_of(run) is None:
            return Run(run.protocol, run.task, self.experiment.pairs[run.pair].teacher, BASELINE, run.seed)
        return Run(run.protocol, run.task, run.pair, TEACHER, run.seed)

    def _block_of(self, run: Run) -> Backbone | None:
        """Backbone whose width the teacher's extra block takes: in classification, unless the configuration puts it outside."""
        inside = self.experiment.sharing.teacher_block == "inside"
        if self._task(run).kind != "classification" or not inside or run.run == BASELINE:
            return None
        return _backbone(self.experiment.networks[self.experiment.pairs[run.pair].student])

    def _is_single(self, run: Run) -> bool:
        return run.run in (BASELINE, TEACHER)

    def _task(self, run: Run) -> Task:
        return self.experiment.tasks[run.task]

    def _graph(self, run: Run) -> SharingGraph:
        if self._is_single(run):
            return single(run.run)
        if run.run in self.experiment.variants:
            return self.experiment.variants[run.run].graph()
        technique, strategy = VARIANTS[run.run]
        return paper_graph(technique, strategy, self._loss_weights(run), self.experiment.sharing.swap_students)

    def _loss_weights(self, run: Run) -> tuple[LossWeights, LossWeights]:
        """The paper's alpha, beta, gamma for both students."""
        technique, strategy = VARIANTS[run.run]
        student = self.stands_for(self.experiment.pairs[run.pair].student)
        row = paper.hyperparameters(run.task, student, technique, strategy)
        return tuple(LossWeights(row[f"alpha{p}"], row[f"beta{p}"], row[f"gamma{p}"]) for p in ("", "_prime"))

    def stands_for(self, network: str) -> str:
        """The paper's architecture that a network is or stands for; its own name if none."""
        return self.experiment.networks[network].stands_for or network

    def settings(self, run: Run) -> RunSettings:
        """All options of a run."""
        task, graph = self._task(run), self._graph(run)
        edges = tuple(
            OwnEdge(source=e.source, learner=e.learner, knowledge=e.knowledge, weight=e.weight) for e in graph.edges
        )
        return RunSettings(
            protocol=run.protocol,
            task=run.task,
            kind=task.kind,
            classes=tuple(task.classes),
            pair=run.pair,
            run=run.run,
            seed=run.seed,
            balance=task.balance,
            teacher=graph.teacher,
            supervised=dict(graph.supervised),
            edges=edges,
            networks={name: self._network(run, name) for name in graph.networks},
            sharing=self.experiment.sharing,
            training=self.experiment.training_of(run.task),
        )

    def _network(self, run: Run, name: str) -> NetworkSettings:
        architecture = self._architecture(run, name)
        network = self.experiment.networks[architecture]
        weights = None if network.weights == "none" else network.weights
        return NetworkSettings(
            architecture=architecture,
            backbone=_backbone(network),
            weights_name=weights,
            weights=self.experiment.weights[weights] if weights else None,
            normalisation=network.normalisation,
            head=self._task(run).head,
            decoder_channels=network.decoder_channels,
            block_like=self._block_of(run) if name == TEACHER else None,
        )

    def _architecture(self, run: Run, name: str) -> str:
        if run.run == BASELINE:
            return run.pair
        pair = self.experiment.pairs[run.pair]
        return pair.teacher if name == TEACHER else pair.student

    def architectures(self, task: str, pair: str) -> dict[str, NetworkSettings]:
        """Teacher, with its extra block where it has one, and student of a pair, as the runs of a task build them."""
        run = Run("", task, pair, "", 0)
        return {TEACHER: self._network(run, TEACHER), "student": self._network(run, "student")}

    def graphs(self) -> dict[str, list[tuple[str, str, str]]]:
        """(source, learner, knowledge) of every edge of the paper's variants and the user's own, by variant."""
        even = (LossWeights(1, 1, 1), LossWeights(1, 1, 1))
        swap = self.experiment.sharing.swap_students
        found = {name: paper_graph(*key, even, swap) for name, key in VARIANTS.items()}
        found |= {name: variant.graph() for name, variant in self.experiment.variants.items()}
        return {name: [(e.source, e.learner, str(e.knowledge)) for e in graph.edges] for name, graph in found.items()}

    def split_seed(self, run: Run) -> int:
        """One split for all seeds, or one for each."""
        return run.seed if self.experiment.split.per_seed else self.experiment.split.seed

    def start_weights(self, run: Run) -> list[str]:
        """Names of the start weights that the run's networks need; a frozen teacher has trained ones."""
        settings = self.settings(run)
        names = {spec.weights_name for spec in settings.networks.values() if spec.weights_name is not None}
        return sorted(names)

    def table_of(self, run: Run) -> int | None:
        """Number of the paper's result table that the run belongs to; None for a pair's own teacher and for other pairs."""
        if run.run == TEACHER:
            return None
        if run.run == BASELINE:
            return paper.BASELINE_TABLES.get(run.task)
        return paper.TABLES.get((run.task, self.stands_for(self.experiment.pairs[run.pair].student)))

    def tables(self) -> dict[int, tuple[Run, ...]]:
        """Result tables that the configuration fills, with their runs."""
        filled: dict[int, list[Run]] = {}
        for run in self.runs:
            if (number := self.table_of(run)) is not None and self._is_asked_for(run):
                filled.setdefault(number, []).append(run)
        return {number: tuple(filled[number]) for number in sorted(filled)}

    def _is_asked_for(self, run: Run) -> bool:
        """Baselines trained only because somebody needs a teacher fill no table."""
        return run.run != BASELINE or self.experiment.run.baselines

    def describe(self, run: Run) -> dict[str, Any]:
        """Columns that a run contributes to every tidy table."""
        technique, strategy = VARIANTS.get(run.run, ("", ""))
        described = {"protocol": run.protocol, "task": run.task, "pair": run.pair, "run": run.run, "seed": run.seed}
        described |= {"technique": technique, "strategy": strategy, "table": self.table_of(run)}
        if run.run == BASELINE:
            return described | {"teacher": "", "student": "", "stands_for": self.stands_for(run.pair)}
        pair = self.experiment.pairs[run.pair]
        stands_for = f"{self.stands_for(pair.teacher)}-{self.stands_for(pair.student)}"
        described |= {"teacher": pair.teacher, "student": pair.student, "stands_for": stands_for}
        if technique:
            for weights, prime in zip(self._loss_weights(run), ("", "_prime"), strict=True):
                described |= {f"{name}{prime}": getattr(weights, name) for name in ("alpha", "beta", "gamma")}
        return described


def _backbone(network: Network) -> Backbone:
    return Backbone(timm=network.timm, options=network.options)
