"""What the rules from archives to splits are told: where archives lie, options of the scripts, and which prepared files are read.

Where something lies is `Untracked`: an archive or a table of slides that was moved is no reason to make anything again.
"""

import os
from pathlib import Path

from kdml.common.errors import UserError
from kdml.common.files import sha256_of
from kdml.common.untracked import Untracked
from kdml.experiment.config import Dataset, DatasetName, Experiment
from kdml.experiment.paths import Paths

STORE = "resources/kaggle"  # of downloads, which all experiments share
DEMO = "demo"
DEMO_SEED = 0

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
    """Whether the archives are drawn look-alikes, which the workflow makes itself."""
    return experiment.archives == DEMO


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


def fetch_options(experiment: Experiment, folder: str) -> Arguments:
    """Arguments of src/fetch.py that say where an archive comes from."""
    return ["--kaggle", "--store", folder] if experiment.archives is None else ["--folder", Untracked(folder)]


def demo_options(dataset: Dataset) -> Arguments:
    """Arguments of src/draw_demo.py: how many look-alike images, and how large."""
    return ["--seed", DEMO_SEED, "--images", dataset.demo_images, "--size", dataset.image_size]


def prepare_options(dataset: Dataset, slides: str | None) -> Arguments:
    """Arguments of src/prepare.py that decide what the arrays hold.

    Args:
        dataset: as configured.
        slides: the user's table of slides, if there is one.
    """
    options = {
        "--size": dataset.image_size,
        "--seed": dataset.subset_seed,
        "--subset": dataset.subset,
        "--limit": dataset.limit,
        "--slides": None if slides is None else Untracked(slides),
    }
    return [word for name, value in options.items() if value is not None for word in (name, value)]


def slides_of(experiment: Experiment, dataset: DatasetName, root: Path) -> str | None:
    """Say where the user's table of slides lies from the working directory; None if none is configured.

    Raises:
        UserError: no file can have the configured path.
    """
    slides = experiment.datasets[dataset].slides
    return None if slides is None else located(slides, root, f"datasets.{dataset}.slides")


def content_of_slides(dataset: str, slides: str | None) -> str:
    """Say what a table of slides is, wherever it lies: its SHA-256; empty if there is none.

    Args:
        dataset: key of the data set that it belongs to.
        slides: its file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return "" if slides is None else sha256_of(Path(slides))
    except OSError as error:
        raise UserError(
            f"`datasets.{dataset}.slides: {slides}` cannot be read ({error.strerror}).",
            "name a CSV with the columns id and wsi, or leave `slides` out",
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
