"""What each analysis is made from: which runs of a place, and the files of their numbers."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kdml.experiment.contents import Catalogue, Item
from kdml.experiment.paths import Located, Paths
from kdml.experiment.places import Place
from kdml.experiment.plan import Run
from kdml.paper import numbers
from kdml.runs.graph import TEACHER, is_student

# In the names of files about methods, and about variants with a teacher, so that no table waits for runs that it does not show.
OF_METHODS, TAUGHT = "_methods", "_taught"

Named = list[tuple[str, Run]]
"""Runs, each under the name that it is compared by."""


class Analyses:
    """Runs and files that the analyses of an experiment take.

    Args:
        catalogue: tables and figures of the experiment.
        paths: of its files.
    """

    def __init__(self, catalogue: Catalogue, paths: Paths):
        self.catalogue = catalogue
        self.plan = catalogue.plan
        self.paths = paths

    # Which runs

    def of(self, run: Run) -> str:
        """Part of the name of the files that a run's numbers are collected in."""
        return OF_METHODS if self.plan.is_method(run) else ""

    def runs_in(self, at: Located, of: str) -> list[Run]:
        """Runs of one protocol, task and pair: methods, or all others, or of these the variants with a teacher."""
        place = (at.protocol, at.task, at.pair)
        if of == TAUGHT:
            return [run for run in self.runs_in(at, "") if self.catalogue.is_taught(run)]
        return [run for run in self.plan.runs if (run.protocol, run.task, run.pair) == place and self.of(run) == of]

    def contrasted(self, place: Place, of: str) -> Named:
        """What is compared in one file: methods with what the paper proposes; or variants, teacher and student trained alone."""
        if of:
            return [(run.run, run) for run in self.catalogue.compared_at(place)]
        variants = [(run.run, run) for run in self.catalogue.runs_at(place)]
        alone = self.catalogue.baselines_at(place)
        return variants + [(name, run) for name, runs in alone.items() for run in runs]

    def valued(self, at: Located, of: str) -> Named:
        """Runs whose values are shown: all but a pair's own teacher; beside methods what the paper proposes."""
        if of == OF_METHODS:
            return [(run.run, run) for run in self.catalogue.compared_at(at)]
        return [(run.run, run) for run in self.runs_in(at, of) if run.run != TEACHER]

    def grouped(self, place: Place, group: str, seed: int) -> list[Run]:
        """Runs whose CKA one job computes: a technique's, of one seed."""
        here = self.catalogue.runs_at(place)
        return [run for run in here if (self.catalogue.group_of(run), run.seed) == (group, seed)]

    def judges(self, item: Item) -> list[Run]:
        """Runs that say which slices are hard: the networks trained alone, or else the shown runs themselves; these too where
        the rule does not ask."""
        if ":hard:" not in item.option:
            return list(item.runs)
        alone = self.catalogue.baselines_at(item.place).values()
        seed = item.runs[0].seed
        return [run for runs in alone for run in runs if run.seed == seed] or list(item.runs)

    def places_of(self, runs: Iterable[Run]) -> list[Place]:
        """Places that these runs are at."""
        keys = {(run.protocol, run.task, run.pair) for run in runs}
        return [place for place in self.catalogue.places if (place.protocol, place.task, place.pair) in keys]

    # What a script is told of them

    def folders(self, named: Named) -> list[dict[str, Any]]:
        """Folder, name and seed of runs."""
        return [{"folder": self.paths.run(run), "run": name, "seed": run.seed} for name, run in named]

    def described(self, runs: Iterable[Run]) -> list[dict[str, Any]]:
        """Folder of runs, and what the tidy table says of them."""
        return [{"folder": self.paths.run(run), **self.plan.describe(run)} for run in runs]

    def methods_described(self, place: Place) -> list[dict[str, Any]]:
        """Methods of a place: run, title, seed, folder."""
        titles = self.plan.method_titles()
        return [
            {"run": run.run, "title": titles[run.run], "seed": run.seed, "folder": self.paths.run(run)}
            for run in self.catalogue.methods_at(place)
        ]

    def curves_described(self, runs: Sequence[Run]) -> list[dict[str, Any]]:
        """Runs of a table: folder, where, run, seed; the protocol is named where there are several."""
        several = len({run.protocol for run in runs}) > 1
        return [
            {
                "folder": self.paths.run(run),
                "where": f"{run.task} {run.pair}" + (f" {run.protocol}" if several else ""),
                "run": run.run,
                "seed": run.seed,
            }
            for run in runs
        ]

    def similarity_described(self, runs: Iterable[Run]) -> Iterator[dict[str, Any]]:
        """Runs whose CKA is computed: run, seed, folder, split, folder of the teacher that they are compared with."""
        for run in runs:
            teacher = self.catalogue.reference_of(run)
            yield {
                "run": run.run,
                "seed": run.seed,
                "folder": self.paths.run(run),
                "split": self.split(run),
                "teacher": None if teacher is None else self.paths.run(teacher),
            }

    def claims_described(self) -> list[dict[str, Any]]:
        """All places with the files that decide the claims."""
        return [
            {
                "protocol": place.protocol,
                "task": place.task,
                "pair": place.pair,
                "place": place.name,
                "kind": place.kind,
                "contrasts": self.contrasts(place),
                "similarity": self.similarity(place, "upper"),
                "costs": self.costs(place),
            }
            for place in self.catalogue.places
        ]

    # Files

    def split(self, run: Run) -> str:
        """The split that a run is trained and tested on."""
        return self.paths.split(run.protocol, run.task, self.plan.split_seed(run))

    def split_reports(self) -> list[str]:
        """Leakage reports of all splits in use."""
        splits = {(run.protocol, run.task, self.plan.split_seed(run)) for run in self.plan.runs}
        return [self.paths.split_report(*split) for split in sorted(splits)]

    def start_weights(self, runs: Iterable[Run]) -> list[str]:
        """Start weights that the networks of these runs need."""
        names = {name for run in runs for name in self.plan.start_weights(run)}
        return [self.paths.start_weights(name) for name in sorted(names)]

    def cases(self, named: Named) -> list[str]:
        """What was measured on every test case in these runs."""
        return [path for _, run in named for path in (self.paths.cases(run), self.paths.regions(run))]

    def tidy(self, runs: Iterable[Run]) -> list[str]:
        """Tidy tables that hold these runs."""
        return sorted({self.paths.tidy(run, self.of(run)) for run in runs})

    def summaries(self, runs: Iterable[Run]) -> list[str]:
        """Means over seeds of the metrics of these runs."""
        return sorted({self.paths.summary(run, f"metrics{self.of(run)}") for run in runs})

    def comparisons(self, runs: Iterable[Run]) -> list[str]:
        """Comparisons of these runs with the paper, in performance."""
        compared = (run for run in runs if run.run != TEACHER)
        return list(dict.fromkeys(self.paths.comparison(run, self.of(run)) for run in compared))

    def comparisons_of_fidelity(self, runs: Iterable[Run]) -> list[str]:
        """Comparisons of these runs with the paper, in fidelity, where it gives that."""
        taught = (run for run in runs if self.catalogue.is_taught(run))
        given = (run for run in taught if (run.task, self.plan.student_of(run)) in numbers.FIDELITY_TABLES)
        return list(dict.fromkeys(self.paths.comparison(run, TAUGHT) for run in given))

    def numbers_of_students(self, task: str, pair: str) -> list[int]:
        """How many students the ensembles of a pair have: the paper's two, and those of own variants."""
        graphs = (
            self.plan.settings(run).graph
            for run in self.plan.runs
            if (run.task, run.pair) == (task, pair) and not self.plan.is_method(run)
        )
        counts = {sum(map(is_student, graph.supervised)) for graph in graphs}
        return sorted({count for count in counts if count > 1} | {2})

    def contrasts(self, place: Place) -> list[str]:
        """Contrasts of a place: of variants, and of methods."""
        kinds = {"": self.catalogue.runs_at(place), OF_METHODS: self.catalogue.methods_at(place)}
        return [self.paths.contrasts(place, of) for of, runs in kinds.items() if runs]

    def values(self, place: Place) -> Iterator[tuple[str, str]]:
        """(label, file) of the values at a place, and of teacher and student trained alone."""
        yield "values", self.paths.values(place, "")
        for name, runs in self.catalogue.baselines_at(place).items():
            if runs:
                yield f"values-{name.removeprefix('baseline_')}", self.paths.values(runs[0], "")

    def similarity(self, place: Place, name: str, runs: Iterable[Run] = ()) -> list[str]:
        """CKA tables of a place, of all its runs or of some."""
        chosen = tuple(runs) or self.catalogue.runs_at(place)
        jobs = dict.fromkeys((self.catalogue.group_of(run), run.seed) for run in chosen)
        return [self.paths.similarity(place, group, seed, name) for group, seed in jobs]

    def costs(self, place: Place) -> str:
        """Costs of the networks of a place."""
        return self.paths.costs(place.task, place.pair)

    def claims(self) -> list[str]:
        """The files that decide the claims."""
        return [
            path
            for place in self.catalogue.places
            for path in (*self.contrasts(place), *self.similarity(place, "upper"), self.costs(place))
        ]
