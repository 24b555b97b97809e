"""The third student: one that is taught by all other students of a run and teaches none of them, read off the sharing graph."""

from typing import NamedTuple

from kdml.runs.graph import SharingGraph


class ThirdStudent(NamedTuple):
    """A student that could take the place of an ensemble.

    Args:
        name: of it.
        sources: the students that it learns from, in the order of the graph.
    """

    name: str
    sources: tuple[str, ...]


def third_student(graph: SharingGraph) -> ThirdStudent | None:
    """Find the student that learns from all others, at least two, and teaches none of them; None where there is no such one.

    Args:
        graph: of a run.
    """
    for name in graph.students:
        others = tuple(other for other in graph.students if other != name)
        sources = {edge.source for edge in graph.edges if edge.learner == name}
        taught = {edge.learner for edge in graph.edges_from(name)}
        if len(others) > 1 and sources.issuperset(others) and taught.isdisjoint(others):
            return ThirdStudent(name, others)
    return None
