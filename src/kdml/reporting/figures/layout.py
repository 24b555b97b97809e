"""Where things stand on a page: blocks of panels under headings that say what was run and where, and labels that keep apart."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure, SubFigure

from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import STYLE, canvas, footnote, footnote_lines, width_of

LETTERS = 0.72  # to a millimetre of width, of a heading
FOOTNOTE = 3.0  # millimetres of a line


@dataclass(frozen=True)
class Block:
    """Panels that stand together.

    Args:
        heading: above them.
        panels: beside each other.
        height: in millimetres, with the heading.
    """

    heading: str
    panels: int
    height: float


def heading(task: str, pair: str, protocol: str, more: str = "") -> str:
    """What was run and where, in two lines.

    Args:
        task: its title.
        pair: its key; empty for networks trained alone, which belong to none.
        protocol: how the split is made.
        more: to say behind it, such as the number of test cases.
    """
    first = ", ".join(filter(None, (task, f"pair {pair}" if pair else "")))
    return "\n".join((first, ", ".join(filter(None, (labels.PROTOCOLS.get(protocol, protocol), more)))))


def heading_of(data: Data, place: str) -> str:
    """What was run at a place and where, by its file `runs:PLACE`."""
    facts = data.rows(f"runs:{place}")[0]
    return heading(facts["task_title"], facts["pair"], facts["protocol"])


def page(blocks: Sequence[Block], around: float, note: str = "") -> tuple[Figure, list[SubFigure]]:
    """A figure with a part for every block, below each other; blocks of a single panel stand side by side in twos.

    Args:
        blocks: in their order; one that is alone and has one panel makes a figure of one column.
        around: millimetres of what the figure says above and below all blocks, without its footnote.
        note: footnote, which gets the room that its lines need.
    """
    rows: list[list[Block]] = []
    for block in blocks:
        beside = rows and block.panels == 1 and len(rows[-1]) == 1 and rows[-1][0].panels == 1
        rows[-1].append(block) if beside else rows.append([block])
    columns = 2 if len(blocks) > 1 or blocks[0].panels > 1 else 1
    heights = [max(block.height for block in row) for row in rows]
    lines = footnote_lines(note, STYLE["page"]["widths"][columns - 1])
    figure = canvas(columns, sum(heights) + around + FOOTNOTE * len(lines))
    footnote(figure, note)
    grid = figure.add_gridspec(len(rows), 2, height_ratios=heights)
    parts = []
    for line, row in enumerate(rows):
        for place, block in enumerate(row):
            part = figure.add_subfigure(grid[line, place] if len(row) > 1 else grid[line, :])
            letters = int(width_of(figure) / len(row) * LETTERS)
            lines = [piece for text in block.heading.split("\n") for piece in textwrap.wrap(text, letters)]
            part.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=STYLE["rc"]["axes.titlesize"])
            parts.append(part)
    return figure, parts


def columns_of_legend(figure: Figure) -> int:
    """How many of four marks fit beside each other."""
    return 4 if width_of(figure) > STYLE["page"]["widths"][0] else 2


def apart(values: Sequence[float], gap: float) -> list[float]:
    """Positions near these values, in the same order, no two of them nearer to each other than a gap.

    Args:
        values: to label.
        gap: that a label needs.
    """
    order = sorted(range(len(values)), key=lambda place: values[place])
    clusters: list[list[float]] = []  # middle and number of labels that touch each other
    for place in order:
        clusters.append([values[place], 1])
        while len(clusters) > 1 and _end(clusters[-2], gap) > _start(clusters[-1], gap):
            middle, count = clusters.pop()
            before, others = clusters[-1]
            clusters[-1] = [(before * others + middle * count) / (others + count), others + count]
    spread = [_start(cluster, gap) + gap * (number + 0.5) for cluster in clusters for number in range(int(cluster[1]))]
    placed = dict(zip(order, spread, strict=True))
    return [placed[place] for place in range(len(values))]


def _start(cluster: Sequence[float], gap: float) -> float:
    return cluster[0] - cluster[1] * gap / 2


def _end(cluster: Sequence[float], gap: float) -> float:
    return cluster[0] + cluster[1] * gap / 2


def wrapped(title: str, letters: int) -> str:
    """A run's title in at most three lines.

    Args:
        title: to write.
        letters: to a line.
    """
    return textwrap.fill(title, letters, max_lines=3, placeholder=" …")
