"""How things are called in tables and figures, where the data do not say."""

from collections.abc import Mapping

from kdml.analysis.class_pixels import OF_CLASS
from kdml.analysis.metrics import TITLES
from kdml.runs.graph import STRATEGIES, TEACHER, TECHNIQUES, VARIANTS
from kdml.runs.methods import METHODS
from kdml.runs.run_table import BASELINE_STUDENT, BASELINE_TEACHER

NETWORKS: Mapping[str, str] = {
    "teacher": "T",
    "ensemble": "Ensemble",
    "sources": "Ensemble of its sources",  # of the students that teach a third one
    "baseline": "alone",  # trained alone, from the labels
    "both": "Every student",  # what each of them finds
}
ARCHITECTURES: Mapping[str, str] = {"resnet50": "ResNet50", "resnet18": "ResNet18", "mobilenet": "MobileNet"}
PROTOCOLS: Mapping[str, str] = {
    "paper": "split by image",
    "grouped": "split by patient, lesion or slide",
}
# What test images are, and what several of them may share, by data set.
CASES: Mapping[str, tuple[str, str]] = {
    "lgg": ("slices", "patient"),
    "ham10000": ("photographs", "lesion"),
    "hcd": ("patches", "slide"),
}
ALONE: Mapping[str, str] = {BASELINE_TEACHER: "Teacher alone", BASELINE_STUDENT: "Student alone"}
OFFLINE: Mapping[str, str] = {TEACHER: "Offline teacher"}  # of a pair, where it has an extra block
ONE_SEED = "One seed: another seed can give another result"


def counted(number: str | int, what: str) -> str:
    """A number of things as `1 thread` or `4 threads`."""
    return f"{number} {what}" if str(number) == "1" else f"{number} {what}s"


def metric(name: str) -> str:
    """Title of a metric; of one class of masks by its number; one that is not known is named as in the data."""
    metric_of, _, number = name.partition(OF_CLASS)
    return TITLES.get(metric_of, name) + (f", class {number}" if number else "")


def protocol(name: str) -> str:
    """What stands above what was run under a protocol: how the images are split."""
    return PROTOCOLS.get(name, name).capitalize()


def pair(name: str) -> str:
    """A pair of networks as `pair “small”`; the bare key beside a task would read like the size of its data."""
    return f"pair “{name}”"


def run(name: str, titles: Mapping[str, str] | None = None) -> str:
    """Title of a run: what the data call it, a variant as `KD + ML V3`, a published method's title, else its own name.

    Args:
        name: that it is compared by.
        titles: name -> title, as the data say.
    """
    if titles and titles.get(name):
        return titles[name]
    if name in VARIANTS:
        technique, strategy = VARIANTS[name]
        return f"{TECHNIQUES[technique].title} {STRATEGIES[strategy].title}"
    if name in METHODS:
        return METHODS[name].title
    return {**ALONE, **OFFLINE, **ARCHITECTURES}.get(name, name)


def network(name: str) -> str:
    """Title of a network: T, S1, S2, Ensemble; of a pair of networks as `T – S1`."""
    return " – ".join(NETWORKS.get(part, part.upper()) for part in name.split("-"))


def network_order(name: str) -> tuple[int, str]:
    """Sorting key of networks: teacher, students, ensemble, that of a third student's sources, both."""
    return {"baseline": 0, "teacher": 0, "ensemble": 2, "sources": 3, "both": 4}.get(name, 1), name


def run_order(name: str) -> tuple[int, str]:
    """Sorting key of runs: alone, the paper's variants and methods in its order, then own ones."""
    order = [*ALONE, *OFFLINE, *ARCHITECTURES, *VARIANTS, *METHODS]
    return (order.index(name), "") if name in order else (len(order), name)


def metric_order(name: str) -> int:
    """Sorting key of metrics: as they are listed, those that are not known last."""
    known = list(TITLES)
    return known.index(name) if name in known else len(known)
