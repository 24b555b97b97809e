"""What a table or a figure is, before it is made: its name and words, where its runs are, and what draws it from which files."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from kdml.experiment.places import Place
from kdml.experiment.plan import Run

# Categories in the order of the static page; what a grid search makes is not on it.
CATEGORIES = (
    "Claims", "Results", "Comparison", "Fidelity", "Representations", "Predictions", "Detection", "Clinic",
    "Compression", "Learning curves", "Method",
)  # fmt: skip
TABLE_SUFFIXES = ("html", "md", "tex", "csv")
FIGURE_SUFFIXES = ("png", "pdf")
Labelled = Iterator[tuple[str, str]]
"""(label, file); what draws an item finds its data by the labels."""
# What a kind looks its items up in, and finds their files by: modules above this one say what these are.
Listing = TypeVar("Listing")
Finder = TypeVar("Finder")


@dataclass(frozen=True)
class Item:
    """A table or a figure.

    Args:
        name: of its files.
        kind: key of `TABLES` or `FIGURES`.
        title: a few words.
        caption: what a reader has to know.
        places: where its runs are; none for what is drawn from no runs.
        runs: that it is made from, where it does not take all of its places.
        options: choices within the kind, as arguments of the script: name -> value.
        other_name: that it can be asked for by, too.
        on_request: whether it is made only when it is asked for by name.
    """

    name: str
    kind: str
    title: str
    caption: str
    places: tuple[Place, ...] = ()
    runs: tuple[Run, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    other_name: str = ""
    on_request: bool = False

    @property
    def place(self) -> Place:
        """The only place that it is about."""
        (place,) = self.places
        return place


@dataclass(frozen=True)
class Kind(Generic[Listing, Finder]):
    """A kind of table or figure: what it is shown under, what draws it, what it is made from, and which there are.

    Args:
        category: one of `CATEGORIES`.
        draws: `module:function` below `kdml.reporting`.
        made_from: labelled files of an item.
        items: all that an experiment has of it, in the order in which they are shown.
    """

    category: str
    draws: str
    made_from: Callable[[Item, Finder], Labelled]
    items: Callable[[Listing], Iterator[Item]]
