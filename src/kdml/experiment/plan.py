"""The table of runs: which trainings a configuration asks for, what each needs, and which result tables they fill."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Literal

from kdml.experiment.backbones import options_for
from kdml.experiment.checks import check_methods, nothing_to_train
from kdml.experiment.config import Experiment
from kdml.experiment.loss_weights import WeightsOfBoth, weights_of
from kdml.experiment.sections import MethodChoice, NetworkEntry, Task
from kdml.paper import numbers
from kdml.runs.graph import (
    BASELINE,
    STUDENTS,
    TEACHER,
    TECHNIQUES,
    VARIANTS,
    LossWeights,
    SharingGraph,
    TeacherMode,
    paper_graph,
    single,
)
from kdml.runs.methods import METHODS
from kdml.runs.own_method import fingerprint
from kdml.runs.settings import Backbone, MethodSettings, NetworkSettings, OwnEdge, RunSettings


@dataclass(frozen=True, order=True)
class Run:
    """One training.

    Args:
        protocol: how its split is made.
        task: key of a task.
        pair: key of a pair; of a network for a baseline.
        run: a variant, a method, `baseline`, or `teacher` (a pair's own offline teacher).
        seed: the repetition.
    """

    protocol: str
    task: str
    pair: str
    run: str
    seed: int

    @property
    def folder(self) -> str:
        """Folder below the experiment's."""
        return f"{self.protocol}/{self.task}/{self.pair}/{self.run}/seed-{self.seed}"


class Plan:
    """All runs of an experiment, in a fixed order, teachers and baselines first.

    Args:
        experiment: the validated configuration.

    Raises:
        UserError: nothing would run, or a method of the user's own nowhere; a method or a variant cannot run as configured, or
            there are no loss weights for a variant.
    """

    def __init__(self, experiment: Experiment):
        self.experiment = experiment
        self.methods = frozenset(experiment.run.methods)
        self.training = {task: experiment.training_of(task) for task in experiment.tasks}
        self._configured = cache(
            self._settings
        )  # seeds differ in their number alone, and a plan asks for those of a run several times
        variants = sorted({*self._variants(), *self._methods()})
        teachers = {teacher for run in variants if (teacher := self.teacher_of(run)) is not None}
        baselines = set(self._baselines()) | teachers
        self.runs: tuple[Run, ...] = (*sorted(baselines), *variants)
        check_methods(experiment)
        if not self.runs:
            raise nothing_to_train(experiment)
        for run in {(run.task, run.pair, run.run): run for run in variants if run.run in VARIANTS}.values():
            self.loss_weights(run)  # a table without them is refused here, not at the first job

    def _variants(self) -> Iterator[Run]:
        choice = self.experiment.run
        for task, pair, seed in product(choice.tasks, choice.pairs, choice.seeds):
            if self.experiment.is_run_on(pair, task):
                named = product(self.experiment.protocols_of(task), self._variants_of(task, pair))
                yield from (Run(protocol, task, pair, variant, seed) for protocol, variant in named)

    def _methods(self) -> Iterator[Run]:
        choice = self.experiment.run
        for place, seed in product(choice.methods_at, choice.seeds):
            task, pair = place.split("/")
            if task in choice.tasks and pair in choice.pairs and self.experiment.is_run_on(pair, task):
                yield from (
                    Run(protocol, task, pair, name, seed)
                    for protocol, name in product(self.experiment.protocols_of(task), choice.methods)
                    if self.experiment.suits(name, task)
                )

    def is_method(self, run: Run) -> bool:
        """Whether a run is one of a method, not of a variant."""
        return run.run in self.methods

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
        for task, pair, seed in product(choice.tasks, choice.pairs, choice.seeds):
            if self.experiment.is_run_on(pair, task):
                networks = (self.experiment.pairs[pair].teacher, self.experiment.pairs[pair].student)
                for protocol, network in product(self.experiment.protocols_of(task), networks):
                    yield Run(protocol, task, network, BASELINE, seed)

    def teacher_of(self, run: Run) -> Run | None:
        """The run whose network is the frozen teacher of `run`: of the same protocol, task, pair and seed.

        Where the teacher carries no extra block it is the baseline, shared by all pairs (see `_block_of`). That of a method never
        carries one: the block belongs to the paper's method.
        """
        if self._is_single(run) or self.teacher_mode(run) is not TeacherMode.FROZEN:
            return None
        if self._block_of(run) is None:
            return Run(run.protocol, run.task, self.experiment.pairs[run.pair].teacher, BASELINE, run.seed)
        return Run(run.protocol, run.task, run.pair, TEACHER, run.seed)

    def _block_of(self, run: Run) -> Backbone | None:
        """Backbone whose width the teacher's extra block takes: in classification, unless the configuration puts it outside."""
        inside = self.experiment.sharing.teacher_block == "inside"
        if self._task(run).kind != "classification" or not inside or run.run == BASELINE or self.is_method(run):
            return None
        return self._backbone(run, self.experiment.networks[self.experiment.pairs[run.pair].student])

    def _backbone(self, run: Run, network: NetworkEntry) -> Backbone:
        """Backbone of a network, built for the size of the run's images where it has to be."""
        size = self.experiment.datasets[self._task(run).dataset].image_size
        return Backbone(timm=network.timm, options=options_for(network.timm, network.options, size))

    def _is_single(self, run: Run) -> bool:
        return run.run in (BASELINE, TEACHER)

    def _task(self, run: Run) -> Task:
        return self.experiment.tasks[run.task]

    def _graph(self, run: Run, weights: WeightsOfBoth | None = None) -> SharingGraph:
        if self._is_single(run):
            return single(run.run)
        if self.is_method(run):
            return SharingGraph(TeacherMode.FROZEN, {STUDENTS[0]: self._method(run).supervised})
        if run.run in self.experiment.variants:
            return self.experiment.variants[run.run].graph()
        technique, strategy = VARIANTS[run.run]
        return paper_graph(
            technique, strategy, weights or self.loss_weights(run), self.experiment.sharing.swap_students
        )

    def _method(self, run: Run) -> MethodSettings:
        """A method's options: the configuration's, else those of the method."""
        choice = self.experiment.methods.get(run.run, MethodChoice())
        method = self.experiment.method_of(run.run)
        published = METHODS.get(method)
        supervised, kd = (1.0, 0.0) if published is None else (published.supervised, published.kd)
        return MethodSettings(
            name=method,
            sha256=fingerprint(method),
            options=choice.options,
            supervised=supervised if choice.supervised is None else choice.supervised,
            kd=kd if choice.kd is None else choice.kd,
            kd_temperature=choice.kd_temperature,
        )

    def method_titles(self) -> dict[str, str]:
        """What the methods that run are called in tables, in the paper's order, own ones last."""
        order = list(METHODS)
        titles = {}
        for name in sorted(self.methods, key=lambda name: (order.index(name) if name in order else len(order), name)):
            choice, method = self.experiment.methods.get(name, MethodChoice()), self.experiment.method_of(name)
            titles[name] = choice.title or (METHODS[method].title if name in METHODS else name)
        return titles

    def loss_weights(self, run: Run) -> WeightsOfBoth:
        """Alpha, beta, gamma of both students, from where the configuration says."""
        return self._weights_from(self.experiment.hyperparameters, run)

    def papers_weights(self, run: Run) -> WeightsOfBoth | None:
        """The paper's alpha, beta, gamma of both students; None where it has no such task or student."""
        known = (run.task, self.student_of(run)) in numbers.TABLES
        return self._weights_from("paper", run) if known else None

    def _weights_from(self, source: Literal["paper", "even"] | Path, run: Run) -> WeightsOfBoth:
        return weights_of(source, run.task, run.pair, self.student_of(run), VARIANTS[run.run])

    def student_of(self, run: Run) -> str:
        """The paper's architecture that the student of a run is or stands for; its own name if none."""
        return self.stands_for(self.experiment.pairs[run.pair].student)

    def stands_for(self, network: str) -> str:
        """The paper's architecture that a network is or stands for; its own name if none."""
        return self.experiment.networks[network].stands_for or network

    def papers_architecture(self, network: str) -> str | None:
        """The paper's architecture that a network is or stands for; None if none."""
        stands_for = self.stands_for(network)
        return stands_for if stands_for in numbers.ARCHITECTURES else None

    def settings(self, run: Run, weights: WeightsOfBoth | None = None) -> RunSettings:
        """All options of a run.

        Args:
            run: of a variant, a method, a baseline or a teacher.
            weights: of a variant, in place of the configured ones.

        Raises:
            UserError: there are no alpha, beta, gamma for the variant, or a method's own file cannot be read.
        """
        if weights is not None:
            return self._settings(run, weights)
        return self._configured(replace(run, seed=0)).model_copy(update={"seed": run.seed})

    def _settings(self, run: Run, weights: WeightsOfBoth | None = None) -> RunSettings:
        task, graph = self._task(run), self._graph(run, weights)
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
            method=self._method(run) if self.is_method(run) else None,
            networks={name: self._network(run, name) for name in graph.networks},
            sharing=self.experiment.sharing,
            training=self.training[run.task],
        )

    def _network(self, run: Run, name: str) -> NetworkSettings:
        architecture = self._architecture(run, name)
        network = self.experiment.networks[architecture]
        weights = None if network.weights == "none" else network.weights
        return NetworkSettings(
            architecture=architecture,
            backbone=self._backbone(run, network),
            weights_name=weights,
            weights=self.experiment.weights[weights].settings() if weights else None,
            normalisation=network.normalisation,
            head=self._task(run).head,
            decoder_channels=network.decoder_channels,
            block_like=self._block_of(run) if name == TEACHER else None,
            trained=network.trained,
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

    def graph_rows(self) -> list[dict[str, str]]:
        """Rows of graphs.csv: every edge of every variant."""
        columns = ("variant", "source", "learner", "knowledge")
        return [
            dict(zip(columns, (name, *edge), strict=True)) for name, edges in self.graphs().items() for edge in edges
        ]

    def split_seed(self, run: Run) -> int:
        """One split for all seeds, or one for each."""
        return run.seed if self.experiment.split.per_seed else self.experiment.split.seed

    def start_weights(self, run: Run) -> list[str]:
        """Names of the start weights that the run's networks need; a frozen teacher has trained ones."""
        settings = self._configured(replace(run, seed=0))
        names = {spec.weights_name for spec in settings.networks.values() if spec.weights_name is not None}
        return sorted(names)

    def baselines_of(self, task: str) -> tuple[Run, ...]:
        """Networks trained alone on a task, if asked for; those trained only because somebody needs a teacher fill no table."""
        if not self.experiment.run.baselines:
            return ()
        return tuple(run for run in self.runs if (run.task, run.run) == (task, BASELINE))

    def teacher_mode(self, run: Run) -> TeacherMode:
        """Whether a run has a teacher, and how it behaves."""
        if run.run in VARIANTS:  # read off, because the weights of a whole graph take time to look up
            return TECHNIQUES[VARIANTS[run.run][0]].teacher
        return self._graph(run).teacher
