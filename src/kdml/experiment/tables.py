"""All kinds of tables: which of them an experiment has, and what each is made from."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from kdml.experiment.contents import Contents
from kdml.experiment.grid_search import Search
from kdml.experiment.inputs import OF_METHODS, Inputs
from kdml.experiment.items import Item, Kind, Labelled
from kdml.experiment.places import Place
from kdml.paper import numbers
from kdml.runs.run_table import ALONE_SHEET, FIDELITY_SHEET, METHODS_SHEET, VARIANTS_SHEET

METHODS_TABLE = f"table_{numbers.METHODS_TABLE}"


def placed(place: Place, files: Mapping[str, str]) -> Labelled:
    """Files of a place, each under its label and place."""
    return ((f"{label}:{place.folder}", path) for label, path in files.items())


# Result tables, with the figures that are made from the same files


def _by_task_and_pair(places: Sequence[Place]) -> Iterator[tuple[Place, ...]]:
    """Places of one task and pair, one for each protocol."""
    together: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for place in places:
        together[place.task, place.pair].append(place)
    return (tuple(group) for group in together.values())


def _results(contents: Contents) -> Iterator[Item]:
    """A table of variants for every task and pair, by the paper's name where the paper has it."""
    with_variants = [place for place in contents.places.all if contents.places.variants_at(place)]
    yield from _named(contents, "results", with_variants, numbers.TABLES)


def _fidelity(contents: Contents) -> Iterator[Item]:
    """A table of fidelity for every task and pair with variants that have a teacher."""
    taught = [place for place in contents.places.all if contents.places.taught_at(place)]
    yield from _named(contents, "fidelity", taught, numbers.FIDELITY_TABLES)


def _named(
    contents: Contents, kind: str, places: Sequence[Place], papers: Mapping[tuple[str, str], int]
) -> Iterator[Item]:
    taken: set[int] = set()
    for group in _by_task_and_pair(places):
        first = group[0]
        name, number = f"{kind}_{first.task}_{first.pair}", papers.get((first.task, first.student))
        if number in taken:
            number = None
        words = {
            "table": f"Table {number}" if number else contents.captions["words"][kind],
            "task": contents.task_title(first.task),
            "pair": first.pair,
        }
        if number:
            taken.add(number)
            yield contents.item(f"table_{number:02d}", kind, words, places=group, other_name=name)
        else:
            yield contents.item(name, kind, words, places=group)


def _baselines(contents: Contents) -> Iterator[Item]:
    """A table of networks trained alone for the tasks that share one in the paper, and for every other task."""
    together: dict[str, list[str]] = defaultdict(list)
    for task in contents.plan.experiment.run.tasks:
        if contents.plan.baselines_of(task):
            number = numbers.BASELINE_TABLES.get(task)
            together[f"table_{number:02d}" if number else f"baselines_{task}"].append(task)
    for name, tasks in together.items():
        number = numbers.BASELINE_TABLES.get(tasks[0])
        titles = "; ".join(contents.task_title(task) for task in tasks)
        words = {"table": f"Table {number}" if number else contents.captions["words"]["baselines"], "task": titles}
        places = tuple(place for place in contents.places.all if place.task in tasks)
        yield contents.item(name, "baselines", words, places=places)


def _methods(contents: Contents) -> Iterator[Item]:
    places = tuple(place for place in contents.places.all if contents.places.methods_at(place))
    if places:
        yield contents.item(METHODS_TABLE, "methods", {}, said=METHODS_TABLE, places=places)


def _of_sheet(sheet: str, item: Item, inputs: Inputs) -> Labelled:
    """What the tables and figures of a sheet are made from, at every place."""
    files = inputs.paths
    for place in item.places:
        found = {
            "runs": files.runs(place),
            "values": files.values(place, sheet),
            "comparison": files.comparison(place, sheet),
        }
        if sheet == FIDELITY_SHEET:
            found["teachers"] = files.teachers_summary(place)
        else:
            found |= {"curves": files.curves(place, sheet), "bands": files.bands(place, sheet)}
        if sheet in (VARIANTS_SHEET, METHODS_SHEET) and inputs.runs_of(place, ALONE_SHEET):
            found["alone"] = files.values(place, ALONE_SHEET)
        if sheet == METHODS_SHEET:
            found |= {"methods": files.methods(place), "contrasts": files.contrasts(place, OF_METHODS)}
        yield from placed(place, found)


def _results_files(item: Item, inputs: Inputs) -> Labelled:
    return _of_sheet(VARIANTS_SHEET, item, inputs)


def _baselines_files(item: Item, inputs: Inputs) -> Labelled:
    return _of_sheet(ALONE_SHEET, item, inputs)


def _methods_files(item: Item, inputs: Inputs) -> Labelled:
    return _of_sheet(METHODS_SHEET, item, inputs)


def _fidelity_files(item: Item, inputs: Inputs) -> Labelled:
    return _of_sheet(FIDELITY_SHEET, item, inputs)


# Tables drawn from the sharing graphs alone


def _of_graphs(name: str, draws: str) -> Kind[Contents, Inputs]:
    def items(contents: Contents) -> Iterator[Item]:
        yield contents.item(name, name, {})

    return Kind("Method", draws, _graphs, items)


def _graphs(item: Item, inputs: Inputs) -> Labelled:
    yield "graphs", inputs.paths.graphs()


# Tables of whole experiments


def _architecture(contents: Contents) -> Iterator[Item]:
    for number, kind, task in ((6, "classification", "hcd"), (7, "segmentation", "lgg")):
        if place := contents.nearest(kind, task):
            name = f"table_{number:02d}"
            yield contents.item(name, "architecture", {"pair": place.pair}, said=name, places=(place,))


