"""Figures 4, 5, 7 and 9: what the networks predict on slices chosen by rule, regions of the truth framed as found or missed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke

from kdml.common.array_files import read_arrays
from kdml.common.files import MAKE_AGAIN
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import (
    MARKS,
    MM,
    PIXELS,
    REGIONS,
    SMALL,
    TALLEST,
    canvas,
    footnote,
    legend,
    width_of,
)
from kdml.reporting.figures.overlays import SHOWN, blended, class_colours, coloured, judged
from kdml.reporting.table_model import Row
from kdml.runs import predictions
from kdml.runs.graph import ENSEMBLE, STRATEGIES, STUDENTS, TECHNIQUES, VARIANTS
from kdml.runs.run_table import SEPARATOR

ALL, MASKS, BY_STRATEGY = 4, 7, 9  # figures that show all runs, masks of ensembles, one technique by strategies
# Millimetres: of what stands above one slice, below all; of the bar; between panels, between slices; of a line's name; of a panel.
HEADING, BOTTOM, BAR = 4.4, 6.0, 50.0
GAP, BLOCKS, LABEL, LARGEST = 0.7, 2.0, 6.0, 30.0
WORDS: Mapping[str, Any] = {
    "fontsize": SMALL,
    "color": MARKS["frame"],
    "bbox": {"facecolor": MARKS["other"], "edgecolor": "none", "pad": 0.8},
}  # on a panel
OVER = 2.5  # of frames: above outlines, which a poor prediction has all over the panel, below words


@dataclass(frozen=True)
class Slices:
    """Pictures and numbers that the panels show.

    Args:
        images: (k, h, w, 3).
        masks: (k, h, w), the class of each pixel, 0 the background.
        predicted: (run, network) -> quantised probabilities (k, h, w), or (k, K, h, w) of several classes.
        described: rows on the slices.
        scores: (slice, run, network) -> IoU in percent.
        regions: rows on the regions of the truth.
    """

    images: UInt8[np.ndarray, "k h w 3"]
    masks: UInt8[np.ndarray, "k h w"]
    predicted: Mapping[tuple[str, str], np.ndarray]
    described: Sequence[Row]
    scores: Mapping[tuple[int, str, str], float]
    regions: Sequence[Row]

    @property
    def classes(self) -> list[str]:
        """Classes of masks that have several."""
        names = self.described[0]["classes"].split(SEPARATOR)
        return names if len(names) > 1 else []

    def crop(self, place: int) -> tuple[slice, slice]:
        """Rows and columns of a slice that the panels show."""
        row = self.described[place]
        top, bottom, left, right = (int(row[name]) for name in ("top", "bottom", "left", "right"))
        return slice(top, bottom), slice(left, right)


@dataclass(frozen=True)
class Layout:
    """Where the panels stand, all lengths in millimetres.

    Args:
        columns: (heading, run or technique, network).
        lines: strategies of a slice, below each other.
        slices: how many there are.
        head: what stands above all of them.
        width: of the figure.
    """

    columns: Sequence[tuple[str, str, str]]
    lines: Sequence[str]
    slices: int
    head: float
    width: float

    @property
    def stacked(self) -> bool:
        """Whether the whole slice stands above the picture of its lesion, not beside it."""
        return len(self.lines) > 1

    @property
    def gaps(self) -> float:
        """Between the pictures at the left and the right end, without the panels."""
        heads = len({head for head, *_ in self.columns})
        return (LABEL if self.stacked else 3 * GAP) + GAP * (len(self.columns) - 1 + heads - 1)

    @property
    def side(self) -> float:
        """What a panel may have on a page."""
        pictures = len(self.lines) / 2 if self.stacked else 2
        across = (self.width - self.gaps) / (len(self.columns) + pictures)
        down = (TALLEST - self.head - BOTTOM) / self.slices - HEADING - BLOCKS
        return min(LARGEST, across, down / len(self.lines) - GAP)

    @property
    def block(self) -> float:
        """Height of all panels of a slice."""
        return (self.side + GAP) * len(self.lines) - GAP

    @property
    def picture(self) -> float:
        """Side of the pictures at the left."""
        return (self.block - GAP) / 2 if self.stacked else self.side

    def left(self, column: int) -> float:
        """Where a column begins; a wider gap divides those of different headings."""
        first = self.picture + LABEL if self.stacked else 2 * self.picture + 3 * GAP
        heads = dict.fromkeys(head for head, *_ in self.columns[: column + 1])
        return first + column * (self.side + GAP) + (len(heads) - 1) * GAP

    def top(self, place: int) -> float:
        """Where what belongs to a slice begins."""
        return self.head + place * (HEADING + self.block + BLOCKS)


def draw(data: Data) -> Figure:
    """Panels as the figure's number asks for: a block for each slice, columns of techniques (or strategies) and networks.

    Args:
        data: files `images` and `slices`; the option `number` of the figure.
    """
    slices, number = _read(data), int(data.options["number"])
    layout = _layout(slices, number)
    figure = canvas(2, layout.top(len(slices.images)) + BOTTOM)
    figure.set_layout_engine("none")  # every panel has its place
    _head(figure, layout, "truth" if slices.classes else "lesion")
    for place, row in enumerate(slices.described):
        _say(figure, (0, layout.top(place) + HEADING / 2), _description(row), ha="left")
        _pictures(figure, layout, slices, place)
        for line, strategy in enumerate(layout.lines):
            down = layout.top(place) + HEADING + line * (layout.side + GAP)
            if layout.stacked:
                middle = (layout.picture + LABEL / 2, down + layout.side / 2)
                _say(figure, middle, STRATEGIES[strategy].title, weight="bold")
            for column, (_, of, network) in enumerate(layout.columns):
                panel = _panel(figure, layout.left(column), down, layout.side)
                run = of if of in VARIANTS else f"{of}_{strategy}"
                _prediction(panel, slices, (place, run, network), as_mask=number == MASKS)
    _explain(figure, as_mask=number == MASKS, classes=slices.classes)
    candidates = slices.described[0]["candidates"]
    found = "A region is found if at least half of it is marked."
    of_all = ", of the pixels of all classes together" if slices.classes else ""
    footnote(
        figure,
        f"In the corner: IoU in percent{of_all}. {found} Images chosen by rule from the {candidates} with a lesion.",
    )
    return figure


def _read(data: Data) -> Slices:
    arrays = dict(read_arrays(data.one("images"), MAKE_AGAIN))
    images, masks = arrays.pop("images"), arrays.pop("masks")
    predicted = {(run, network): array for name, array in arrays.items() for run, network in [name.rsplit(".", 1)]}
    rows = data.rows("slices")
    described, scored, regions = (
        [row for row in rows if row["kind"] == kind] for kind in ("slice", "network", "region")
    )
    scores = {(int(row["slice"]), row["run"], row["network"]): 100 * float(row["iou"]) for row in scored}
    return Slices(images, masks, predicted, described, scores, regions)


def _layout(slices: Slices, number: int) -> Layout:
    runs = [run for run in VARIANTS if any(of == run for of, _ in slices.predicted)]
    strategies = [s for s in STRATEGIES if any(VARIANTS[run][1] == s for run in runs)]
    techniques = [t for t in TECHNIQUES if any(VARIANTS[run][0] == t for run in runs)]
    if number == BY_STRATEGY:
        heads = [(STRATEGIES[s].title, f"kd_ml_{s}") for s in strategies]
    else:
        heads = [(TECHNIQUES[t].title, t) for t in techniques]
    columns = [(*head, network) for head in heads for network in ((ENSEMBLE,) if number == MASKS else STUDENTS)]
    lines, head = strategies if number == ALL else ["v3"], 11.0 if number == MASKS else 20.0
    return Layout(columns, lines, len(slices.images), head, width_of(canvas(2, 1)))


# Words


def _say(figure: Figure, place: tuple[float, float], text: str, **style: Any) -> None:
    """Write in the middle of a place, in millimetres from the top left corner."""
    x, y = place[0] * MM / figure.get_figwidth(), 1 - place[1] * MM / figure.get_figheight()
    figure.text(x, y, text, **({"ha": "center", "va": "center", "fontsize": SMALL} | style))


def _description(row: Row) -> str:
    what = row["chosen_for"]
    size = f"{row['lesion']} px marked" if SEPARATOR in row["classes"] else f"lesion of {row['lesion']} px"
    return f"{what[0].upper()}{what[1:]}: {row['group']}, {size}"


def _head(figure: Figure, layout: Layout, truth: str) -> None:
    """Say what the columns are of; `truth` is what masks show, in a word."""
    middle, down = layout.picture / 2, layout.top(0) - 1.5
    if layout.stacked:
        _say(figure, (middle, down), f"image, {truth}")
    else:
        _say(figure, (middle, down), "image")
        _say(figure, (3 * middle + GAP, down), truth)
    heads = dict.fromkeys(head for head, *_ in layout.columns)
    for head in heads:
        mine = [column for column, (of, *_) in enumerate(layout.columns) if of == head]
        middle = (layout.left(mine[0]) + layout.left(mine[-1]) + layout.side) / 2
        _say(figure, (middle, down - (3.5 if len(mine) > 1 else 0)), head, weight="bold", fontsize="medium")
        if len(mine) > 1:
            for column in mine:
                title = labels.network(layout.columns[column][2])
                _say(figure, (layout.left(column) + layout.side / 2, down), title)


def _explain(figure: Figure, as_mask: bool, classes: Sequence[str]) -> None:
    """Say what frames, lines and colours mean."""
    behind, line = Patch(facecolor=MARKS["note"]), {"color": MARKS["frame"], "linewidth": 0.7}
    marks: dict[str, Any] = {
        f"frame: region {what}": (behind, Line2D([], [], linestyle=style, **(line | {"linewidth": 1.2})))
        for what, style in REGIONS.items()
    }
    if as_mask:
        edge = {"edgecolor": MARKS["note"], "linewidth": 0.5}
        marks |= {f"pixel: {what}": Patch(facecolor=colour, **edge) for what, colour in PIXELS.items()}
    elif classes:
        marks |= {
            name: Patch(facecolor=colour, edgecolor=MARKS["note"], linewidth=0.5)
            for name, colour in zip(classes, class_colours(len(classes)), strict=True)
        }
    else:
        marks["outline: lesion, or prediction"] = (behind, Line2D([], [], **line))
        _bar(figure)
    legend(figure, marks)


def _bar(figure: Figure) -> None:
    """Colours as they stand in the panels: probabilities to the right, the picture's brightness upwards."""
    axes = _panel(figure, width_of(figure) - BAR - 2, 1.5, BAR)
    place = axes.get_position()
    axes.set_position(
        (place.x0, place.y1 - 3.5 * MM / figure.get_figheight(), place.width, 3.5 * MM / figure.get_figheight())
    )
    chance, brightness = np.meshgrid(np.linspace(0, 1, 256), np.linspace(1, 0, 32))
    axes.imshow(blended(brightness, chance), extent=(0, 1, 0, 1), aspect="auto")
    axes.set(xticks=[0, SHOWN, 0.5, 1], xlabel="probability of lesion (top: over bright pixels)")
    axes.tick_params(labelsize=SMALL, length=2, pad=1)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.label.set(fontsize=SMALL)
    axes.xaxis.labelpad = 0


