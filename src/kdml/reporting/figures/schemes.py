"""Figures 1, 2, 3 and 8: who shares what with whom, drawn from the code's own sharing graphs."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from kdml.reporting.data import Data
from kdml.reporting.figures import learning_styles
from kdml.reporting.figures.common import canvas, footnote
from kdml.reporting.figures.network_rows import draw_rows
from kdml.reporting.figures.sharing_graph import Graph, draw_graph, legend
from kdml.reporting.plain_tables.losses import loss_terms
from kdml.runs.graph import PROPOSED, STUDENTS, TEACHER, TECHNIQUES, TeacherMode

TASKS = {"3": "classification", "8": "segmentation"}  # by the number of the figure


def draw(data: Data) -> Figure:
    """The figure of this number.

    Args:
        data: the file `graphs`; the option `number` of the figure.
    """
    return {"1": learning_styles.draw, "2": _techniques, "3": _scheme, "8": _scheme}[data.options["number"]](data)


def _techniques(data: Data) -> Figure:
    """A panel for each technique, under V1."""
    graphs = data.graphs()
    figure = canvas(2, 52)
    for axes, technique in zip(figure.subplots(1, len(TECHNIQUES)), TECHNIQUES, strict=True):
        mode = TECHNIQUES[technique].teacher
        teacher = {
            TeacherMode.NONE: {},
            TeacherMode.FROZEN: {TEACHER: "Teacher\nfrozen"},
            TeacherMode.ONLINE: {TEACHER: "Teacher"},
        }[mode]
        edges = graphs[f"{technique}_v1"]
        names = teacher | {student: student.upper() for student in STUDENTS}
        draw_graph(axes, edges, names, _terms(edges), mode is TeacherMode.FROZEN)
        axes.set_title(TECHNIQUES[technique].title)
    legend(figure, edges, frozen=True)
    footnote(
        figure, "Shown for V1. Off: the teacher was trained before (offline). On: it learns in the same steps (online)."
    )
    return figure


def _terms(edges: Graph) -> Mapping[tuple[str, str], str]:
    """Term of each edge in its learner's loss, by (source, learner)."""
    return {(edge[0], edge[1]): loss_terms([edge], edge[1])[0] for edge in edges}


def _scheme(data: Data) -> Figure:
    """KD + ML with V3: what passes where, with its weight in the loss."""
    edges = data.graphs()[PROPOSED]
    primes = {"s1": "", "s2": "′"}
    weighted = {
        key: f"{'β' if key[0] == TEACHER else 'γ'}{primes[key[1]]} {term}" for key, term in _terms(edges).items()
    }
    weights = {TEACHER: ""} | {student: f"α{prime}" for student, prime in primes.items()}
    return draw_rows(edges, TASKS[data.options["number"]], weighted, weights)
