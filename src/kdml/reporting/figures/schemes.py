"""Figures 1, 2, 3 and 8: who shares what with whom, drawn from the code's own sharing graphs."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from kdml.reporting import labels
from kdml.reporting.figures.common import KNOWLEDGE, MARKS, NETWORKS, Data
from kdml.reporting.plain_tables import loss_terms
from kdml.runs.graph import STRATEGIES, TECHNIQUES

# Colours of boxes tell architectures apart, those of arrows knowledge.
TEACHER, STUDENT = NETWORKS["teacher"], MARKS["student"]
Graph = Sequence[Sequence[str]]
# The teacher is the larger network; both students are of one architecture.
PLACES = {"teacher": (0.5, 0.8), "s1": (0.22, 0.25), "s2": (0.78, 0.25)}
SIZES = {"teacher": (0.34, 0.22), "s1": (0.24, 0.17), "s2": (0.24, 0.17)}


def draw(data: Data) -> Figure:
    """The figure of this number."""
    return {"1": _styles, "2": _techniques, "3": _scheme, "8": _scheme}[data.option](data)


def box(axes: Axes, centre: tuple[float, float], size: tuple[float, float], text: str, edge: str, **style) -> None:
    """A rounded box with text."""
    (x, y), (width, height) = centre, size
    corner = (x - width / 2, y - height / 2)
    shape = {"boxstyle": "round,pad=0,rounding_size=0.03", "facecolor": "white", "linewidth": 1.4, "zorder": 2}
    axes.add_patch(FancyBboxPatch(corner, width, height, edgecolor=edge, **shape, **style))
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    axes.text(x, y, text, ha="center", va="center", zorder=3, fontsize=8, bbox=behind if "hatch" in style else None)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str, bend: float = 0.0) -> None:
    """An arrow from source to learner."""
    style = {"arrowstyle": "-|>", "mutation_scale": 12, "color": colour, "linewidth": 1.6, "zorder": 1}
    axes.add_patch(FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", shrinkA=2, shrinkB=2, **style))


def graph(axes: Axes, edges: Graph, frozen: bool, networks: Mapping[str, str]) -> None:
    """A teacher above two students, and an arrow for each edge in the colour of its knowledge."""
    for name, title in networks.items():
        style = {"hatch": "////", "hatch_linewidth": 0.4} if name == "teacher" and frozen else {}
        box(axes, PLACES[name], SIZES[name], title, TEACHER if name == "teacher" else STUDENT, **style)
    for source, learner, knowledge in edges:
        start, end, bend = _ends(source, learner)
        arrow(axes, start, end, KNOWLEDGE[knowledge], bend)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")


def _ends(source: str, learner: str) -> tuple[tuple[float, float], tuple[float, float], float]:
    (x, y), (x_, y_) = PLACES[source], PLACES[learner]
    if source == "teacher":
        return (x + (x_ - x) * 0.35, y - SIZES[source][1] / 2), (x_, y_ + SIZES[learner][1] / 2), 0.0
    # Students face each other: the arrow to S2 runs above, the arrow to S1 below.
    side, shift = (1, 0.035) if x < x_ else (-1, -0.035)
    return (x + side * SIZES[source][0] / 2, y + shift), (x_ - side * SIZES[learner][0] / 2, y_ + shift), -0.15


def legend(figure: Figure, frozen: bool = False) -> None:
    """What the colours mean."""
    lines = [Line2D([], [], color=colour, marker=">", label=knowledge) for knowledge, colour in KNOWLEDGE.items()]
    if frozen:
        lines.append(Line2D([], [], color="white", label="hatched: trained before, frozen"))
    figure.legend(handles=lines, loc="lower center", ncols=len(lines), bbox_to_anchor=(0.5, -0.04))


STYLES = {
    "features": "reasoning:\nhow another\nnetwork sees\n(features)",
    "predictions": "answers:\nwhat another\nnetwork says\n(predictions)",
}
STYLE_PLACES = {"features": 0.245, "predictions": 0.755}


def _styles(data: Data) -> Figure:
    """What each student receives under each strategy: of two kinds of knowledge, one kind for both or one for each."""
    figure = Figure(figsize=(7.2, 2.6))
    for place, what in enumerate(STRATEGIES.values()):
        axes = figure.add_subplot(1, 3, place + 1)
        received = [str(kind) for kind in what.from_teacher]
        axes.set_title(f"{what.title}: {'one style for both' if len(set(received)) == 1 else 'a style for each'}")
        for knowledge, x in STYLE_PLACES.items():
            box(
                axes,
                (x, 0.72),
                (0.48, 0.42),
                STYLES[knowledge],
                KNOWLEDGE[knowledge] if knowledge in received else MARKS["unused"],
            )
        for student, x, knowledge in zip(("s1", "s2"), STYLE_PLACES.values(), received, strict=True):
            box(axes, (x, 0.09), (0.3, 0.16), labels.network(student), STUDENT)
            arrow(axes, (STYLE_PLACES[knowledge] + (x - 0.5) * 0.2, 0.51), (x, 0.17), KNOWLEDGE[knowledge])
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.axis("off")
    figure.tight_layout()
    return figure


def _techniques(data: Data) -> Figure:
    """A panel for each technique, under V1."""
    order = ("kd_off", "kd_on", "ml", "kd_ml")
    figure = Figure(figsize=(7.2, 2.3))
    for place, technique in enumerate(order):
        axes = figure.add_subplot(1, len(order), place + 1)
        edges = data.extra["graphs"][f"{technique}_v1"]
        names = {"teacher": "Teacher"} if any(source == "teacher" for source, *_ in edges) else {}
        graph(axes, edges, technique == "kd_off", names | {"s1": "S1", "s2": "S2"})
        axes.set_title(TECHNIQUES[technique].title)
    legend(figure, frozen=True)
    figure.tight_layout()
    return figure


def _scheme(data: Data) -> Figure:
    """KD + ML with V3: loss terms beside the networks that have them."""
    segmentation = data.option == "8"
    edges = data.extra["graphs"]["kd_ml_v3"]
    supervised = "focal + Dice" if segmentation else "cross-entropy"
    kind = "U-Net" if segmentation else "classifier"
    figure = Figure(figsize=(6.4, 3.6))
    axes = figure.add_subplot()
    names = {
        "teacher": f"Teacher ({kind})\ntrained in the same step",
        "s1": f"Student S1\n({kind})",
        "s2": f"Student S2\n({kind})",
    }
    graph(axes, edges, False, names)
    axes.text(0.69, 0.8, f"L = {supervised}", va="center", fontsize=8)
    for student in ("s1", "s2"):
        prime = "′" if student == "s2" else ""
        beta, gamma = loss_terms(edges, student)
        own = f"({supervised})" if segmentation else supervised
        loss = f"L{prime} = α{prime} {own}\n+ β{prime} {beta} + γ{prime} {gamma}"
        axes.text(PLACES[student][0], 0.11, loss, ha="center", va="top", fontsize=8)
    for source, learner, knowledge in edges:
        (x, y), (x_, y_), _ = _ends(source, learner)
        middle = ((x + x_) / 2, (y + y_) / 2 + (0 if source == "teacher" else 0.07 if x < x_ else -0.07))
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
