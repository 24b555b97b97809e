"""What each analysis is made from: runs of a place, and the files of their numbers."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kdml.common.errors import UserError
from kdml.experiment.contents import Contents
from kdml.experiment.items import Item
from kdml.experiment.paths import Paths
from kdml.experiment.places import Place
from kdml.experiment.plan import Run
from kdml.runs.graph import is_student
from kdml.runs.run_table import ALONE_SHEET, FIDELITY_SHEET, METHODS_SHEET, SHEETS, TEACHER_SHEET, VARIANTS_SHEET
from kdml.runs.third_student import third_student

OF_METHODS = "_methods"  # in the name of the file of contrasts between published methods


class Inputs:
    """Runs and files that the analyses of an experiment take.

    Args:
        contents: tables and figures of the experiment.
        paths: of its files.
    """

    def __init__(self, contents: Contents, paths: Paths):
        self.contents = contents
        self.places = contents.places
        self.plan = contents.plan
        self.paths = paths

    def of_item(self, item: Item) -> list[tuple[str, str]]:
        """(label, file) of all that a table or a figure is made from."""
        return list(self.contents.kinds[item.kind].made_from(item, self))

    # Sheets

    def runs_of(self, place: Place, sheet: str) -> list[Run]:
        """Trainings that a sheet of a place is about."""
        return {
            VARIANTS_SHEET: lambda: list(self.places.variants_at(place)),
            METHODS_SHEET: lambda: list(self.places.compared_at(place)),
            ALONE_SHEET: lambda: list(dict.fromkeys(run for _, run in self.places.alone_at(place))),
            TEACHER_SHEET: lambda: list(self.places.own_teachers_at(place)),
            FIDELITY_SHEET: lambda: list(self.places.taught_at(place)),
        }[sheet]()

    def sheets(self, place: Place) -> list[str]:
        """Sheets of a place that there are runs for."""
        return [sheet for sheet in SHEETS if self.runs_of(place, sheet)]

    def splits_of(self, runs: Iterable[Run]) -> list[str]:
        """Splits that these runs are trained and tested on."""
        return sorted({self.split(run) for run in runs})

    def split(self, run: Run) -> str:
        """The split that a run is trained and tested on."""
        return self.paths.split(run.protocol, run.task, self.plan.split_seed(run))

    def by_seed(self) -> list[str]:
        """Values of every single run, of all sheets."""
        return [self.paths.by_seed(place, sheet) for place in self.places.all for sheet in self.sheets(place)]

    def comparisons(self) -> list[str]:
        """Comparisons with the paper, of all sheets."""
        return [self.paths.comparison(place, sheet) for place in self.places.all for sheet in self.sheets(place)]

    # Analyses of a place

    def compared_sheets(self, place: Place, of: str) -> list[str]:
        """Sheets whose runs are contrasted with each other: methods, or variants and networks trained alone."""
        wanted = (METHODS_SHEET,) if of == OF_METHODS else (VARIANTS_SHEET, ALONE_SHEET)
        return [sheet for sheet in wanted if self.runs_of(place, sheet)]

    def scored(self, place: Place, file_of: Callable[[Place, str], str]) -> list[str]:
        """A file of the sheet of variants at a place, and that of its networks trained alone.

        Args:
            place: of the runs.
            file_of: place and sheet to the file, such as `paths.values`.
        """
        return [file_of(place, sheet) for sheet in self.compared_sheets(place, "")]

    def both_protocols(self, place: Place) -> tuple[Place, Place]:
        """Give a place that is split by image, and the same under the split by group.

        Raises:
            UserError: there is no other.
        """
        other = self.places.without_leakage(place)
        if other is None:
            raise UserError(
                f"{place.task}/{place.pair} is not run under two protocols that differ.",
                "set `run: protocols: [paper, grouped]`; hcd needs `datasets: hcd: slides:`, too",
            )
        return place, other

    def contrasts(self, place: Place) -> list[str]:
        """Contrasts of a place: of variants, and of published methods."""
        kinds = {"": self.places.variants_at(place), OF_METHODS: self.places.methods_at(place)}
        return [self.paths.contrasts(place, of) for of, runs in kinds.items() if runs]

    def claims(self) -> Iterator[tuple[str, Place, str]]:
        """(argument, place, file) of all that decides the claims."""
        for place in self.places.all:
            yield "runs", place, self.paths.runs(place)
            yield from (("contrasts", place, path) for path in self.contrasts(place))
            if self.places.variants_at(place):
                yield "similarity", place, self.paths.similarity(place)
            yield "costs", place, self.costs(place)

    def cka(self, place: Place, runs: Iterable[Run], name: str) -> list[str]:
        """CKA tables that hold these runs of a place."""
        return [self.paths.cka(place, group, name) for group in dict.fromkeys(map(self.places.group_of, runs))]

    def costs(self, place: Place) -> str:
        """Costs of the networks of a place."""
        return self.paths.costs(place.task, place.pair)

    def judges(self, item: Item, rule: str) -> list[tuple[str, Run]]:
        """Runs, by name, that say how hard a slice is: networks trained alone, or else (and for other rules) the shown runs."""
        shown = [(run.run, run) for run in item.runs]
        if rule != "telling":
            return shown
        return [(name, run) for name, run in self.places.alone_at(item.place) if run.seed == item.runs[0].seed] or shown

    # Data

    def splits(self) -> list[tuple[str, str, int]]:
        """(protocol, task, seed) of all splits in use."""
        return sorted({(run.protocol, run.task, self.plan.split_seed(run)) for run in self.plan.runs})

    def split_reports(self) -> list[str]:
        """Leakage reports of all splits in use."""
        return [row["report"] for row in self.split_rows()]

    def split_rows(self) -> list[dict[str, Any]]:
        """Rows of splits.csv: every split in use, and its leakage report."""
        keys = ("protocol", "task", "seed")
        return [
            dict(zip(keys, split, strict=True)) | {"report": self.paths.split_report(*split)} for split in self.splits()
        ]

    def start_weights(self, runs: Iterable[Run]) -> list[str]:
        """Start weights that the networks of these runs need."""
        names = {name for run in runs for name in self.plan.start_weights(run)}
        return [self.paths.start_weights(name) for name in sorted(names)]

    def numbers_of_students(self, task: str, pair: str) -> list[int]:
        """How many students the ensembles of a pair have: the paper's two, and those of own variants, with and without a third."""
        own = {
            run.run for run in self.plan.runs if (run.task, run.pair) == (task, pair)
        } & self.plan.experiment.variants.keys()
        graphs = [self.plan.experiment.variants[name].graph() for name in own]
        counts = {sum(map(is_student, graph.supervised)) for graph in graphs}
        counts |= {len(third.sources) for third in map(third_student, graphs) if third}
        return sorted({count for count in counts if count > 1} | {2})
