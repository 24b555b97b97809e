"""Who sends what to whom: the sharing graph, and the paper's twelve variants as graphs. Pure data, no tensors.

Source: table 1 and Eqs. 6, 7, 9, 10 of the paper. Where table 1 (a, b) and the equations name the students the other way round,
the equations hold; `swap_students` gives the other reading.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

TEACHER = "teacher"
STUDENTS = ("s1", "s2")
BASELINE = "baseline"
ENSEMBLE = "ensemble"  # of a run's students: measured like a network, but none
STUDENT_NAME = r"s[1-9]"


def is_student(name: str) -> bool:
    """Whether a network is one of a run's students: s1, s2, ..."""
    return re.fullmatch(STUDENT_NAME, name) is not None


class Knowledge(StrEnum):
    """What passes along an edge."""

    PREDICTIONS = "predictions"
    FEATURES = "features"


class TeacherMode(StrEnum):
    """Whether a run has a teacher, and whether it trains in the same step."""

    NONE = "none"
    FROZEN = "frozen"
    ONLINE = "online"


@dataclass(frozen=True, order=True)
class Edge:
    """`source` sends `knowledge` to `learner`; the term enters the learner's loss with `weight`."""

    source: str
    learner: str
    knowledge: Knowledge
    weight: float = 1.0


@dataclass(frozen=True)
class SharingGraph:
    """The networks of a run, what each learns from the labels, and what passes between them.

    Args:
        teacher: whether there is a teacher and how it behaves.
        supervised: weight of the supervised term of every learner (alpha for students, 1 for an online teacher).
        edges: knowledge passed between networks.

    Raises:
        ValueError: an edge names an unknown network, a network teaches itself, a frozen teacher learns, a weight is negative, or
            two edges are the same.
    """

    teacher: TeacherMode
    supervised: Mapping[str, float]
    edges: tuple[Edge, ...] = ()

    def __post_init__(self) -> None:
        if self.teacher is TeacherMode.FROZEN and TEACHER in self.supervised:
            raise ValueError("a frozen teacher does not learn")
        if self.teacher is TeacherMode.NONE and self.edges_from(TEACHER):
            raise ValueError(
                "an edge starts at the teacher, but the run has none: set `teacher: frozen` or `teacher: online`"
            )
        seen = set()
        for edge in self.edges:
            self._check_edge(edge)
            key = (edge.source, edge.learner, edge.knowledge)
            if key in seen:
                raise ValueError(f"{edge.source} sends {edge.knowledge} to {edge.learner} twice")
            seen.add(key)
        if any(weight < 0 for weight in self.supervised.values()):
            raise ValueError("a supervised weight is negative")

    def edges_from(self, name: str) -> tuple[Edge, ...]:
        """Edges that start at `name`."""
        return tuple(edge for edge in self.edges if edge.source == name)

    def _check_edge(self, edge: Edge) -> None:
        for end in (edge.source, edge.learner):
            if end not in self.networks:
                raise ValueError(f"an edge names the network '{end}', which is not one of {', '.join(self.networks)}")
        if edge.source == edge.learner:
            raise ValueError(f"'{edge.source}' cannot teach itself")
        if edge.learner not in self.supervised:
            raise ValueError(f"'{edge.learner}' is frozen and cannot learn")
        if edge.weight < 0:
            raise ValueError(f"the weight of {edge.source} -> {edge.learner} is negative")

    @property
    def learners(self) -> tuple[str, ...]:
        """Networks that are trained, teacher first."""
        return tuple(self.supervised)

    @property
    def networks(self) -> tuple[str, ...]:
        """All networks of the run, teacher first."""
        frozen = (TEACHER,) if self.teacher is TeacherMode.FROZEN else ()
        return frozen + self.learners

    @property
    def students(self) -> tuple[str, ...]:
        """All networks but the teacher."""
        return tuple(name for name in self.networks if name != TEACHER)


@dataclass(frozen=True)
class Technique:
    """Who teaches whom, and when the teacher trains."""

    teacher: TeacherMode
    mutual: bool
    title: str


# The paper's order of blocks in its result tables.
TECHNIQUES: Mapping[str, Technique] = {
    "ml": Technique(TeacherMode.NONE, mutual=True, title="ML"),
    "kd_off": Technique(TeacherMode.FROZEN, mutual=False, title="KD (off)"),
    "kd_on": Technique(TeacherMode.ONLINE, mutual=False, title="KD (on)"),
    "kd_ml": Technique(TeacherMode.ONLINE, mutual=True, title="KD + ML"),
}


@dataclass(frozen=True)
class Strategy:
    """What each student receives: (S1, S2) from the teacher and (S1, S2) from the other student."""

    from_teacher: tuple[Knowledge, Knowledge]
    from_peer: tuple[Knowledge, Knowledge]
    title: str


_P, _F = Knowledge.PREDICTIONS, Knowledge.FEATURES
STRATEGIES: Mapping[str, Strategy] = {
    "v1": Strategy(from_teacher=(_P, _P), from_peer=(_P, _P), title="V1"),
    "v2": Strategy(from_teacher=(_F, _F), from_peer=(_F, _F), title="V2"),
    "v3": Strategy(from_teacher=(_F, _P), from_peer=(_P, _F), title="V3"),
}

VARIANTS: Mapping[str, tuple[str, str]] = {f"{t}_{s}": (t, s) for t in TECHNIQUES for s in STRATEGIES}
PROPOSED = "kd_ml_v3"  # what the paper proposes; everything else is compared with it


@dataclass(frozen=True)
class LossWeights:
    """One student's weights: `alpha` supervised, `beta` from the teacher, `gamma` from the other student."""

    alpha: float
    beta: float
    gamma: float


def paper_graph(
    technique: str, strategy: str, weights: tuple[LossWeights, LossWeights], swap_students: bool = False
) -> SharingGraph:
    """Sharing graph of one of the paper's twelve variants (table 1, Eqs. 6-7 and 9-10).

    Args:
        technique: key of `TECHNIQUES`.
        strategy: key of `STRATEGIES`.
        weights: (alpha, beta, gamma) of S1 and (alpha', beta', gamma') of S2.
        swap_students: exchange the roles of the students in the knowledge they receive, not in their weights: the reading of table
            1 (a) and (b).
    """
    how, what = TECHNIQUES[technique], STRATEGIES[strategy]
    order = (1, 0) if swap_students else (0, 1)
    edges = []
    for student, peer, role, weight in zip(STUDENTS, reversed(STUDENTS), order, weights, strict=True):
        if how.teacher is not TeacherMode.NONE:
            edges.append(Edge(TEACHER, student, what.from_teacher[role], weight.beta))
        if how.mutual:
            edges.append(Edge(peer, student, what.from_peer[role], weight.gamma))
    supervised = {TEACHER: 1.0} if how.teacher is TeacherMode.ONLINE else {}
    supervised |= {student: weight.alpha for student, weight in zip(STUDENTS, weights, strict=True)}
    return SharingGraph(how.teacher, supervised, tuple(edges))


def single(name: str) -> SharingGraph:
    """Graph of one network that learns from the labels alone: a baseline, or an offline teacher."""
    return SharingGraph(TeacherMode.NONE, {name: 1.0})
