"""Networks of a finished run, with nothing of its training around them."""

from pathlib import Path

from kdml.learning.build import wired
from kdml.learning.networks import Network, build, load_networks
from kdml.runs.records import read_record, trained_as


def networks_of(folder: Path) -> dict[str, Network]:
    """A run's trained networks, ready to predict on a CPU.

    Neither start weights nor the weights of a frozen teacher are needed: what the file of the run holds takes the place of all of
    them, normalisation included. A method that builds the student's end anew, such as SimKD, does so before they are loaded.

    Args:
        folder: of the run.

    Returns:
        Those that it trained, by name; a frozen teacher is another run's.

    Raises:
        UserError: the record or the weights are missing or damaged, or do not fit each other.
    """
    record = read_record(folder)
    settings = trained_as(record, folder)
    random = {
        name: build(one, settings.kind, settings.outputs, settings.sharing, None, seed=0)
        for name, one in settings.networks.items()
    }
    cohort = wired(settings, random, record["images"]["size"])
    trained = {name: cohort.networks[name].eval() for name in cohort.graph.learners}
    load_networks(folder / "weights.safetensors", trained)
    return trained
