"""Every file below `results/` that is made when everything is.

The rule `all` asks for each of them. Snakemake makes a deleted file again only if somebody asks for it, or if a job that runs
reads it: a deleted file in the middle of the way would else be missed by nobody until it is needed.
"""

from collections.abc import Iterator

from kdml.experiment.figures import FIGURES
from kdml.experiment.inputs import FIDELITY_SHEET, Inputs
from kdml.experiment.items import FIGURE_SUFFIXES, TABLE_SUFFIXES
from kdml.experiment.places import Place


def every_file(inputs: Inputs) -> list[str]:
    """Name every file of an experiment, each once.

    Args:
        inputs: runs and files of its analyses.
    """
    parts = (_of_data(inputs), _of_runs(inputs), _of_places(inputs), _of_claims(inputs), _of_items(inputs))
    return list(dict.fromkeys(path for part in parts for path in part))


def _of_data(inputs: Inputs) -> Iterator[str]:
    paths, plan = inputs.paths, inputs.plan
    for key in dict.fromkeys(run.task for run in plan.runs):
        facts = plan.experiment.tasks[key]
        yield from (paths.data_report(facts.dataset), paths.index(facts.dataset), paths.images(facts.dataset))
        if facts.kind == "segmentation":
            yield paths.masks(facts.dataset)
    for protocol, task, seed in inputs.splits():
        yield from (paths.split(protocol, task, seed), paths.split_report(protocol, task, seed))
    yield from (paths.splits(), *(paths.leakage(suffix) for suffix in ("csv", "md")))


def _of_runs(inputs: Inputs) -> Iterator[str]:
    paths = inputs.paths
    for run in inputs.plan.runs:
        yield from (paths.weights(run), paths.history(run), paths.record(run))
        yield from (paths.predictions(run), paths.validation(run))


def _of_places(inputs: Inputs) -> Iterator[str]:
    paths = inputs.paths
    for place in inputs.places.all:
        yield from (paths.runs(place), paths.costs(place.task, place.pair), paths.layers(place.task, place.pair))
        for sheet in inputs.sheets(place):
            yield from _of_sheet(inputs, place, sheet)
        yield from inputs.contrasts(place)
        if variants := inputs.places.variants_at(place):
            for name in ("layers", "upper"):
                yield from inputs.cka(place, variants, name)
            yield from (paths.similarity(place), paths.similarity_summary(place), paths.compression(place))
            yield from (paths.flips(place), paths.non_inferiority(place), paths.second_student(place))
        if inputs.places.leaks_at(place):
            yield paths.between_protocols(place)
        if inputs.places.methods_at(place):
            yield paths.methods(place)


def _of_sheet(inputs: Inputs, place: Place, sheet: str) -> Iterator[str]:
    paths = inputs.paths
    for path in (paths.cases, paths.values, paths.by_seed, paths.comparison):
        yield path(place, sheet)
    if sheet == FIDELITY_SHEET:
        yield from (paths.teachers(place), paths.teachers_summary(place))
    else:
        yield from (
            paths.regions(place, sheet),
            paths.found(place, sheet),
            paths.confusion(place, sheet),
            paths.reliability(place, sheet),
            paths.coverage(place, sheet),
            paths.curves(place, sheet),
            paths.bands(place, sheet),
        )


def _of_claims(inputs: Inputs) -> Iterator[str]:
    paths = inputs.paths
    yield from (paths.heads(), paths.readings(), paths.design())


def _of_items(inputs: Inputs) -> Iterator[str]:
    paths, contents = inputs.paths, inputs.contents
    for figure in contents.figures.values():
        if figure.kind == "slices" and not figure.on_request:
            yield from (path for _, path in FIGURES["slices"].made_from(figure, inputs))
    yield from (paths.graphs(), paths.contents(), paths.all_metrics(), paths.whole_comparison())
    yield from contents.files((*TABLE_SUFFIXES, *FIGURE_SUFFIXES))
