"""What each table and figure is made from: for every kind a function from an item to its labelled files, and all that is shown."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from kdml.experiment import paths
from kdml.experiment.analyses import OF_METHODS, TAUGHT, Analyses
from kdml.experiment.contents import Catalogue, Item
from kdml.experiment.places import Place
from kdml.paper import numbers

Labelled = Iterator[tuple[str, str]]
"""(label, file); what draws an item finds its data by the labels."""

# Categories in the order of the static page.
CATEGORIES = (
    "Claims", "Results", "Comparison", "Fidelity", "Representations", "Predictions", "Detection", "Compression",
    "Learning curves", "Method",
)  # fmt: skip
TABLE_SUFFIXES = ("html", "md", "tex", "csv")
FIGURE_SUFFIXES = ("png", "pdf")


def data_of(item: Item, analyses: Analyses) -> list[tuple[str, str]]:
    """(label, file) of all that a table or a figure is made from.

    Args:
        item: of the catalogue.
        analyses: of the same experiment.
    """
    return list(MADE_FROM[item.kind](item, analyses))


def _places(item: Item, analyses: Analyses) -> list[Place]:
    """The place that an item is about, else all places of its runs."""
    return [item.place] if item.place else analyses.places_of(item.runs)


def _placed(place: Place, files: Iterable[tuple[str, str]]) -> Labelled:
    """Files of a place, each under its label and place."""
    return ((f"{label}:{place.folder}", path) for label, path in files)


def _nothing(item: Item, analyses: Analyses) -> Labelled:
    return iter(())


def _results(item: Item, analyses: Analyses) -> Labelled:
    """Means over seeds; for fidelity of the variants with a teacher alone, and the agreement of teachers under its place."""
    if item.category != "Fidelity":
        yield from (("summaries", path) for path in analyses.summaries(item.runs))
        return
    for place in _places(item, analyses):
        yield "summaries", analyses.paths.summary(place, f"metrics{TAUGHT}")
        if analyses.catalogue.teachers_at(place):
            yield from _placed(place, [("teachers", analyses.paths.summary(place, "teachers"))])


def _architecture(item: Item, analyses: Analyses) -> Labelled:
    yield "layers", analyses.paths.layers(item.place.task, item.place.pair)


def _contrasts(item: Item, analyses: Analyses) -> Labelled:
    for place in _places(item, analyses):
        if analyses.catalogue.runs_at(place):
            yield place.folder, analyses.paths.contrasts(place, "")


def _methods(item: Item, analyses: Analyses) -> Labelled:
    files = analyses.paths
    for place in _places(item, analyses):
        of_place = {
            "values": files.values(place, OF_METHODS),
            "contrasts": files.contrasts(place, OF_METHODS),
            "methods": files.methods(place),
            "comparison": files.comparison(place, OF_METHODS),
        }
        yield from _placed(place, of_place.items())


def _similarity(item: Item, analyses: Analyses) -> Labelled:
    """A table shows the higher layers of all places; a figure all layers of the runs that it shows."""
    if item.place is None:
        for place in _places(item, analyses):
            yield place.folder, analyses.paths.summary(place, "similarity")
        return
    for name in ("layers", "upper"):
        yield from ((name, path) for path in analyses.similarity(item.place, name, item.runs))


def _detection(item: Item, analyses: Analyses) -> Labelled:
    for place in _places(item, analyses):
        yield from _placed(place, analyses.values(place))


def _compression(item: Item, analyses: Analyses) -> Labelled:
    for place in _places(item, analyses):
        files = [("costs", analyses.costs(place)), ("scores", analyses.paths.compression(place))]
        yield from _placed(place, files)


def _comparison(item: Item, analyses: Analyses) -> Labelled:
    yield "comparison", analyses.paths.whole_comparison()


def _grid_search(item: Item, analyses: Analyses) -> Labelled:
    yield "settings", analyses.paths.hyperparameters()


def _search(item: Item, analyses: Analyses) -> Labelled:
    yield "settings", analyses.paths.ranked_settings(item.place)


def _slices(item: Item, analyses: Analyses) -> Labelled:
    yield "images", analyses.paths.slice_images(item.name)
    yield "slices", analyses.paths.slices(item.name)


def _beside(item: Item, analyses: Analyses) -> Labelled:
    """Of table 10 the methods alone: the proposed variant stands there for comparison."""
    own = [run for run in item.runs if analyses.plan.is_method(run)] or item.runs
    fidelity = int(item.option.removeprefix("table_")) in numbers.FIDELITY_TABLES.values()
    files = analyses.comparisons_of_fidelity(own) if fidelity else analyses.comparisons(own)
    return (("comparison", path) for path in files)


def _curves(item: Item, analyses: Analyses) -> Labelled:
    yield "bands", analyses.paths.bands(item.option)


def _runs(item: Item, analyses: Analyses) -> Labelled:
    yield "runs", analyses.paths.curves(item.option)


def _detection_by_size(item: Item, analyses: Analyses) -> Labelled:
    return analyses.values(item.place)


def _pareto(item: Item, analyses: Analyses) -> Labelled:
    yield "scores", analyses.paths.compression(item.place)


MADE_FROM: Mapping[str, Callable[[Item, Analyses], Labelled]] = {
    # Tables
    "results": _results,
    "table_01": _nothing,
    "table_05": _nothing,
    "architecture": _architecture,
    "contrasts": _contrasts,
    "methods": _methods,
    "detection": _detection,
    "compression": _compression,
    "comparison": _comparison,
    "grid_search": _grid_search,
    # A table and figures
    "similarity": _similarity,
    # Figures
    "scheme": _nothing,
    "search": _search,
    "slices": _slices,
    "beside": _beside,
    "curves": _curves,
    "runs": _runs,
    "detection_by_size": _detection_by_size,
    "pareto": _pareto,
}


def everything_to_show(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Tables and figures that are made when everything is, with their files, in the order of the static page."""
    tables = (*catalogue.results.values(), *catalogue.grids.values())
    shown = [_shown(item, {suffix: paths.table(item.name, suffix) for suffix in TABLE_SUFFIXES}) for item in tables]
    shown += [
        _shown(item, {suffix: paths.figure(item.name, suffix) for suffix in FIGURE_SUFFIXES})
        for item in catalogue.figures.values()
    ]
    return sorted(shown, key=lambda item: CATEGORIES.index(item["category"]))


def _shown(item: Item, files: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": item.name,
        "category": item.category,
        "title": item.title,
        "caption": item.caption,
        "files": dict(files),
    }


def files_to_show(catalogue: Catalogue, suffixes: Iterable[str]) -> list[str]:
    """Files with these suffixes of everything to show."""
    return [
        path for item in everything_to_show(catalogue) for suffix, path in item["files"].items() if suffix in suffixes
    ]
