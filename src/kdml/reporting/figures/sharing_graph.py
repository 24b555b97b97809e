"""A sharing graph as boxes and arrows: a teacher above its students; an arrow has its sender's colour and its knowledge's line."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch

from kdml.reporting.figures import common
from kdml.reporting.figures.common import KNOWLEDGE, MARKS, SMALL, colour_of
from kdml.runs.graph import TEACHER

Graph = Sequence[Sequence[str]]
"""Edges (source, learner, knowledge)."""

Point = tuple[float, float]
# The teacher is the larger network; both students are of one architecture.
PLACES: Mapping[str, Point] = {"teacher": (0.5, 0.82), "s1": (0.14, 0.2), "s2": (0.86, 0.2)}
SIZES: Mapping[str, Point] = {"teacher": (0.4, 0.28), "s1": (0.22, 0.17), "s2": (0.22, 0.17)}


def box(axes: Axes, network: str, text: str, frozen: bool = False) -> None:
    """Draw a network as a rounded box with text, in its colour; filled grey if it is frozen."""
    (x, y), (width, height) = PLACES[network], SIZES[network]
    shape = {"boxstyle": "round,pad=0,rounding_size=0.03", "linewidth": 1.4, "zorder": 2}
    colours = {"edgecolor": colour_of(network), "facecolor": MARKS["frozen" if frozen else "page"]}
    axes.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, **shape, **colours))
    axes.text(x, y, text, ha="center", va="center", zorder=3)


def arrow(axes: Axes, start: Point, end: Point, of: str, knowledge: str, bend: float = 0.0) -> None:
    """Draw an arrow from source to learner."""
    style = {"color": colour_of(of), "linestyle": KNOWLEDGE[knowledge], "linewidth": 1.5, "zorder": 1}
    line = {"connectionstyle": f"arc3,rad={bend}", "shrinkA": 1, "shrinkB": 0}
    # A head of its own, because it would be dashed, too.
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-", **line, **style))
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=11, **line, **(style | {"linestyle": "-", "linewidth": 0})
        )
    )


def draw_graph(
    axes: Axes, edges: Graph, networks: Mapping[str, str], terms: Mapping[tuple[str, str], str], frozen: bool = False
) -> None:
    """Draw a graph.

    Args:
        axes: to draw on.
        edges: of the graph.
        networks: titles of its networks by name.
        terms: written on the arrows, by (source, learner); where there is none, nothing.
        frozen: whether the teacher is.
    """
    for name, title in networks.items():
        box(axes, name, title, frozen and name == TEACHER)
    for source, learner, knowledge in edges:
        start, end, bend = ends(source, learner)
        arrow(axes, start, end, source, knowledge, bend)
        if text := terms.get((source, learner)):
            _write(axes, source, learner, text)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")


def ends(source: str, learner: str) -> tuple[Point, Point, float]:
    """Start, end and bend of the arrow of an edge."""
    (x, y), (x_, y_) = PLACES[source], PLACES[learner]
    if source == TEACHER:
        return (x + (x_ - x) * 0.4, y - SIZES[source][1] / 2), (x_, y_ + SIZES[learner][1] / 2), 0.0
    # Students face each other: the arrow to S2 runs above, the arrow to S1 below.
    side, shift = (1, 0.035) if x < x_ else (-1, -0.035)
    return (x + side * SIZES[source][0] / 2, y + shift), (x_ - side * SIZES[learner][0] / 2, y_ + shift), -0.12


def _write(axes: Axes, source: str, learner: str, text: str) -> None:
    """Write on the middle of an arrow from a teacher, above or below one between students."""
    (x, y), (x_, y_), _ = ends(source, learner)
    style = {"ha": "center", "va": "center", "fontsize": SMALL}
    if source == TEACHER:
        behind = {"facecolor": MARKS["page"], "edgecolor": "none", "pad": 0.6}
        axes.text((x + x_) / 2, (y + y_) / 2, text, bbox=behind, **style)
    else:
        axes.text((x + x_) / 2, y + (0.11 if x < x_ else -0.11), text, **style)


def legend(figure: Figure, edges: Graph, frozen: bool = False) -> None:
    """Say what the lines of these edges mean."""
    shared = {knowledge for *_, knowledge in edges}
    marks: dict[str, Line2D | Patch] = {
        knowledge: Line2D([], [], color=MARKS["note"], linestyle=style)
        for knowledge, style in KNOWLEDGE.items()
        if knowledge in shared
    }
    if frozen:
        marks["frozen: trained before, learns no more"] = Patch(facecolor=MARKS["frozen"], edgecolor=colour_of(TEACHER))
    common.legend(figure, marks)