def _layers(item: Item, inputs: Inputs) -> Labelled:
    yield "layers", inputs.paths.layers(item.place.task, item.place.pair)


def _everywhere(kind: str, only: str = ""):
    """One table over all places with variants, or those of a kind of task."""

    def items(contents: Contents) -> Iterator[Item]:
        places = [place for place in contents.places.all if contents.places.variants_at(place)]
        if chosen := tuple(place for place in places if not only or place.kind == only):
            yield contents.item(kind, kind, {}, places=chosen)

    return items


def _contrasts(item: Item, inputs: Inputs) -> Labelled:
    for place in item.places:
        yield from placed(place, {"runs": inputs.paths.runs(place), "contrasts": inputs.paths.contrasts(place, "")})


def _between_protocols(contents: Contents) -> Iterator[Item]:
    """One table of all tasks and pairs that run under both protocols."""
    if places := tuple(place for place in contents.places.all if contents.places.leaks_at(place)):
        yield contents.item("between_protocols", "between_protocols", {}, places=places)


def _both_protocols(item: Item, inputs: Inputs) -> Labelled:
    for place in item.places:
        yield from placed(
            place, {"runs": inputs.paths.runs(place), "between_protocols": inputs.paths.between_protocols(place)}
        )


def _similarity(item: Item, inputs: Inputs) -> Labelled:
    for place in item.places:
        yield from placed(
            place, {"runs": inputs.paths.runs(place), "similarity": inputs.paths.similarity_summary(place)}
        )


def _compression(item: Item, inputs: Inputs) -> Labelled:
    for place in item.places:
        files = {
            "runs": inputs.paths.runs(place),
            "costs": inputs.costs(place),
            "scores": inputs.paths.compression(place),
        }
        yield from placed(place, files)


def _detection(item: Item, inputs: Inputs) -> Labelled:
    for place in item.places:
        yield f"runs:{place.folder}", inputs.paths.runs(place)
        yield from ((f"values:{place.folder}", path) for path in inputs.scored(place, inputs.paths.values))


def clinic_files(item: Item, inputs: Inputs) -> Labelled:
    """Files that the tables of what a clinic asks and their figures are made from, in one job."""
    files = inputs.paths
    for place in item.places:
        yield f"runs:{place.folder}", files.runs(place)
        kinds = {"values": files.values, "confusion": files.confusion}
        kinds |= {"reliability": files.reliability, "coverage": files.coverage}
        for label, file_of in kinds.items():
            yield from ((f"{label}:{place.folder}", path) for path in inputs.scored(place, file_of))
        against = {"flips": files.flips(place), "non_inferiority": files.non_inferiority(place)}
        against |= {"second_student": files.second_student(place), "scores": files.compression(place)}
        against["contrasts"] = files.contrasts(place, "")
        yield from placed(place, against)


def _comparison(contents: Contents) -> Iterator[Item]:
    yield contents.item("comparison", "comparison", {}, places=contents.places.all)


def _whole_comparison(item: Item, inputs: Inputs) -> Labelled:
    yield "comparison", inputs.paths.whole_comparison()
    yield from ((f"runs:{place.folder}", inputs.paths.runs(place)) for place in item.places)


def _grid_search(contents: Contents) -> Iterator[Item]:
    if Search(contents.plan).places:
        yield contents.item("grid_search", "grid_search", {"splits": contents.searched_splits()}, on_request=True)


def _hyperparameters(item: Item, inputs: Inputs) -> Labelled:
    yield "settings", inputs.paths.hyperparameters()


TABLES: Mapping[str, Kind[Contents, Inputs]] = {
    "results": Kind("Results", "result_tables:results", _results_files, _results),
    "baselines": Kind("Results", "result_tables:baselines", _baselines_files, _baselines),
    "methods": Kind("Results", "plain_tables.methods:table", _methods_files, _methods),
    "fidelity": Kind("Fidelity", "result_tables:fidelity", _fidelity_files, _fidelity),
    "table_01": _of_graphs("table_01", "plain_tables.sharing:table"),
    "table_05": _of_graphs("table_05", "plain_tables.losses:table"),
    "architecture": Kind("Method", "plain_tables.architecture:table", _layers, _architecture),
    "contrasts": Kind("Claims", "plain_tables.contrasts:table", _contrasts, _everywhere("contrasts")),
    "similarity": Kind("Representations", "plain_tables.similarity:table", _similarity, _everywhere("similarity")),
    "compression": Kind("Compression", "plain_tables.costs:table", _compression, _everywhere("compression")),
    "comparison": Kind("Comparison", "plain_tables.comparison:table", _whole_comparison, _comparison),
    "between_protocols": Kind("Results", "plain_tables.between_protocols:table", _both_protocols, _between_protocols),
    "detection": Kind(
        "Detection", "plain_tables.detection:table", _detection, _everywhere("detection", "segmentation")
    ),
    "clinic": Kind("Clinic", "plain_tables.clinic:table", clinic_files, _everywhere("clinic")),
    "clinic_teacher": Kind("Clinic", "plain_tables.clinic_teacher:table", clinic_files, _everywhere("clinic_teacher")),
    "grid_search": Kind("Grid search", "plain_tables.grid_search:table", _hyperparameters, _grid_search),
}
WITH_CURVES = ("results", "baselines", "methods")  # made in one job with the figures beside_, curves_ and runs_
OF_GRAPHS = ("table_01", "table_05")
