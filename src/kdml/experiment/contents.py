"""Everything that an experiment can show: tables and figures, each with the runs that it needs and no others.

A figure of the paper is drawn for the paper's task and pair where those were run, else for another task of the same kind; for every
other place it can be asked for by name. Rules, captions and the static page all read this list, so that they cannot disagree.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from kdml.experiment.grid_search import Search
from kdml.experiment.places import Place
from kdml.experiment.plan import Plan, Run
from kdml.paper import numbers
from kdml.runs.graph import BASELINE, PROPOSED, TEACHER, TECHNIQUES, VARIANTS, TeacherMode


@dataclass(frozen=True)
class Item:
    """A table or a figure.

    Args:
        name: of its files.
        kind: what draws it.
        category: of the report.
        title: a few words.
        caption: what a reader has to know.
        place: where its runs are; None for all places, or none.
        runs: that it is made from.
        option: a choice within the kind.
    """

    name: str
    kind: str
    category: str
    title: str
    caption: str
    place: Place | None = None
    runs: tuple[Run, ...] = ()
    option: str = ""


# number -> (kind of task, student) that the paper shows it for.
FIGURE_PLACES: Mapping[int, tuple[str, str]] = {
    **dict.fromkeys((4, 5, 7, 9), ("lgg", "resnet18")),
    **dict.fromkeys((6, 10, 11), ("hcd", "resnet18")),
}
SCHEMES = (1, 2, 3, 8)
SIMILARITIES = (6, 10, 11)
WITH_TEACHER = 10  # compares teachers and students, also of techniques that may have no teacher
SLICES = {4: ("hard", 3), 5: ("hard", 4), 7: ("spread", 4), 9: ("hard", 4)}  # number -> (rule, how many)


class Catalogue:
    """Tables and figures of an experiment.

    Args:
        plan: its runs.
        captions: titles and captions by key, as in `workflow/report/captions.yaml`.
    """

    def __init__(self, plan: Plan, captions: Mapping[str, Any]):
        self.plan = plan
        self.captions = captions

    def _item(
        self, name: str, kind: str, category: str, said: str, words: Mapping[str, str] | None = None, **rest
    ) -> Item:
        """An item with the title and caption that stand under the key `said`."""
        texts = {"upper": self.captions["upper"], **(words or {})}
        title, caption = (self.captions[said][part].format(**texts) for part in ("title", "caption"))
        return Item(name, kind, category, title, caption, **rest)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Places with variants or methods, in the order of the configuration."""
        variants = [run for run in self.plan.runs if run.run not in (BASELINE, TEACHER)]
        choice = self.plan.experiment.run
        order = {name: number for number, name in enumerate([*choice.protocols, *choice.tasks, *choice.pairs])}
        found = dict.fromkeys((run.protocol, run.task, run.pair) for run in variants)
        return tuple(self._place(*key) for key in sorted(found, key=lambda key: [order[name] for name in key]))

    def _place(self, protocol: str, task: str, pair: str) -> Place:
        experiment = self.plan.experiment
        student = self.plan.stands_for(experiment.pairs[pair].student)
        return Place(protocol, task, pair, student, experiment.tasks[task].kind)

    def runs_at(self, place: Place) -> tuple[Run, ...]:
        """All runs of variants at a place."""
        return tuple(run for run in self._trained_at(place) if not self.plan.is_method(run))

    def methods_at(self, place: Place) -> tuple[Run, ...]:
        """All runs of methods at a place, in the paper's order."""
        order = list(self.plan.method_titles())
        methods = [run for run in self._trained_at(place) if self.plan.is_method(run)]
        return tuple(sorted(methods, key=lambda run: (order.index(run.run), run.seed)))

    def compared_at(self, place: Place) -> tuple[Run, ...]:
        """The methods at a place, and what the paper proposes, which they are compared with."""
        proposed = tuple(run for run in self.runs_at(place) if run.run == PROPOSED)
        return (*proposed, *self.methods_at(place))

    def _trained_at(self, place: Place) -> Iterator[Run]:
        here = (place.protocol, place.task, place.pair)
        return (run for run in self.plan.runs if (run.protocol, run.task, run.pair) == here and run.run != TEACHER)

    def baselines_at(self, place: Place) -> dict[str, tuple[Run, ...]]:
        """Seeds of the teacher's and the student's networks trained alone, where they are planned."""
        pair = self.plan.experiment.pairs[place.pair]
        return {
            f"baseline_{role}": tuple(
                run
                for run in self.plan.runs
                if (run.protocol, run.task, run.pair, run.run) == (place.protocol, place.task, network, BASELINE)
            )
            for role, network in (("teacher", pair.teacher), ("student", pair.student))
        }

    def teachers_at(self, place: Place) -> tuple[Run, ...]:
        """Seeds of the teacher network trained on its own: the pair's offline teacher, else the baseline."""
        here = (place.protocol, place.task, place.pair, TEACHER)
        own = [run for run in self.plan.runs if (run.protocol, run.task, run.pair, run.run) == here]
        return tuple(own) or self.baselines_at(place)["baseline_teacher"]

    def reference_of(self, run: Run) -> Run | None:
        """The trained network that CKA compares a run with: its frozen teacher; without a teacher one trained alone."""
        trained = self.plan.teacher_of(run)
        if trained is not None or self.plan.settings(run).graph.teacher is not TeacherMode.NONE:
            return trained
        place = self._place(run.protocol, run.task, run.pair)
        return next((teacher for teacher in self.teachers_at(place) if teacher.seed == run.seed), None)

    @staticmethod
    def group_of(run: Run) -> str:
        """Runs whose CKA is computed in one job: those of a technique; an own variant is alone."""
        return VARIANTS[run.run][0] if run.run in VARIANTS else run.run

    # Tables

    @cached_property
    def results(self) -> dict[str, Item]:
        """The paper's result tables, of performance and fidelity."""
        tables = {number: runs for number, runs in self.plan.tables().items() if number != numbers.METHODS_TABLE}
        items = {number: self._result(number, "Results", runs) for number, runs in tables.items()}
        for (task, student), number in numbers.FIDELITY_TABLES.items():
            here = [place for place in self.places if (place.task, place.student) == (task, student)]
            if taught := tuple(run for place in here for run in self.runs_at(place) if self.is_taught(run)):
                items[number] = self._result(number, "Fidelity", taught)
        return {items[number].name: items[number] for number in sorted(items)}

    def _result(self, number: int, category: str, runs: tuple[Run, ...]) -> Item:
        """A result table, under the heading that its kind has in the captions."""
        tasks = [self.plan.experiment.tasks[task].title for task in dict.fromkeys(run.task for run in runs)]
        alone = all(run.run == BASELINE for run in runs)
        said = "fidelity" if category == "Fidelity" else "baselines" if alone else "results"
        pairs = ", ".join(dict.fromkeys(run.pair for run in runs))
        words = {"number": str(number), "task": "; ".join(tasks), "pair": pairs}
        return self._item(f"table_{number:02d}", "results", category, said, words, runs=runs)

    @staticmethod
    def is_taught(run: Run) -> bool:
        """Whether a run is a variant of the paper whose students have a teacher."""
        return run.run in VARIANTS and TECHNIQUES[VARIANTS[run.run][0]].teacher is not TeacherMode.NONE

    @cached_property
    def grids(self) -> dict[str, Item]:
        """All other tables."""
        return {item.name: item for item in self._grids()}

    def _grids(self) -> Iterator[Item]:
        yield from (self._item(name, name, "Method", name) for name in ("table_01", "table_05"))
        for number, kind, task in ((6, "classification", "hcd"), (7, "segmentation", "lgg")):
            if place := self._first(kind, task):
                name = f"table_{number:02d}"
                yield self._item(name, "architecture", "Method", name, {"pair": place.pair}, place=place)
        everything = tuple(run for place in self.places for run in self.runs_at(place))
        categories = {
            "contrasts": "Claims",
            "similarity": "Representations",
            "compression": "Compression",
        }
        if everything:
            yield from (
                self._item(name, name, category, name, runs=everything) for name, category in categories.items()
            )
        if trained := tuple(run for run in self.plan.runs if run.run != TEACHER):
            yield self._item("comparison", "comparison", "Comparison", "comparison", runs=trained)
        with_methods = [place for place in self.places if self.methods_at(place)]
        if methods := tuple(run for place in with_methods for run in self.compared_at(place)):
            name = f"table_{numbers.METHODS_TABLE}"
            yield self._item(name, "methods", "Results", name, runs=methods)
        if segmented := tuple(run for run in everything if self.plan.experiment.tasks[run.task].kind == "segmentation"):
            yield self._item("detection", "detection", "Detection", "detection", runs=segmented)

    @cached_property
    def grids_on_request(self) -> dict[str, Item]:
        """What the grid search found; made by `snakemake grid_search`, or when asked for."""
        item = self._item("grid_search", "grid_search", "Grid search", "grid_search", {"splits": self._searched()})
        return {item.name: item} if self.search_figures else {}

    def _searched(self) -> str:
        """Which splits the search looks at, and what this means for the others of the experiment."""
        search = Search(self.plan)
        said = f"Validation part of the split (protocol, seed) {', '.join(search.splits)}"
        if not search.other_splits:
            return f"{said}, the only one of the experiment."
        return (
            f"{said}. Its images may be test images of the split {', '.join(search.other_splits)}: "
            "with these weights, scores there would be too good."
        )

    @cached_property
    def search_figures(self) -> tuple[Item, ...]:
        """Scores of the grid search, a figure per place with variants of the paper, of the first protocol."""
        first = self.plan.experiment.run.protocols[0]
        searched = [place for place in self.places if place.protocol == first and self._variants_at(place)]
        return tuple(
            self._item(
                f"grid_search_{self._suffix(place)}",
                "search",
                "Grid search",
                "search",
                {"task": self.plan.experiment.tasks[place.task].title, "pair": place.pair},
                place=place,
            )
            for place in searched
        )

    def _variants_at(self, place: Place) -> list[Run]:
        return [run for run in self.runs_at(place) if run.run in VARIANTS]

    # Figures

    @cached_property
    def figures(self) -> dict[str, Item]:
        """Figures that are made when everything is."""
        return {item.name: item for item in self._figures()}

    @cached_property
    def on_request(self) -> dict[str, Item]:
        """The paper's figures for other places than its own, and those of a grid search; made when asked for by name."""
        asked = (*self._elsewhere(), *self.search_figures)
        return {item.name: item for item in asked if item.name not in self.figures}

    def _figures(self) -> Iterator[Item]:
        for number in SCHEMES:
            name = f"figure_{number:02d}"
            yield self._item(name, "scheme", "Method", name, option=str(number))
        for number, (task, student) in FIGURE_PLACES.items():
            kind = "segmentation" if number in SLICES else "classification"
            if (place := self._first(kind, task, student)) and (item := self._at(number, place)):
                yield replace(item, name=f"figure_{number:02d}")
        yield from self._of_tables()
        for place in self.places:
            if self.runs_at(place):
                yield from self._of_place(place)

    def _elsewhere(self) -> Iterator[Item]:
        for number in FIGURE_PLACES:
            for place in self.places:
                if (number in SIMILARITIES or place.kind == "segmentation") and (item := self._at(number, place)):
                    yield item

    def _at(self, number: int, place: Place) -> Item | None:
        """One of the paper's figures of runs, at a place; None if nothing there was run for it."""
        runs = tuple(run for run in self.runs_at(place) if self._belongs(number, run.run))
        if number == WITH_TEACHER:
            runs = tuple(run for run in runs if self._has_teacher(run))
        if not runs:
            return None
        said, name = f"figure_{number:02d}", f"figure_{number:02d}_{self._suffix(place)}"
        first = min(run.seed for run in runs)
        runs = tuple(run for run in runs if run.seed == first)
        if number in SIMILARITIES:
            return self._item(name, "similarity", "Representations", said, place=place, runs=runs, option=str(number))
        rule, count = SLICES[number]
        words = {"slices": self.captions["slices"][rule]}
        return self._item(
            name, "slices", "Predictions", said, words, place=place, runs=runs, option=f"{number}:{rule}:{count}"
        )

    def _has_teacher(self, run: Run) -> bool:
        """Whether there is a teacher to compare its students with: its own, or for ML one that was trained alone."""
        return self.is_taught(run) or self.reference_of(run) is not None

    @staticmethod
    def _belongs(number: int, run: str) -> bool:
        """Which variants a figure shows."""
        if run not in VARIANTS:
            return False
        technique, strategy = VARIANTS[run]
        wanted = {
            5: strategy == "v3",
            7: strategy == "v3",
            9: technique == "kd_ml",
            6: technique == "kd_ml",
            10: technique != "kd_ml",
        }
        return wanted.get(number, True)

    def _of_tables(self) -> Iterator[Item]:
        methods = self.grids.get(f"table_{numbers.METHODS_TABLE}")
        for item in (*self.results.values(), *([methods] if methods else [])):
            kinds = {"beside": "Comparison"}
            if item.category == "Results":
                kinds |= {"curves": "Learning curves", "runs": "Learning curves"}
            for kind, category in kinds.items():
                words = {"table": item.title.partition(":")[0]}
                if kind == "beside" and not self._compared(item):
                    continue
                yield self._item(f"{kind}_{item.name}", kind, category, kind, words, runs=item.runs, option=item.name)

    def _compared(self, item: Item) -> bool:
        """Whether the paper has a number for any of the table's runs."""
        if item.category == "Fidelity":
            return True
        methods = [run for run in item.runs if self.plan.is_method(run)]
        return any(self._papers_number(run) for run in methods or item.runs)

    def _papers_number(self, run: Run) -> bool:
        if run.run == BASELINE:
            architecture = self.plan.stands_for(run.pair)
            return any(
                key[:2] == (run.task, architecture) for key in numbers.baselines(numbers.BASELINE_TABLES[run.task])
            )
        student = self.plan.stands_for(self.plan.experiment.pairs[run.pair].student)
        if self.plan.is_method(run):
            return student == numbers.METHODS_STUDENT and any(
                key[:2] == (run.task, run.run) for key in numbers.methods()
            )
        return run.run in VARIANTS

    def _of_place(self, place: Place) -> Iterator[Item]:
        runs, suffix = self.runs_at(place), self._suffix(place)
        words = {"task": self.plan.experiment.tasks[place.task].title, "pair": place.pair}
        yield self._item(f"compression_{suffix}", "pareto", "Compression", "pareto", words, place=place, runs=runs)
        if place.kind == "segmentation":
            said = "detection_by_size"
            yield self._item(f"detection_{suffix}", said, "Detection", said, words, place=place, runs=runs)

    def _suffix(self, place: Place) -> str:
        protocol = "" if place.protocol == self.plan.experiment.run.protocols[0] else f"_{place.protocol}"
        return f"{place.task}_{place.pair}{protocol}"

    def _first(self, kind: str, task: str, student: str = "resnet18") -> Place | None:
        """The place of a kind that is nearest to the paper's: its task and student, else its task, else any."""
        fitting = [place for place in self.places if place.kind == kind]
        return min(fitting, key=lambda place: (place.task != task, place.student != student), default=None)
