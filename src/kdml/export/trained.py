"""Networks of a finished run, with nothing of its training around them."""

from collections.abc import Sequence
from pathlib import Path

from kdml.learning.build import wired
from kdml.learning.networks import Network, build, load_networks
from kdml.runs.records import read_record
from kdml.runs.settings import RunSettings


def networks_of(folder: Path, names: Sequence[str]) -> list[Network]:
    """Some of a run's trained networks, ready to predict on a CPU.

    Neither start weights nor the weights of a frozen teacher are needed: what the file of the run holds takes the place of all of
    them, normalisation included. A method that builds the student's end anew, such as SimKD, does so before they are loaded.

    Args:
        folder: of the run.
        names: of the networks that are wanted, among those that it trained.

    Raises:
        UserError: the record or the weights are missing or damaged, or do not fit each other.
    """
    settings = RunSettings.from_argument(str(folder / "run.json"))
    random = {
        name: build(one, settings.kind, settings.outputs, settings.sharing, None, seed=0)
        for name, one in settings.networks.items()
    }
    cohort = wired(settings, random, read_record(folder)["images"]["size"])
    load_networks(folder / "weights.safetensors", {name: cohort.networks[name] for name in cohort.graph.learners})
    return [cohort.networks[name].eval() for name in names]
