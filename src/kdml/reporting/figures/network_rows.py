"""Figures 3 and 8: an image through three networks, a row each; knowledge passes between rows where it is taken and given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch, Rectangle

from kdml.reporting.figures.common import MARKS, SMALL, canvas, colour_of
from kdml.reporting.figures.sharing_graph import Graph, arrow, legend
from kdml.runs.graph import ENSEMBLE, STUDENTS, TEACHER

# Millimetres from the lower left corner.
WIDTH, HEIGHT = 170, 106
ROWS: Mapping[str, float] = {TEACHER: 76, "s1": 41, "s2": 11}  # middles
IMAGE, FIRST, OUTPUT, SUPERVISED, TOGETHER = 13, 38, 100, 114, 153  # middles of columns; where the words begin
# A larger network is drawn larger: height of its widest map, width of its maps, size of its prediction.
SIZES: Mapping[str, tuple[float, float, float]] = {TEACHER: (27, 4.0, 11), "s1": (15, 2.2, 8), "s2": (15, 2.2, 8)}
SHRINK = 0.7  # from one stage to the next


@dataclass(frozen=True)
class Kind:
    """A kind of network: what its maps are, and the words for what it shares.

    Args:
        stages: of the encoder, at so many powers of the shrinking; then those of the decoder.
        tapped: place of the map whose features are shared.
        features, predictions: what they are.
        supervised: loss that is taken with the labels.
        together: what the ensemble makes of the students' predictions.
    """

    stages: Sequence[int]
    tapped: int
    features: str
    predictions: str
    supervised: str
    together: str


KINDS: Mapping[str, Kind] = {
    "classification": Kind((0, 1, 2, 3), 3, "last map", "class probabilities", "cross-entropy", "largest p"),
    "segmentation": Kind(
        (0, 1, 2, 3, 2, 1, 0),
        4,
        "first convolution\nof the decoder",
        "lesion probability",
        "(focal + Dice)",
        "union of masks",
    ),
}


def draw_rows(edges: Graph, kind: str, terms: Mapping[tuple[str, str], str], weights: Mapping[str, str]) -> Figure:
    """Draw all that happens in a step of training.

    Args:
        edges: (source, learner, knowledge).
        kind: of the task: classification or segmentation.
        terms: of the loss, by (source, learner).
        weights: of the supervised term of each network, such as `α`; empty for 1.
    """
    figure = canvas(2, HEIGHT)
    figure.set_layout_engine("none")  # all has its place
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, HEIGHT))
    axes.axis("off")
    of = KINDS[kind]
    _image(axes, kind)
    for network, weight in weights.items():
        _network(axes, network, of)
        _prediction(axes, network, kind)
        _supervised(axes, network, f"{weight} {of.supervised}".strip(" ") if weight else of.supervised.strip("()"))
    for source, learner, knowledge in edges:
        _share(axes, (source, learner, knowledge), of, terms[source, learner])
    _ensemble(axes, of)
    top = ROWS[TEACHER] + SIZES[TEACHER][0] / 2
    for x, what in ((_tap(of), f"features f:\n{of.features}"), (OUTPUT, f"predictions p:\n{of.predictions}")):
        axes.text(x, top + 1, what, ha="center", va="bottom", fontsize=SMALL)
    legend(figure, edges)
    return figure


def _x(place: int, of: Kind) -> float:
    """Middle of a map."""
    return FIRST + 4 + place * (46 / max(6, len(of.stages) - 1))


def _tap(of: Kind) -> float:
    return _x(of.tapped, of)


def _height(network: str, place: int, of: Kind) -> float:
    return SIZES[network][0] * SHRINK ** of.stages[place]


def _network(axes: Axes, network: str, of: Kind) -> None:
    """Draw its maps by their size, the shared one filled; of a U-Net what the decoder takes from the encoder."""
    middle, (tallest, width, _), colour = ROWS[network], SIZES[network], colour_of(network)
    title = "Teacher" if network == TEACHER else f"Student {network.upper()}"
    axes.text(FIRST, middle + tallest / 2 + 1, title, fontweight="bold", va="bottom")
    axes.add_patch(_line((IMAGE + 12, ROWS["s1"]), (FIRST + 4 - width, middle), MARKS["paper"]))
    last = _x(len(of.stages) - 1, of)
    axes.add_patch(_line((last, middle), (OUTPUT - SIZES[network][2] / 2 - 0.5, middle), colour))
    axes.plot([_x(0, of), last], [middle, middle], color=colour, linewidth=0.8, zorder=1)
    for place in range(len(of.stages)):
        height = _height(network, place, of)
        filled = colour if place == of.tapped else MARKS["page"]
        corner = (_x(place, of) - width / 2, middle - height / 2)
        axes.add_patch(Rectangle(corner, width, height, edgecolor=colour, facecolor=filled, linewidth=1.2, zorder=2))
    for place in range(of.stages.index(max(of.stages))):
        if other := [later for later in range(place + 1, len(of.stages)) if of.stages[later] == of.stages[place]]:
            y = middle + _height(network, place, of) / 2 - 0.8
            axes.plot([_x(place, of), _x(other[0], of)], [y, y], color=colour, linewidth=0.5, zorder=1)


def _line(start: tuple[float, float], end: tuple[float, float], colour: str) -> FancyArrowPatch:
    """An arrow of what is no knowledge."""
    style = {"arrowstyle": "-|>", "mutation_scale": 6, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
    return FancyArrowPatch(start, end, color=colour, zorder=1, **style)


def _prediction(axes: Axes, network: str, kind: str) -> None:
    """Draw bars of two classes, or a mask."""
    side, colour = SIZES[network][2], colour_of(network)
    left, bottom = OUTPUT - side / 2, ROWS[network] - side / 2
    axes.add_patch(Rectangle((left, bottom), side, side, facecolor=MARKS["page"], edgecolor=colour, linewidth=1.2))
    if kind == "segmentation":
        axes.add_patch(
            Ellipse((OUTPUT + 0.1 * side, bottom + 0.6 * side), 0.5 * side, 0.35 * side, angle=30, color=colour)
        )
        return
    for place, height in ((0.2, 0.25), (0.58, 0.7)):
        axes.add_patch(Rectangle((left + place * side, bottom), 0.22 * side, height * side, color=colour))


def _supervised(axes: Axes, network: str, text: str) -> None:
    style = {"va": "center", "fontsize": SMALL}
    axes.text(SUPERVISED, ROWS[network] + 3.2, text, **style)
    said = "with the labels, in the same step" if network == TEACHER else "with the labels"
    axes.text(SUPERVISED, ROWS[network], said, color=MARKS["note"], **style)


def _share(axes: Axes, edge: tuple[str, str, str], of: Kind, term: str) -> None:
    """Draw knowledge from one row to another, beside the rows between them."""
    source, learner, knowledge = edge
    down = ROWS[source] > ROWS[learner]
    between = [
        name for name, y in ROWS.items() if min(ROWS[source], ROWS[learner]) < y < max(ROWS[source], ROWS[learner])
    ]
    x = _tap(of) if knowledge == "features" else OUTPUT
    ends = []
    for name, up in ((source, not down), (learner, down)):
        half = (_height(name, of.tapped, of) if knowledge == "features" else SIZES[name][2]) / 2
        ends.append((x + (3 if between else 0), ROWS[name] + (half if up else -half)))
    arrow(axes, ends[0], ends[1], source, knowledge, (-0.3 if down else 0.3) if between else 0.0)
    near = [name for name in ROWS if name != source and (ROWS[name] < ROWS[source]) == down]
    next_row = max(near, key=ROWS.__getitem__) if down else min(near, key=ROWS.__getitem__)
    height = (ROWS[source] + ROWS[next_row]) / 2
    aside = 13 if between else -1.5 if knowledge == "predictions" else 1.5  # where no other arrow runs
    axes.text(x + aside, height, term, ha="right" if aside < 0 else "left", va="center", fontsize=SMALL)


def _ensemble(axes: Axes, of: Kind) -> None:
    """Draw what becomes of the students' predictions."""
    middle, size = float(np.mean([ROWS[name] for name in STUDENTS])), (30, 12)
    for student in STUDENTS:
        end = (TOGETHER, middle + (size[1] / 2 if ROWS[student] > middle else -size[1] / 2))
        start = (OUTPUT + SIZES[student][2] / 2, ROWS[student] - 2.5)
        line = _line(start, end, colour_of(student))
        line.set_connectionstyle("angle,angleA=0,angleB=90,rad=3")
        axes.add_patch(line)
    shape = {"boxstyle": "round,pad=0,rounding_size=1.5", "linewidth": 1.4, "zorder": 2}
    corner = (TOGETHER - size[0] / 2, middle - size[1] / 2)
    axes.add_patch(FancyBboxPatch(corner, *size, facecolor=MARKS["page"], edgecolor=colour_of(ENSEMBLE), **shape))
    axes.text(TOGETHER, middle, f"Ensemble:\n{of.together}", ha="center", va="center", zorder=3)