# Panels


def _panel(figure: Figure, left: float, down: float, side: float) -> Axes:
    """Square axes at a place, in millimetres from the top left corner, where nothing is fitted."""
    width, height = figure.get_figwidth() / MM, figure.get_figheight() / MM
    axes = figure.add_axes((left / width, 1 - (down + side) / height, side / width, side / height))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return axes


def _pictures(figure: Figure, layout: Layout, slices: Slices, place: int) -> None:
    """Draw the whole slice with the crop's frame, and its crop with the outline of the lesion."""
    down, step = layout.top(place) + HEADING, layout.picture + GAP
    whole = _panel(figure, 0, down, layout.picture)
    whole.imshow(slices.images[place])
    rows, columns = slices.crop(place)
    whole.add_patch(_frame((rows.start, rows.stop, columns.start, columns.stop), linewidth=0.7))
    part = _panel(figure, *((0, down + step) if layout.stacked else (step, down)), layout.picture)
    if slices.classes:
        grey = slices.images[place].mean(axis=-1) / 255
        _show(part, coloured(grey, slices.masks[place], len(slices.classes)), rows, columns)
        return
    _show(part, slices.images[place], rows, columns)
    _outline(part, slices.masks[place] > 0, 0.5)


def _prediction(panel: Axes, slices: Slices, key: tuple[int, str, str], as_mask: bool) -> None:
    """Draw what a network predicts within the crop, and which regions of the truth it finds."""
    place, *of = key
    rows, columns = slices.crop(place)
    grey = slices.images[place].mean(axis=-1) / 255
    if tuple(of) not in slices.predicted:
        _show(panel, blended(grey, np.zeros_like(grey)), rows, columns)
        panel.text(0.5, 0.5, "not run", transform=panel.transAxes, ha="center", va="center", **WORDS)
        return
    quantised = slices.predicted[of[0], of[1]][place]
    if as_mask:
        named = predictions.classes_of(quantised[None])[0] if slices.classes else predictions.marked(quantised)
        _show(panel, judged(grey, slices.masks[place], named), rows, columns)
    elif slices.classes:
        named = predictions.classes_of(quantised[None])[0]
        _show(panel, coloured(grey, named, len(slices.classes)), rows, columns)
    else:
        chance = predictions.dequantise(quantised)
        _show(panel, blended(grey, chance), rows, columns)
        _outline(panel, chance, 0.5)
    for row in slices.regions:
        if (int(row["slice"]), row["run"], row["network"]) == key:
            _mark(panel, row, rows, columns)
    panel.text(0.04, 0.05, f"{slices.scores[key]:.0f}", transform=panel.transAxes, **WORDS)


