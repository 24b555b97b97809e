"""Files of an experiment for a pack, and the tables and figures that cannot be made again from one."""

from collections.abc import Callable, Mapping
from typing import Any

from kdml.experiment import paths
from kdml.experiment.contents import Contents
from kdml.experiment.everything import every_file
from kdml.experiment.inputs import Inputs
from kdml.experiment.items import FIGURE_SUFFIXES, TABLE_SUFFIXES
from kdml.packs import configuration
from kdml.packs.making import Making, Sorted
from kdml.packs.reading import Pack

CLAIMS = ("csv", "md", "html")


def folders_of_pictures(inputs: Inputs) -> list[str]:
    """Folders of prepared pictures, with what is said of each, and of archives."""
    datasets = inputs.plan.experiment.datasets
    return [*map(inputs.paths.data, datasets), f"{inputs.paths.results}/archives", inputs.paths.resources]


def sorted_files(inputs: Inputs, making: Making) -> Sorted:
    """All files of an experiment that are not of the page alone, by what becomes of them.

    Args:
        inputs: runs and files of its analyses.
        making: says what can be made again.
    """
    files = [*every_file(inputs), *map(paths.claims, CLAIMS)]
    return Sorted(making, [path for path in dict.fromkeys(files) if path != inputs.paths.contents()])


def leave_out(contents: Contents, making: Making) -> dict[str, str]:
    """Leave out of an experiment's tables and figures what cannot be made again.

    Args:
        contents: that they are left out of.
        making: says what can be made again.

    Returns:
        The file that each would need, by its name.
    """
    kinds = ((contents.tables, paths.table, TABLE_SUFFIXES), (contents.figures, paths.figure, FIGURE_SUFFIXES))
    shown = {
        name: path(name, suffixes[0])
        for items, path, suffixes in kinds
        for name, item in items.items()
        if not item.on_request
    }
    found = {name: making.lacking(path) for name, path in shown.items()}
    lacking = {name: needs for name, needs in found.items() if needs}
    contents.leave_out(lacking)
    return lacking


def listed(
    inputs: Inputs,
    making: Making,
    config: Mapping[str, Any],
    terms_of: Callable[[str], str],
    before: Pack | None = None,
) -> dict[str, Any]:
    """List what goes into the pack of an experiment.

    Args:
        inputs: runs and files of its analyses.
        making: says what can be made again.
        config: of the experiment, as it was given.
        terms_of: gives the terms of a data set's images, by its key.
        before: the pack that all was rebuilt from, if it was; what it holds of figures that show pictures goes on.
    """
    experiment, files = inputs.plan.experiment, sorted_files(inputs, making)
    published, named = configuration.packed(config)
    earlier = {"given": [], "left_out": {}} if before is None else before.about
    given = list(dict.fromkeys([*files.given, *(name for name in earlier["given"] if not making.again(name))]))
    here = {*given, *files.again}
    datasets = sorted({experiment.tasks[run.task].dataset for run in inputs.plan.runs})
    return {
        "experiment": experiment.experiment,
        "description": experiment.description,
        "configuration": published,
        "files": {member: str(source) for member, source in named.items()},
        "records": [inputs.paths.record(run) for run in inputs.plan.runs],
        "given": given,
        "again": files.again,
        "left_out": {
            name: needs for name, needs in ({**earlier["left_out"], **files.left_out}).items() if name not in here
        },
        "licences": {dataset: terms_of(dataset) for dataset in datasets},
        "renewed_from": "" if before is None else before.sha256,
    }
