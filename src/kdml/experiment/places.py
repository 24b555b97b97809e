"""Where variants and methods are run: a protocol, a task and a pair; and which runs of the plan are at each place."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from kdml.experiment.plan import Plan, Run
from kdml.experiment.sections import BY_GROUP, BY_IMAGE
from kdml.runs.graph import BASELINE, PROPOSED, TEACHER, TECHNIQUES, VARIANTS, TeacherMode
from kdml.runs.run_table import BASELINE_RUNS, BASELINE_TEACHER


@dataclass(frozen=True)
class Place:
    """Where variants or methods are run.

    Args:
        protocol: how the split is made.
        task: key of the task.
        pair: key of the pair.
        student: the paper's architecture that the student is or stands for; its own key if none.
        kind: of the task.
    """

    protocol: str
    task: str
    pair: str
    student: str
    kind: str

    @property
    def name(self) -> str:
        """Name of the place in the claims: task/student."""
        return f"{self.task}/{self.student}"

    @property
    def folder(self) -> str:
        """Folder below the experiment's."""
        return f"{self.protocol}/{self.task}/{self.pair}"


class Places:
    """All places of an experiment and the runs at each.

    Args:
        plan: runs of the experiment.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self._runs: Mapping[tuple[str, str, str], list[Run]] = defaultdict(list)
        for run in plan.runs:
            self._runs[run.protocol, run.task, run.pair].append(run)

    @cached_property
    def all(self) -> tuple[Place, ...]:
        """Places with runs, if only of networks alone, in the order of the configuration."""
        choice, experiment = self.plan.experiment.run, self.plan.experiment
        keys = product(experiment.protocols, choice.tasks, choice.pairs)
        places = (
            self._place(protocol, task, pair)
            for protocol, task, pair in keys
            if protocol in experiment.protocols_of(task) and experiment.is_run_on(pair, task)
        )
        if (
            not choice.baselines
        ):  # some are trained all the same, as teachers, but make no place of a pair where nothing else runs
            return tuple(place for place in places if self._at(place))
        return tuple(place for place in places if self._at(place) or any(self.baselines_at(place).values()))

    @cached_property
    def by_folder(self) -> Mapping[str, Place]:
        """Places by their folder."""
        return {place.folder: place for place in self.all}

    def _place(self, protocol: str, task: str, pair: str) -> Place:
        experiment = self.plan.experiment
        student = self.plan.stands_for(experiment.pairs[pair].student)
        return Place(protocol, task, pair, student, experiment.tasks[task].kind)

    def of(self, runs: Iterable[Run]) -> list[Place]:
        """Places that these runs are at, in the order of the configuration."""
        keys = {(run.protocol, run.task, run.pair) for run in runs}
        return [place for place in self.all if (place.protocol, place.task, place.pair) in keys]

    def without_leakage(self, place: Place) -> Place | None:
        """The place of the same task and pair whose split keeps groups together.

        None where that protocol is not run, and where no groups are known, because it then splits by image, too.
        """
        found = self.by_folder.get(replace(place, protocol=BY_GROUP).folder)
        return found if self.plan.experiment.knows_groups(place.task) else None

    def leaks_at(self, place: Place) -> bool:
        """Whether images are split there one by one, and the same runs stand beside it under the other protocol."""
        return place.protocol == BY_IMAGE and self.without_leakage(place) is not None

    def _at(self, place: Place) -> list[Run]:
        return self._runs.get((place.protocol, place.task, place.pair), [])

    def variants_at(self, place: Place) -> tuple[Run, ...]:
        """All runs of variants at a place, the paper's and the user's own."""
        return tuple(run for run in self._at(place) if run.run != TEACHER and not self.plan.is_method(run))

    def taught_at(self, place: Place) -> tuple[Run, ...]:
        """Runs of the paper's variants at a place whose students have a teacher."""
        return tuple(run for run in self.variants_at(place) if self.is_taught(run))

    def methods_at(self, place: Place) -> tuple[Run, ...]:
        """All runs of methods at a place, in the paper's order."""
        order = list(self.plan.method_titles())
        methods = [run for run in self._at(place) if self.plan.is_method(run)]
        return tuple(sorted(methods, key=lambda run: (order.index(run.run), run.seed)))

    def compared_at(self, place: Place) -> tuple[Run, ...]:
        """The methods at a place, after the proposed variant that they are compared with; nothing where there are no methods."""
        methods = self.methods_at(place)
        proposed = tuple(run for run in self.variants_at(place) if run.run == PROPOSED)
        return (*proposed, *methods) if methods else ()

    def baselines_at(self, place: Place) -> dict[str, tuple[Run, ...]]:
        """Seeds of the teacher's and the student's networks trained alone, as far as planned, by the name they are compared by."""
        pair = self.plan.experiment.pairs[place.pair]
        return {
            name: tuple(run for run in self._runs.get((place.protocol, place.task, network), []) if run.run == BASELINE)
            for name, network in zip(BASELINE_RUNS, (pair.teacher, pair.student), strict=True)
        }

    def own_teachers_at(self, place: Place) -> tuple[Run, ...]:
        """Seeds of the pair's own offline teacher, which carries the extra block."""
        return tuple(run for run in self._at(place) if run.run == TEACHER)

    def teachers_at(self, place: Place) -> tuple[Run, ...]:
        """Seeds of the teacher network trained on its own: the pair's offline teacher, else the baseline."""
        return self.own_teachers_at(place) or self.baselines_at(place)[BASELINE_TEACHER]

    def alone_at(self, place: Place) -> list[tuple[str, Run]]:
        """Networks trained alone at a place, each by the name that it is compared by; a pair's offline teacher is none of them."""
        return [(name, run) for name, runs in self.baselines_at(place).items() for run in runs]

    def reference_of(self, run: Run) -> Run | None:
        """The trained network that CKA compares a run with: its frozen teacher; without a teacher one trained alone."""
        trained = self.plan.teacher_of(run)
        if trained is not None or self.plan.teacher_mode(run) is not TeacherMode.NONE:
            return trained
        place = self._place(run.protocol, run.task, run.pair)
        return next((teacher for teacher in self.teachers_at(place) if teacher.seed == run.seed), None)

    @staticmethod
    def is_taught(run: Run) -> bool:
        """Whether a run is a variant of the paper whose students have a teacher."""
        return run.run in VARIANTS and TECHNIQUES[VARIANTS[run.run][0]].teacher is not TeacherMode.NONE

    def has_teacher(self, run: Run) -> bool:
        """Whether there is a teacher to compare its students with: its own, or for ML one that was trained alone."""
        return self.is_taught(run) or self.reference_of(run) is not None

    def group_of(self, run: Run) -> str:
        """Name of the runs whose CKA is computed in one job with this one's: the technique, so that a figure waits for no other.

        An own variant is alone.
        """
        return VARIANTS[run.run][0] if run.run in VARIANTS else run.run

    def grouped(self, place: Place, group: str) -> list[Run]:
        """Runs whose CKA one job computes, of all seeds."""
        return [run for run in self.variants_at(place) if self.group_of(run) == group]
