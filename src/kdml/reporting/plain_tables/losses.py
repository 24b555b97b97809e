"""Table 5: loss terms of each student."""

from collections.abc import Sequence

from kdml.reporting import labels
from kdml.reporting.cells import text
from kdml.reporting.data import Data
from kdml.reporting.table_model import Table, plain
from kdml.runs.graph import TEACHER, is_student

LETTER = {"predictions": "p", "features": "f"}
NOTE = (
    "KD: from the teacher. ML: from the other student. p: predictions. f: features. A prime marks the second student."
)


def loss_terms(graph: Sequence[Sequence[str]], student: str) -> list[str]:
    """Knowledge terms in a student's loss, as the paper writes them.

    Args:
        graph: edges (source, learner, knowledge).
        student: the learner; an online teacher may be one, too.

    Returns:
        One term per edge: KD from the teacher, ML from a student; a prime for S2.
    """
    prime = "′" * (int(student[1:]) - 1) if is_student(student) else ""
    return [
        f"L{prime}({'KD' if source == TEACHER else 'ML'}, {LETTER[knowledge]})"
        for source, learner, knowledge in graph
        if learner == student
    ]


def table(data: Data) -> Table:
    """Loss terms by variant and student.

    Args:
        data: the file `graphs`.
    """
    graphs = data.graphs()
    learners = {learner for graph in graphs.values() for _, learner, _ in graph}
    students = sorted(learners, key=labels.network_order)
    rows = [
        (text(labels.run(name)), *(text(" + ".join(loss_terms(graph, student)) or "–") for student in students))
        for name, graph in graphs.items()
    ]
    return plain(("Variant", *map(labels.network, students)), rows, (NOTE,))
