"""Figure 1: learners prefer different forms (VARK); here networks learn from two forms of knowledge, by three strategies."""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Circle, Ellipse, FancyArrowPatch, Polygon, Rectangle

from kdml.reporting.data import Data
from kdml.reporting.figures.common import KNOWLEDGE, MARKS, SMALL, canvas
from kdml.reporting.figures.sharing_graph import draw_graph
from kdml.runs.graph import STRATEGIES

INK = MARKS["note"]
HEIGHT = 140  # millimetres
NAMES = {"teacher": "Teacher", "s1": "S1", "s2": "S2"}
WHO_GETS_WHAT = {"v1": "both get predictions", "v2": "both get features", "v3": "one of each"}
LINE = {"color": INK, "linewidth": 1.5, "solid_capstyle": "round"}


def draw(data: Data) -> Figure:
    """Learners above, forms of knowledge in the middle, strategies below.

    Args:
        data: the file `graphs`, with KD + ML under all strategies.
    """
    graphs = data.graphs()
    figure = canvas(2, HEIGHT)
    figure.set_layout_engine("none")  # every panel has its place
    _heading(figure, 0.985, "People: different learners prefer different forms (VARK model)")
    for place, (name, icon) in enumerate(LEARNERS.items()):
        axes = _panel(figure, (0.04 + 0.235 * place, 0.745, 0.215, 0.195), MARKS["unused"])
        icon(axes)
        axes.text(0, -0.85, name, ha="center", va="center", fontweight="bold")
    _down(figure, 0.735, 0.69)
    _heading(figure, 0.68, "Networks, here: two forms of knowledge")
    for (knowledge, (icon, what)), left in zip(FORMS.items(), (0.08, 0.52), strict=True):
        axes = _panel(figure, (left, 0.5, 0.4, 0.135), INK, width=5.5)
        axes.spines[:].set_linestyle(KNOWLEDGE[knowledge])
        icon(axes)
        axes.text(-0.25, 0.28, knowledge.capitalize(), va="center", fontweight="bold")
        axes.text(-0.25, -0.28, what, va="center")
    _down(figure, 0.49, 0.445)
    _heading(figure, 0.435, "Three strategies: who gets which form, from the teacher and from the other student")
    for place, (name, strategy) in enumerate(STRATEGIES.items()):
        axes = figure.add_axes((0.02 + 0.33 * place, 0.03, 0.3, 0.325))
        draw_graph(axes, graphs[f"kd_ml_{name}"], NAMES, {})
        axes.set_title(f"{strategy.title}: {WHO_GETS_WHAT[name]}", pad=1)
    _say_lines(figure)
    return figure


def _heading(figure: Figure, height: float, text: str) -> None:
    figure.text(0.5, height, text, ha="center", va="top", fontsize="large", fontweight="bold")


def _say_lines(figure: Figure) -> None:
    """Say what lines and colours of arrows mean."""
    words = "An arrow has the colour of its sender; solid: predictions, dashed: features"
    figure.text(0.5, 0.012, words, ha="center", fontsize=SMALL, color=INK)


def _down(figure: Figure, start: float, end: float) -> None:
    """Draw an arrow from one row to the next."""
    style = {"arrowstyle": "simple,head_width=14,head_length=8,tail_width=6", "color": MARKS["unused"]}
    figure.add_artist(FancyArrowPatch((0.5, start), (0.5, end), transform=figure.transFigure, **style))


def _panel(figure: Figure, place: tuple[float, float, float, float], colour: str, width: float = 3.0) -> Axes:
    """A framed panel whose coordinates are of equal length in both directions; its icon is about 2 wide."""
    axes = figure.add_axes(place)
    height = width * place[3] * figure.get_figheight() / (place[2] * figure.get_figwidth())
    axes.set(xlim=(-width / 2, width / 2), ylim=(-height / 2, height / 2), xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=colour, linewidth=1.6)
    return axes


# Icons of learners, about the middle of a panel


