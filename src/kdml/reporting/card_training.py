"""How exported networks were trained, in words: taught by a teacher, by each other, or alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from kdml.reporting import labels
from kdml.runs.graph import TEACHER, TeacherMode

ALONE = "trained alone, from the labels"
TEACHERS: Mapping[str, str] = {
    TeacherMode.FROZEN: "by a teacher that was trained before",
    TeacherMode.ONLINE: "by a teacher that learned at the same time",
}


def training(settings: Mapping[str, Any], networks: Sequence[str]) -> str:
    """How some networks of a run were trained, such as `taught by a teacher that was trained before`; all have the labels, too.

    Args:
        settings: of the run, as its run.json has them.
        networks: their names in the run.
    """
    sources, method, said = _sources(settings, networks), settings["method"], []
    if method:
        said.append(f"{TEACHERS[settings['teacher']]}, with the method {labels.run(method['name'])}")
    elif TEACHER in sources:
        said.append(TEACHERS[settings["teacher"]])
    if others := sorted(sources - {TEACHER}):
        by_each_other = len(networks) > 1 and set(others) <= set(networks)
        said.append("by each other" if by_each_other else f"by {', '.join(map(labels.network, others))} of its run")
    return f"taught {' and '.join(said)}" if said else ALONE


def taught_by_teacher(settings: Mapping[str, Any], networks: Sequence[str]) -> bool:
    """Whether a teacher taught one of some networks of a run.

    Args:
        settings: of the run, as its run.json has them.
        networks: their names in the run.
    """
    return bool(settings["method"]) or TEACHER in _sources(settings, networks)


def _sources(settings: Mapping[str, Any], networks: Sequence[str]) -> set[str]:
    """Networks that some networks of a run learn from."""
    return {one["source"] for one in settings["edges"] if one["learner"] in networks and one["weight"] > 0}
