"""All kinds of figures: which of them an experiment has, and what each is made from.

A figure of the paper is drawn for the paper's task and pair where those were run, else for another task of the same kind; for every
other place it can be asked for by name.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from kdml.experiment.contents import Contents
from kdml.experiment.inputs import Inputs
from kdml.experiment.items import Item, Kind, Labelled
from kdml.experiment.paths import claims
from kdml.experiment.places import Place
from kdml.experiment.plan import Run
from kdml.experiment.tables import TABLES, WITH_CURVES, clinic_files
from kdml.runs.graph import VARIANTS

SCHEMES = (1, 2, 3, 8)
SLICES = {4: "telling", 5: "telling", 7: "spread", 9: "telling"}  # number -> rule of `kdml.analysis.slices`
SIMILARITIES = (6, 10, 11)
WITH_TEACHER = 10  # compares teachers and students, also of techniques that may have no teacher
PLACES_ON_A_PAGE = {"clinic_reliability": 3, "clinic_referral": 4, "clinic_flips": 2}
ENSEMBLES = 7  # shows masks of ensembles, the others probabilities of students


# All claims


def _claims(contents: Contents) -> Iterator[Item]:
    yield contents.item("claims", "claims", {})


def _claims_file(item: Item, inputs: Inputs) -> Labelled:
    yield "claims", claims("csv")


# Figures without runs


def _schemes(contents: Contents) -> Iterator[Item]:
    for number in SCHEMES:
        name = f"figure_{number:02d}"
        yield contents.item(name, "scheme", {}, said=name, options={"number": str(number)})


def _graphs(item: Item, inputs: Inputs) -> Labelled:
    yield "graphs", inputs.paths.graphs()


# Figures of the paper that show some runs of one place


def _slices(contents: Contents) -> Iterator[Item]:
    for number in SLICES:
        yield from _at_places(contents, number, "segmentation", "lgg")


def _similarities(contents: Contents) -> Iterator[Item]:
    for number in SIMILARITIES:
        yield from _at_places(contents, number, "classification", "hcd")


def _at_places(contents: Contents, number: int, kind: str, task: str) -> Iterator[Item]:
    """A figure for the place that is nearest to the paper's, and on request for every other."""
    nearest = contents.nearest(kind, task)
    for place in contents.places.all:
        if number in SIMILARITIES or place.kind == "segmentation":
            if item := _at(contents, number, place):
                yield replace(item, on_request=True)
            if place == nearest and item:
                yield replace(item, name=f"figure_{number:02d}")


def _at(contents: Contents, number: int, place: Place) -> Item | None:
    """One of the paper's figures of runs, at a place; None if nothing there was run for it."""
    runs = [run for run in contents.places.variants_at(place) if _belongs(number, run.run)]
    if number == WITH_TEACHER:
        runs = [run for run in runs if contents.places.has_teacher(run)]
    if number in SLICES:
        runs = _of_first_seed(runs)
    if not runs:
        return None
    said = f"figure_{number:02d}"
    name, kind = f"{said}_{contents.suffix(place)}", "heat_map" if number in SIMILARITIES else "slices"
    words = {} if kind == "heat_map" else {"slices": contents.captions["slices"][SLICES[number]]}
    options = {"number": str(number)}
    return contents.item(name, kind, words, said=said, places=(place,), runs=tuple(runs), options=options)


def _belongs(number: int, run: str) -> bool:
    """Whether a figure shows a variant."""
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


def _of_first_seed(runs: Sequence[Run]) -> list[Run]:
    """Runs of the first of their seeds."""
    first = min((run.seed for run in runs), default=None)
    return [run for run in runs if run.seed == first]


def _slices_files(item: Item, inputs: Inputs) -> Labelled:
    yield "images", inputs.paths.slice_images(item.name)
    yield "slices", inputs.paths.slices(item.name)


def _similarity_files(item: Item, inputs: Inputs) -> Labelled:
    for name in ("layers", "upper"):
        yield from ((name, path) for path in inputs.cka(item.place, item.runs, name))


# Figures beside result tables


def _beside(kind: str, of: tuple[str, ...]):
    """A figure for every table of these kinds, made from the table's files."""

    def items(contents: Contents) -> Iterator[Item]:
        for table in contents.tables.values():
            if table.kind in of:
                words = {"table": table.title.partition(":")[0]}
                said = next(key for key in (f"{kind}_{table.kind}", kind) if key in contents.captions)
                yield contents.item(
                    f"{kind}_{table.name}", kind, words, said, places=table.places, other_name=_other(kind, table)
                )

    return items


def _other(kind: str, table: Item) -> str:
    return f"{kind}_{table.other_name}" if table.other_name else ""