def _eye(axes: Axes) -> None:
    x = np.linspace(-0.95, 0.95, 50)
    lid = 0.55 * np.cos(x / 0.95 * np.pi / 2)
    axes.plot(x, 0.2 + lid, **LINE)
    axes.plot(x, 0.2 - lid, **LINE)
    axes.add_patch(Circle((0, 0.2), 0.36, facecolor="none", edgecolor=INK, linewidth=1.5))
    axes.add_patch(Circle((0, 0.2), 0.16, color=INK))


def _loudspeaker(axes: Axes) -> None:
    corners = [(-0.8, 0.02), (-0.45, 0.02), (-0.1, -0.35), (-0.1, 0.75), (-0.45, 0.38), (-0.8, 0.38)]
    axes.add_patch(Polygon(corners, facecolor="none", edgecolor=INK, linewidth=1.5, joinstyle="round"))
    for size in (0.5, 0.95, 1.4):
        axes.add_patch(Arc((-0.05, 0.2), size, size, theta1=-48, theta2=48, color=INK, linewidth=1.5))


def _book(axes: Axes) -> None:
    for side in (-1, 1):
        page = [(0, -0.35), (side * 0.85, -0.2), (side * 0.85, 0.8), (0, 0.65)]
        axes.add_patch(Polygon(page, facecolor="none", edgecolor=INK, linewidth=1.5, joinstyle="round"))
    for height in (0.0, 0.22, 0.44):
        axes.plot([-0.7, -0.15], [height + 0.1, height], **(LINE | {"linewidth": 1.0}))
    axes.plot([0.25, 0.85], [0.0, 0.95], **(LINE | {"linewidth": 3.5}))  # a pen
    axes.plot([0.17, 0.25], [-0.13, 0.0], **LINE)


def _climber(axes: Axes) -> None:
    """A person who moves and grasps."""
    axes.add_patch(Circle((0.08, 0.83), 0.16, facecolor="none", edgecolor=INK, linewidth=1.5))
    limbs = (
        ((0.05, 0.65), (-0.08, 0.05)),  # trunk
        ((0.03, 0.52), (0.42, 0.32), (0.68, 0.58)),
        ((0.03, 0.52), (-0.38, 0.42), (-0.55, 0.1)),
        ((-0.08, 0.05), (0.32, -0.12), (0.3, -0.55)),
        ((-0.08, 0.05), (-0.3, -0.3), (-0.72, -0.38)),
    )
    for points in limbs:
        axes.plot(*zip(*points, strict=True), solid_joinstyle="round", **(LINE | {"linewidth": 2.2}))
    axes.add_patch(Circle((0.8, 0.68), 0.12, color=INK))  # a ball


LEARNERS: Mapping[str, Callable[[Axes], None]] = {
    "Visual": _eye,
    "Auditory": _loudspeaker,
    "Reading & Writing": _book,
    "Kinesthetic": _climber,
}


# Icons of knowledge, left in a panel


def _bars(axes: Axes) -> None:
    """Probabilities of classes."""
    for place, height in enumerate((0.25, 1.1, 0.45)):
        axes.add_patch(Rectangle((-2.3 + 0.6 * place, -0.65), 0.42, height, facecolor=INK, edgecolor="none"))
    axes.plot([-2.45, -0.5], [-0.65, -0.65], **LINE)


def _maps(axes: Axes) -> None:
    """A stack of feature maps."""
    for layer in (2, 1, 0):
        x, y = -2.4 + 0.2 * layer, -0.68 + 0.14 * layer
        axes.add_patch(
            Rectangle((x, y), 1.1, 1.1, facecolor=MARKS["page"], edgecolor=INK, linewidth=1.2, zorder=3 - layer)
        )
    axes.add_patch(Ellipse((-1.75, -0.13), 0.55, 0.45, angle=30, facecolor=INK, edgecolor="none", zorder=4))
    axes.add_patch(Ellipse((-2.1, 0.2), 0.25, 0.2, facecolor=INK, edgecolor="none", alpha=0.5, zorder=4))


FORMS: Mapping[str, tuple[Callable[[Axes], None], str]] = {
    "predictions": (_bars, "what a network answers"),
    "features": (_maps, "what a network sees"),
}