def _image(axes: Axes, kind: str) -> None:
    """Draw a sketch of an image: tissue with cells, or a head with a lesion."""
    middle, side = ROWS["s1"], 22
    corner = (IMAGE - side / 2, middle - side / 2)
    axes.text(IMAGE, corner[1] + side + 1, "Image", ha="center", va="bottom", fontweight="bold")
    if kind == "segmentation":
        axes.add_patch(Rectangle(corner, side, side, color=MARKS["other"]))
        for shrunk, shade in ((0.42, "frozen"), (0.38, "other"), (0.35, "paper")):
            axes.add_patch(Ellipse((IMAGE, middle), 1.7 * shrunk * side, 2 * shrunk * side, color=MARKS[shade]))
        for place, half in ((-1.3, -8), (1.3, 8)):
            axes.add_patch(Ellipse((IMAGE + place, middle), 1.2, 6, angle=half, color=MARKS["note"]))
        axes.add_patch(Ellipse((IMAGE + 3.4, middle + 2.5), 4, 3, angle=30, color=MARKS["page"]))
        return
    patch = Rectangle(corner, side, side, facecolor=MARKS["unused"], edgecolor=MARKS["paper"])
    axes.add_patch(patch)
    drawn = np.random.default_rng(0)
    for _ in range(26):
        x, y, size, turn = drawn.uniform((0.1, 0.1, 1.5, 0), (0.9, 0.9, 2.8, 180))
        cell = Ellipse((corner[0] + x * side, corner[1] + y * side), size, 0.8 * size, angle=turn, color=MARKS["paper"])
        axes.add_patch(cell)