def _files_of_table(item: Item, inputs: Inputs) -> Labelled:
    """Files of the table that a figure stands beside."""
    table = inputs.contents.tables[item.name.partition("_")[2]]
    return TABLES[table.kind].made_from(table, inputs)


# Figures of every place


def _of_places(kind: str, prefix: str, only: str = "", on_request: bool = False):
    """A figure for every place with variants, or with those of a kind of task; for all, or on request."""

    def items(contents: Contents) -> Iterator[Item]:
        for place in contents.places.all:
            if contents.places.variants_at(place) and (not only or place.kind == only):
                words = {"task": contents.task_title(place.task), "pair": place.pair}
                name = f"{prefix}_{contents.suffix(place)}"
                yield contents.item(name, kind, words, places=(place,), on_request=on_request)

    return items


def _pareto(item: Item, inputs: Inputs) -> Labelled:
    yield "runs", inputs.paths.runs(item.place)
    yield "scores", inputs.paths.compression(item.place)


def _by_size(item: Item, inputs: Inputs) -> Labelled:
    yield "runs", inputs.paths.runs(item.place)
    yield from (("values", path) for path in inputs.scored(item.place, inputs.paths.values))


def _by_lesion(item: Item, inputs: Inputs) -> Labelled:
    yield from _by_size(item, inputs)
    yield from (("found", path) for path in inputs.scored(item.place, inputs.paths.found))


def _search(contents: Contents) -> Iterator[Item]:
    """Scores of the grid search, a figure per place with variants of the paper, of the task's first protocol."""
    for place in contents.places.all:
        first = contents.plan.experiment.protocols_of(place.task)[0]
        if place.protocol == first and any(run.run in VARIANTS for run in contents.places.variants_at(place)):
            words = {"task": contents.task_title(place.task), "pair": place.pair}
            name = f"grid_search_{contents.suffix(place)}"
            yield contents.item(name, "search", words, places=(place,), on_request=True)


def _settings(item: Item, inputs: Inputs) -> Labelled:
    yield "settings", inputs.paths.ranked_settings(item.place)


def _clinic(kind: str):
    """Figures of the places of the table, which are dealt out evenly to as many as they need."""

    def items(contents: Contents) -> Iterator[Item]:
        places = contents.tables["clinic"].places if "clinic" in contents.tables else ()
        pages = math.ceil(len(places) / PLACES_ON_A_PAGE[kind])
        each = math.ceil(len(places) / max(pages, 1))
        for page in range(pages):
            name = f"{kind}_{page + 1}" if page else kind
            words = {"page": f" ({page + 1} of {pages})" if pages > 1 else ""}
            yield contents.item(name, kind, words, places=places[page * each : (page + 1) * each])

    return items


FIGURES: Mapping[str, Kind[Contents, Inputs]] = {
    "claims": Kind("Claims", "figures.claims:draw", _claims_file, _claims),
    "scheme": Kind("Method", "figures.schemes:draw", _graphs, _schemes),
    "slices": Kind("Predictions", "figures.slices:draw", _slices_files, _slices),
    "heat_map": Kind("Representations", "figures.similarity:draw", _similarity_files, _similarities),
    "beside": Kind("Comparison", "figures.beside:draw", _files_of_table, _beside("beside", (*WITH_CURVES, "fidelity"))),
    "curves": Kind("Learning curves", "figures.curves:draw_bands", _files_of_table, _beside("curves", WITH_CURVES)),
    "runs": Kind("Learning curves", "figures.curves:draw_runs", _files_of_table, _beside("runs", WITH_CURVES)),
    "pareto": Kind("Compression", "figures.compression:draw", _pareto, _of_places("pareto", "compression")),
    "detection_by_lesion": Kind(
        "Detection",
        "figures.detection:draw",
        _by_lesion,
        _of_places("detection_by_lesion", "detection", "segmentation"),
    ),
    "detection_by_size": Kind(
        "Detection",
        "figures.detection:draw_by_size",
        _by_size,
        _of_places("detection_by_size", "detection_by_size", "segmentation", on_request=True),
    ),
    "clinic_reliability": Kind("Clinic", "figures.reliability:draw", clinic_files, _clinic("clinic_reliability")),
    "clinic_referral": Kind("Clinic", "figures.referral:draw", clinic_files, _clinic("clinic_referral")),
    "clinic_flips": Kind("Clinic", "figures.flips:draw", clinic_files, _clinic("clinic_flips")),
    "search": Kind("Grid search", "figures.search:draw", _settings, _search),
}
BESIDE_TABLES = ("beside", "curves", "runs")  # made in one job with their table
