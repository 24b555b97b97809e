"""Files that the configuration names and trainings are decided by, as those who send an experiment elsewhere have to know."""

from collections.abc import Iterator
from pathlib import Path

from kdml.common.errors import UserError
from kdml.experiment.archives import datasets_of
from kdml.experiment.config import Experiment
from kdml.runs.own_method import is_own


def named_files(experiment: Experiment) -> Iterator[tuple[str, Path]]:
    """List a table of loss weights, methods of the user's own, tables of slides, and start weights of the networks that are run.

    Args:
        experiment: the validated configuration.

    Yields:
        (key, path as it stands in the configuration).
    """
    if isinstance(experiment.hyperparameters, Path):
        yield "hyperparameters", experiment.hyperparameters
    for entry in dict.fromkeys(
        [*experiment.methods, *experiment.run.methods]
    ):  # of a pack are also those that do not run
        if is_own(method := experiment.method_of(entry)):
            yield f"methods.{entry}.method", Path(method.rpartition(":")[0])
    for dataset in datasets_of(experiment):
        if (slides := experiment.datasets[dataset].slides) is not None:
            yield f"datasets.{dataset}.slides", slides
    pairs = [experiment.pairs[pair] for pair in experiment.run.pairs]
    for network in dict.fromkeys(name for pair in pairs for name in (pair.teacher, pair.student)):
        weights = experiment.networks[network].weights
        if weights != "none" and (path := experiment.weights[weights].path) is not None:
            yield f"weights.{weights}.path", path


def files_to_send(experiment: Experiment, root: Path) -> list[Path]:
    """List the same files for a machine that has nothing but the project.

    Args:
        experiment: the validated configuration.
        root: of the project.

    Returns:
        Paths relative to the root.

    Raises:
        UserError: one is missing, or lies where that machine would not find it.
    """
    found = []
    for key, path in named_files(experiment):
        if path.is_absolute() or ".." in path.parts or str(path).startswith("~"):  # links are followed
            raise UserError(
                f"`{key}: {path}` leads out of the project, which is all that is sent.",
                f"put the file below {root} and name it relative to that",
            )
        if not (root / path).is_file():
            raise UserError(f"`{key}: {path}` is no file.", f"name an existing file, relative to {root}")
        found.append(path)
    return found
