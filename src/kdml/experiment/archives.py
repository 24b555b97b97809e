"""What the rules from archives to splits are told: where archives lie, options of the scripts, and which prepared files are read.

Where something lies is `Untracked`: an archive or a table of slides that was moved is no reason to make anything again.
"""

import json
import os
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import sha256_of
from kdml.common.untracked import Untracked
from kdml.experiment.config import Experiment
from kdml.experiment.datasets import Dataset
from kdml.experiment.paths import Paths

STORE = "resources/kaggle"  # of downloads, which all experiments share
DEMO = "demo"
DEMO_SEED = 0
THRESHOLD = 127  # of masks in black and white, which may have no areas of other values
ALWAYS = ("image", "label", "mask", "group")  # columns that are told of, named or not

Arguments = list[str | int | float | Untracked]
"""Of a script, each a word of its command line."""


def located(path: Path, root: Path, key: str) -> str:
    """Say where a path of the configuration, which is relative to the project, lies from the working directory.

    Args:
        path: as configured.
        root: of the project.
        key: of the configuration that holds it.

    Raises:
        UserError: no file can have this path.
    """
    remedy = f"set `{key}` to another path"
    if unprintable := [sign for sign in str(path) if ord(sign) < 32]:
        raise UserError(f"`{key}`: {str(path)!r} has the control character {unprintable[0]!r}.", remedy)
    try:
        return os.path.relpath(root / path.expanduser())
    except RuntimeError as error:  # a user who has no home here
        raise UserError(f"`{key}: {path}` cannot be found ({error}).", remedy) from None


def is_drawn(experiment: Experiment) -> bool:
    """Whether images that are looked at are drawn look-alikes, which the workflow makes itself."""
    return any(is_drawn_dataset(experiment, dataset) for dataset in datasets_of(experiment))


def is_drawn_dataset(experiment: Experiment, dataset: str) -> bool:
    """Whether the images of a dataset are drawn look-alikes."""
    return experiment.archives == DEMO and dataset not in experiment.own_datasets


def folder_of(experiment: Experiment, paths: Paths, root: Path) -> str:
    """Say where the archives of an experiment lie, or will: drawn, in the user's folder, or downloaded.

    Args:
        experiment: the configuration.
        paths: of the experiment.
        root: of the project.

    Raises:
        UserError: no folder can have the configured path.
    """
    if isinstance(experiment.archives, Path):
        return located(experiment.archives, root, "archives")
    return STORE if experiment.archives is None else str(Path(paths.drawn_archive("any")).parent)


def fetch_options(experiment: Experiment, folder: str, own: Path | None = None) -> Arguments:
    """Arguments of src/fetch.py that say where an archive comes from.

    Args:
        experiment: the configuration.
        folder: of the archives, or of downloads.
        own: the folder or zip that the archive is, where it is one of the user's own.
    """
    if own is not None:
        return ["--folder", Untracked(own)]
    return ["--kaggle", "--store", folder] if experiment.archives is None else ["--folder", Untracked(folder)]


def demo_options(dataset: Dataset) -> Arguments:
    """Arguments of src/draw_demo.py: how many look-alike images, and how large."""
    return ["--seed", DEMO_SEED, "--images", dataset.demo_images, "--size", dataset.image_size]


def prepare_options(dataset: Dataset, table: str | None, name: str) -> Arguments:
    """Arguments of src/prepare.py that decide what the arrays hold.

    Args:
        dataset: as configured.
        table: of `table_of`.
        name: key of the dataset.
    """
    is_own = dataset.source is not None
    options = {
        "--size": dataset.image_size,
        "--seed": dataset.subset_seed,
        "--subset": dataset.subset,
        "--limit": dataset.limit,
        "--own": json.dumps(described(dataset, table, name)) if is_own else None,
        "--table" if is_own else "--slides": None if table is None else Untracked(table),
    }
    return [word for option, value in options.items() if value is not None for word in (option, value)]


def described(dataset: Dataset, table: str | None, name: str) -> dict[str, Any]:
    """What reads a dataset of the user's own is told of it: fields of `kdml.data.own.Own`.

    Args:
        dataset: as configured.
        table: of `table_of`; only one that lies within folder or zip is part of what is told.
        name: key of the dataset.
    """
    window = dataset.window
    inside = None if dataset.table is None or table is not None else dataset.table.as_posix()
    columns = {key: column for key, column in dataset.columns.items() if key in ALWAYS or column is not None}
    if "spacing" in columns:
        columns["spacing_column"] = columns.pop("spacing")
    told: dict[str, Any] = {"name": name, "classes": dataset.classes, "table": inside, **columns}
    if window is not None:
        low, high = window.limits or window.percentiles or (0, 0)
        told["window"] = {"low": low, "high": high, "of_percentiles": window.limits is None}
    if dataset.mask_values:
        told["mask_values"] = list(dataset.values_of_masks().items())
    if isinstance(dataset.spacing, float):
        told["spacing"] = [dataset.spacing] * 2
    elif isinstance(dataset.spacing, tuple):
        told["spacing"] = list(dataset.spacing)
    if dataset.format != "pictures":
        told |= {"format": dataset.format, "axis": dataset.axis}
    is_said = "mask_above" in dataset.model_fields_set
    if is_said and dataset.mask_above == THRESHOLD:  # any other number says as much by itself
        told["any_values"] = True
    # Masks of volumes hold 0 and 1, unless somebody says otherwise.
    numbered = dataset.format == "nifti" and not is_said
    return told | {"mask_above": 0 if numbered else dataset.mask_above}