def _show(panel: Axes, picture: np.ndarray, rows: slice, columns: slice) -> None:
    """Draw a part of a picture; its pixels keep their places."""
    extent = (columns.start - 0.5, columns.stop - 0.5, rows.stop - 0.5, rows.start - 0.5)
    panel.imshow(picture[rows, columns], extent=extent)


def _outline(panel: Axes, values: np.ndarray, level: float) -> None:
    """Draw where values pass a level, if they do."""
    limits = (panel.get_xlim(), panel.get_ylim())
    if values.min() < level <= values.max():
        lines = panel.contour(values, levels=[level], colors=[MARKS["frame"]], linewidths=0.7)
        lines.set_path_effects(_edged(0.7))
    panel.set(xlim=limits[0], ylim=limits[1])


def _mark(panel: Axes, row: Row, rows: slice, columns: slice) -> None:
    """A frame around a region of the truth, its line by whether the region is found; what fills the panel is framed at its edge."""
    margin = max(1, (rows.stop - rows.start) // 15)
    edge = max(1, (rows.stop - rows.start) // 20)
    top, bottom, left, right = (int(row[name]) for name in ("top", "bottom", "left", "right"))
    box = (
        max(top - margin, rows.start + edge),
        min(bottom + margin, rows.stop - edge),
        max(left - margin, columns.start + edge),
        min(right + margin, columns.stop - edge),
    )
    panel.add_patch(_frame(box, linewidth=1.2, linestyle=REGIONS["found" if row["found"] == "1" else "missed"]))


def _frame(box: tuple[int, int, int, int], **style: Any) -> Rectangle:
    """A frame around pixels (top, bottom, left, right), half open."""
    top, bottom, left, right = box
    corner = (left - 0.5, top - 0.5)
    frame = Rectangle(corner, right - left, bottom - top, fill=False, edgecolor=MARKS["frame"], zorder=OVER, **style)
    frame.set_path_effects(_edged(style["linewidth"]))
    return frame


def _edged(linewidth: float) -> list[withStroke]:
    """A dark edge, without which a line is lost on bright pixels."""
    return [withStroke(linewidth=linewidth + 0.9, foreground=MARKS["other"])]
