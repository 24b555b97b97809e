"""Figures 1, 2, 3 and 8: who shares what with whom, drawn from the code's own sharing graphs."""

from matplotlib.figure import Figure

from kdml.reporting.data import Data
from kdml.reporting.figures import learning_styles
from kdml.reporting.figures.common import KNOWLEDGE, MARKS
from kdml.reporting.figures.sharing_graph import PLACES, draw_graph, ends, legend
from kdml.reporting.plain_tables.losses import loss_terms
from kdml.runs.graph import PROPOSED, TEACHER, TECHNIQUES

NAMES = {"s1": "S1", "s2": "S2"}


def draw(data: Data) -> Figure:
    """The figure of this number.

    Args:
        data: the file `graphs`; the option `number` of the figure.
    """
    return {"1": learning_styles.draw, "2": _techniques, "3": _scheme, "8": _scheme}[data.options["number"]](data)


def _techniques(data: Data) -> Figure:
    """A panel for each technique, under V1."""
    order = ("kd_off", "kd_on", "ml", "kd_ml")
    graphs = data.graphs()
    figure = Figure(figsize=(7.2, 2.3))
    for place, technique in enumerate(order):
        axes = figure.add_subplot(1, len(order), place + 1)
        edges = graphs[f"{technique}_v1"]
        names = {TEACHER: "Teacher"} if any(source == TEACHER for source, *_ in edges) else {}
        draw_graph(axes, edges, technique == "kd_off", names | NAMES)
        axes.set_title(TECHNIQUES[technique].title)
    legend(figure, frozen=True)
    figure.tight_layout()
    return figure


def _scheme(data: Data) -> Figure:
    """KD + ML with V3: loss terms beside the networks that have them."""
    segmentation = data.options["number"] == "8"
    edges = data.graphs()[PROPOSED]
    supervised = "focal + Dice" if segmentation else "cross-entropy"
    kind = "U-Net" if segmentation else "classifier"
    figure = Figure(figsize=(6.4, 3.6))
    axes = figure.add_subplot()
    names = {
        TEACHER: f"Teacher ({kind})\ntrained in the same step",
        "s1": f"Student S1\n({kind})",
        "s2": f"Student S2\n({kind})",
    }
    draw_graph(axes, edges, False, names)
    axes.text(0.69, 0.8, f"L = {supervised}", va="center", fontsize=8)
    for student in ("s1", "s2"):
        prime = "′" if student == "s2" else ""
        beta, gamma = loss_terms(edges, student)
        own = f"({supervised})" if segmentation else supervised
        loss = f"L{prime} = α{prime} {own}\n+ β{prime} {beta} + γ{prime} {gamma}"
        axes.text(PLACES[student][0], 0.11, loss, ha="center", va="top", fontsize=8)
    for source, learner, knowledge in edges:
        (x, y), (x_, y_), _ = ends(source, learner)
        middle = ((x + x_) / 2, (y + y_) / 2 + (0 if source == TEACHER else 0.07 if x < x_ else -0.07))
        axes.text(
            *middle,
            knowledge,
            ha="center",
            va="center",
            fontsize=7,
            color=KNOWLEDGE[knowledge],
            backgroundcolor="white",
        )
    last = (
        "p: mask probabilities; f: first convolution of the decoder"
        if segmentation
        else "p: class probabilities; f: last feature map"
    )
    axes.text(0.0, 0.98, last, fontsize=7, color=MARKS["note"], va="top")
    return figure
