"""Everything that an experiment can show: tables and figures by name, with their words, places and runs.

Rules, captions and the static page all read this list, so that they cannot disagree. What there is of each kind stand in
`kdml.experiment.tables` and `kdml.experiment.figures`; this module only collects it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kdml.experiment.grid_search import Search
from kdml.experiment.items import CATEGORIES, FIGURE_SUFFIXES, TABLE_SUFFIXES, Item, Kind
from kdml.experiment.paths import figure, table
from kdml.experiment.places import Place, Places
from kdml.experiment.plan import Plan

Kinds = Mapping[str, Kind["Contents", Any]]
"""By the key that an item names its kind by."""


class Contents:
    """Tables and figures of an experiment.

    Args:
        plan: its runs.
        captions: titles and captions by key, as in `workflow/report/captions.yaml`.
        kinds: of tables and of figures.

    Attributes:
        tables: by name.
        figures: by name.
    """

    def __init__(self, plan: Plan, captions: Mapping[str, Any], kinds: tuple[Kinds, Kinds]):
        self.plan = plan
        self.captions = captions
        self.places = Places(plan)
        self.kinds = {**kinds[0], **kinds[1]}
        self.tables: dict[str, Item] = {}
        self.figures: dict[str, Item] = {}
        for mine, found in zip(kinds, (self.tables, self.figures), strict=True):
            items = [item for kind in mine.values() for item in kind.items(self)]
            # The paper's tables in its order, then all others.
            items.sort(key=lambda item: item.name if item.name.startswith("table_") else "~")
            found.update({item.name: item for item in items})

    def item(self, name: str, kind: str, words: Mapping[str, str], said: str = "", **rest: Any) -> Item:
        """Make an item with the title and caption that stand in the captions.

        Args:
            name: of its files.
            kind: key of its kind.
            words: put into title and caption.
            said: key of the captions; that of the kind if not given.
            rest: further fields.
        """
        texts = {name: self.captions[name] for name in ("upper", "beside")} | dict(words)
        title, caption = (self.captions[said or kind][part].format(**texts) for part in ("title", "caption"))
        return Item(name, kind, title, caption, **rest)

    def leave_out(self, names: Iterable[str]) -> None:
        """Make tables and figures only when they are asked for by name.

        Args:
            names: of them.
        """
        for items in (self.tables, self.figures):
            items |= {name: replace(items[name], on_request=True) for name in names if name in items}

    def task_title(self, task: str) -> str:
        """Title of a task."""
        return self.plan.experiment.tasks[task].title

    def suffix(self, place: Place) -> str:
        """Part of the name of a figure about one place; a protocol that is not the task's first is named."""
        protocol = "" if place.protocol == self.plan.experiment.protocols_of(place.task)[0] else f"_{place.protocol}"
        return f"{place.task}_{place.pair}{protocol}"

    def nearest(self, kind: str, task: str, student: str = "resnet18") -> Place | None:
        """The place of a kind of task that is nearest to the paper's: its task and student, else its task, else any."""
        places = [place for place in self.places.all if place.kind == kind]
        return min(places, key=lambda place: (place.task != task, place.student != student), default=None)

    def searched_splits(self) -> str:
        """Say which splits the grid search looks at, and what this means for the others of the experiment."""
        search = Search(self.plan)
        said = f"Validation part of the split (protocol, seed) {', '.join(search.splits)}"
        if not search.other_splits:
            return f"{said}, the only one of the experiment."
        return (
            f"{said}. Its images may be test images of the split {', '.join(search.other_splits)}: "
            "with these weights, scores there would be too good."
        )

    def named(self, items: Mapping[str, Item]) -> dict[str, Item]:
        """Items by all names that they can be asked for by."""
        return {**items, **{item.other_name: item for item in items.values() if item.other_name}}

    def shown(self) -> list[dict[str, Any]]:
        """Tables and figures that are made when everything is, with their files, in the order of the static page."""
        made: list[tuple[Item, Callable[[str, str], str], tuple[str, ...]]]
        made = [(item, table, TABLE_SUFFIXES) for item in self.tables.values()]
        made += [(item, figure, FIGURE_SUFFIXES) for item in self.figures.values()]
        listed = [
            {
                "name": item.name,
                "category": self.kinds[item.kind].category,
                "title": item.title,
                "caption": item.caption,
                "files": {suffix: path(item.name, suffix) for suffix in suffixes},
            }
            for item, path, suffixes in made
            if not item.on_request
        ]
        return sorted(listed, key=lambda one: CATEGORIES.index(one["category"]))

    def files_of(self, kinds: Sequence[str]) -> list[str]:
        """Files of all tables and figures of these kinds, also of those that are made on request alone."""
        of_tables = [
            table(item.name, suffix) for item in self.tables.values() if item.kind in kinds for suffix in TABLE_SUFFIXES
        ]
        of_figures = [
            figure(item.name, suffix)
            for item in self.figures.values()
            if item.kind in kinds
            for suffix in FIGURE_SUFFIXES
        ]
        return of_tables + of_figures

    def files(self, suffixes: tuple[str, ...]) -> list[str]:
        """Files with these suffixes of everything that is made when everything is."""
        return [path for one in self.shown() for suffix, path in one["files"].items() if suffix in suffixes]