def own_source(experiment: Experiment, dataset: str, root: Path) -> str:
    """Say where folder or zip of a dataset of the user's own lies from the working directory.

    Raises:
        UserError: no file can have the configured path.
    """
    return located(Path(str(experiment.datasets[dataset].source)), root, f"datasets.{dataset}.source")


def table_of(experiment: Experiment, dataset: str, root: Path) -> str | None:
    """Say where the user's own table on a dataset lies from the working directory: of slides, or of a dataset of the user's own.

    Returns:
        None if none is configured, or if it is no file, and so within folder or zip.

    Raises:
        UserError: no file can have the configured path.
    """
    configured = experiment.datasets[dataset]
    if configured.table is not None:
        table = located(configured.table, root, f"datasets.{dataset}.table")
        return table if Path(table).is_file() else None
    slides = configured.slides
    return None if slides is None else located(slides, root, f"datasets.{dataset}.slides")


def content_of_table(dataset: str, table: str | None) -> str:
    """Say what a table is, wherever it lies: its SHA-256; empty if there is none.

    Args:
        dataset: key of the data set that it belongs to.
        table: of `table_of`.

    Raises:
        UserError: it cannot be read, as one of slides that is missing.
    """
    try:
        return "" if table is None else sha256_of(Path(table))
    except OSError as error:
        raise UserError(
            f"`datasets.{dataset}`: `{table}` cannot be read ({error.strerror}).",
            "name a CSV with the columns id and wsi as `slides`, or leave it out",
        ) from None


def data_files(paths: Paths, dataset: str, with_masks: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Name the prepared files that a job reads.

    Args:
        paths: of the experiment.
        dataset: its key.
        with_masks: whether the job reads masks.

    Returns:
        (what says whether the data are the same: the report, which holds checksums of the arrays; what must be there, too: the
        arrays, which are too large for Snakemake to compare).
    """
    arrays = {"images": paths.images(dataset)} | ({"masks": paths.masks(dataset)} if with_masks else {})
    return {"data": paths.data_report(dataset)}, arrays


def split_files(paths: Paths, protocol: str, task: str, seed: int | str) -> tuple[dict[str, str], dict[str, str]]:
    """Name the files of a split that a job reads.

    Args:
        paths: of the experiment.
        protocol, task, seed: of the split.

    Returns:
        (what says whether the split is the same: its report, which holds its checksum; what must be there, too: its table).
    """
    report, table = paths.split_report(protocol, task, seed), paths.split(protocol, task, seed)
    return {"split_report": report}, {"split": table}


def datasets_of(experiment: Experiment) -> list[str]:
    """Datasets of the tasks that are run."""
    return list(dict.fromkeys(experiment.tasks[task].dataset for task in experiment.run.tasks))


def checked_files(experiment: Experiment, paths: Paths) -> tuple[list[str], list[str]]:
    """Name the prepared files that the check of data reads.

    Args:
        experiment: the configuration.
        paths: of its files.

    Returns:
        (reports, which say whether the data are the same; index, images and masks, which must be there, too).
    """
    datasets = datasets_of(experiment)
    there = [kind(dataset) for dataset in datasets for kind in (paths.index, paths.images)]
    masks = [paths.masks(dataset) for dataset in datasets if dataset in experiment.with_masks]
    return list(map(paths.data_report, datasets)), there + masks


def check_options(experiment: Experiment, paths: Paths) -> Arguments:
    """Arguments of src/check_data.py: datasets, the protocols of their tasks, and how they are split."""
    tasks = experiment.run.tasks
    used = {(experiment.tasks[task].dataset, name) for task in tasks for name in experiment.protocols_of(task)}
    folders = [f"{dataset}={paths.data(dataset)}" for dataset in datasets_of(experiment)]
    protocols = [f"{dataset}={name}" for dataset, name in sorted(used)]
    split = experiment.split
    return ["--data", *folders, "--used", *protocols, "--fractions", *split.fractions, "--seed", split.seed]
