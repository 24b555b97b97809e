"""What a reader of a drawn figure sees: its texts, whether they are whole, and whether any runs into another."""

import warnings
from itertools import combinations, product
from unittest import mock

from matplotlib.text import Text
from matplotlib.transforms import Affine2D
from reporting.printed import faults

from kdml.reporting.figures.common import save

EDGE = 0.5  # points that a box may reach beyond the page
ACROSS, ALONG = 1.0, 2.5  # points that two boxes may share: they have room for accents and descenders


def texts(figure):
    """Texts that are drawn, and their boxes in points, in the order of drawing."""
    return [(one.get_text(), box) for one, box in _drawn(figure)]


def _drawn(figure):
    drawn = []
    draw = Text.draw

    def recorded(self, renderer, *others, **options):
        drawn.append(self)
        return draw(self, renderer, *others, **options)

    with mock.patch.object(Text, "draw", recorded), warnings.catch_warnings():
        warnings.simplefilter("error")  # of a layout that found no room
        figure.draw_without_rendering()
    points = Affine2D().scale(72 / figure.dpi)
    shown = [one for one in dict.fromkeys(drawn) if one.get_text().strip() and one.get_visible()]
    return [(one, Text.get_window_extent(one).transformed(points)) for one in shown]


def words(figure):
    """All texts of a figure in a line."""
    return " | ".join(text for text, _ in texts(figure)).replace("\n", " ")


def misplaced(figure, path):
    """What does not fit a journal's page, texts that are cut, and texts that run into each other.

    Args:
        figure: to write.
        path: of the PDF.
    """
    save(figure, "A title", "", [path])
    boxes = texts(figure)
    width, height = (72 * side for side in figure.get_size_inches())
    found = [
        f"cut: {text!r}"
        for text, box in boxes
        if box.x0 < -EDGE or box.y0 < -EDGE or box.x1 > width + EDGE or box.y1 > height + EDGE
    ]
    for (one, first), (other, second) in combinations(boxes, 2):
        if _shared(first, second):
            found.append(f"{one!r} over {other!r}")
    return faults(path) + found + over_pictures(figure)


def over_pictures(figure):
    """Texts that run into a picture which they are no part of."""
    points = Affine2D().scale(72 / figure.dpi)
    drawn = _drawn(figure)  # before places are asked for
    pictures = [(axes, axes.get_window_extent().transformed(points)) for axes in figure.axes if axes.images]
    return [
        f"{text.get_text()!r} over a picture"
        for (text, box), (axes, place) in product(drawn, pictures)
        if text.axes is not axes and _shared(box, place)
    ]


def _shared(first, second):
    """Whether two boxes share more than room for accents and descenders."""
    across = min(first.x1, second.x1) - max(first.x0, second.x0)
    along = min(first.y1, second.y1) - max(first.y0, second.y0)
    return across > ACROSS and along > ALONG
