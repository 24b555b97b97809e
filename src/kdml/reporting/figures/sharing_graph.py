"""A sharing graph as boxes and arrows: a teacher above its students, an arrow for each edge in the colour of its knowledge."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from kdml.reporting.figures.common import KNOWLEDGE, MARKS, NETWORKS
from kdml.runs.graph import TEACHER

Graph = Sequence[Sequence[str]]
"""Edges (source, learner, knowledge)."""

Point = tuple[float, float]
# Colours of boxes tell architectures apart, those of arrows knowledge.
EDGES: Mapping[str, str] = {"teacher": NETWORKS["teacher"], "s1": MARKS["student"], "s2": MARKS["student"]}
# The teacher is the larger network; both students are of one architecture.
PLACES: Mapping[str, Point] = {"teacher": (0.5, 0.8), "s1": (0.22, 0.25), "s2": (0.78, 0.25)}
SIZES: Mapping[str, Point] = {"teacher": (0.34, 0.22), "s1": (0.24, 0.17), "s2": (0.24, 0.17)}


def box(axes: Axes, centre: Point, size: Point, text: str, edge: str, fontsize: float = 8, **style) -> None:
    """Draw a rounded box with text."""
    (x, y), (width, height) = centre, size
    corner = (x - width / 2, y - height / 2)
    shape = {"boxstyle": "round,pad=0,rounding_size=0.03", "facecolor": "white", "linewidth": 1.4, "zorder": 2}
    axes.add_patch(FancyBboxPatch(corner, width, height, edgecolor=edge, **shape, **style))
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    own = behind if "hatch" in style else None
    axes.text(x, y, text, ha="center", va="center", zorder=3, fontsize=fontsize, bbox=own)


def arrow(axes: Axes, start: Point, end: Point, colour: str, bend: float = 0.0) -> None:
    """Draw an arrow from source to learner."""
    style = {"arrowstyle": "-|>", "mutation_scale": 12, "color": colour, "linewidth": 1.6, "zorder": 1}
    axes.add_patch(FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", shrinkA=2, shrinkB=2, **style))


def draw_graph(axes: Axes, edges: Graph, frozen: bool, networks: Mapping[str, str]) -> None:
    """Draw a graph.

    Args:
        axes: to draw on.
        edges: of the graph.
        frozen: whether the teacher is.
        networks: titles of its networks by name.
    """
    for name, title in networks.items():
        style = {"hatch": "////", "hatch_linewidth": 0.4} if name == TEACHER and frozen else {}
        box(axes, PLACES[name], SIZES[name], title, EDGES[name], **style)
    for source, learner, knowledge in edges:
        start, end, bend = ends(source, learner)
        arrow(axes, start, end, KNOWLEDGE[knowledge], bend)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")


def ends(source: str, learner: str) -> tuple[Point, Point, float]:
    """Start, end and bend of the arrow of an edge."""
    (x, y), (x_, y_) = PLACES[source], PLACES[learner]
    if source == TEACHER:
        return (x + (x_ - x) * 0.35, y - SIZES[source][1] / 2), (x_, y_ + SIZES[learner][1] / 2), 0.0
    # Students face each other: the arrow to S2 runs above, the arrow to S1 below.
    side, shift = (1, 0.035) if x < x_ else (-1, -0.035)
    return (x + side * SIZES[source][0] / 2, y + shift), (x_ - side * SIZES[learner][0] / 2, y_ + shift), -0.15


def legend(figure: Figure, frozen: bool = False) -> None:
    """Say what the colours mean."""
    lines = [Line2D([], [], color=colour, marker=">", label=knowledge) for knowledge, colour in KNOWLEDGE.items()]
    if frozen:
        lines.append(Line2D([], [], color="white", label="hatched: trained before, frozen"))
    figure.legend(handles=lines, loc="lower center", ncols=len(lines), bbox_to_anchor=(0.5, -0.04))
