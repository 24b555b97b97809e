"""Figures 4, 5, 7 and 9: what the networks predict on slices chosen by rule, regions of the truth marked as found or missed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from kdml.common.array_files import read_arrays
from kdml.common.files import MAKE_AGAIN
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import REGIONS, margins
from kdml.runs import predictions
from kdml.runs.graph import ENSEMBLE, STRATEGIES, STUDENTS, TECHNIQUES, VARIANTS


@dataclass(frozen=True)
class Slices:
    """Pictures and numbers that the panels show.

    Args:
        images: (k, h, w, 3).
        masks: (k, h, w).
        predicted: (run, network) -> quantised probabilities (k, h, w).
        described: rows on the slices.
        regions: rows on the regions of the truth.
    """

    images: np.ndarray
    masks: np.ndarray
    predicted: Mapping[tuple[str, str], np.ndarray]
    described: list[dict[str, str]]
    regions: list[dict[str, str]]


def draw(data: Data) -> Figure:
    """Panels as the figure's number asks for: rows of slices (and strategies), columns of techniques (or strategies) and students.

    Args:
        data: files `images` and `slices`; the option `number` of the figure.
    """
    slices = _read(data)
    number = int(data.options["number"])
    runs = [run for run in VARIANTS if any(of == run for of, _ in slices.predicted)]
    techniques = [t for t in TECHNIQUES if any(VARIANTS[run][0] == t for run in runs)]
    strategies = [s for s in STRATEGIES if any(VARIANTS[run][1] == s for run in runs)]
    shown = range(len(slices.images))
    if number == 4:
        columns = [(t, None, network) for t in techniques for network in STUDENTS]
        rows = [(place, None, strategy) for place in shown for strategy in strategies]
    elif number == 9:
        columns = [("kd_ml", s, network) for s in strategies for network in STUDENTS]
        rows = [(place, None, None) for place in shown]
    else:
        networks = (ENSEMBLE,) if number == 7 else STUDENTS
        columns = [(t, "v3", network) for t in techniques for network in networks]
        rows = [(place, None, None) for place in shown]
    return _panels(slices, rows, columns, as_mask=number == 7)


def _read(data: Data) -> Slices:
    arrays = dict(read_arrays(data.one("images"), MAKE_AGAIN))
    images, masks = arrays.pop("images"), arrays.pop("masks")
    predicted = {tuple(name.rsplit(".", 1)): array for name, array in arrays.items()}
    rows = data.rows("slices")
    described = [row for row in rows if row["kind"] == "slice"]
    return Slices(images, masks, predicted, described, [row for row in rows if row["kind"] == "region"])


def _panels(slices: Slices, rows, columns, as_mask: bool) -> Figure:
    side = 0.95 if len(columns) > 6 else 1.15
    figure = Figure(figsize=(side * (len(columns) + 1), side * len(rows) + 0.8))
    axes = figure.subplots(len(rows), len(columns) + 1, squeeze=False, gridspec_kw={"wspace": 0.04, "hspace": 0.06})
    for line, (place, _, strategy) in zip(axes, rows, strict=True):
        first = rows.index((place, _, strategy)) == next(i for i, row in enumerate(rows) if row[0] == place)
        _truth(line[0], slices, place, strategy, first)
        for panel, (technique, own, network) in zip(line[1:], columns, strict=True):
            run = f"{technique}_{own or strategy}"
            _prediction(panel, slices, place, run, network, as_mask)
    axes[0, 0].set_title("image, truth")
    for panel, (technique, own, network) in zip(axes[0, 1:], columns, strict=True):
        name = labels.run(f"{technique}_{own}") if own else TECHNIQUES[technique].title
        panel.set_title(f"{name}\n{labels.network(network)}")
    _legend(figure, as_mask)
    return figure


def _legend(figure: Figure, as_mask: bool) -> None:
    """What outlines and frames mean, and the scale of the probabilities."""
    height = figure.get_figheight()
    lines = [
        Line2D([], [], color=REGIONS["truth"], linewidth=0.8, label="outline of the truth"),
        Line2D([], [], color=REGIONS["found"], label="region found"),
        Line2D([], [], color=REGIONS["missed"], linestyle="--", label="region missed"),
    ]
    margins(figure, top=0.4, bottom=0.4)
    figure.subplots_adjust(left=0, right=1)  # labels stand outside
    figure.legend(handles=lines, loc="lower center", ncols=3, bbox_to_anchor=(0.5, 0.02 / height))
    if not as_mask:
        right = figure.subplotpars.right
        axes = figure.add_axes(
            (right + 0.12 / figure.get_figwidth(), 0.4 / height, 0.1 / figure.get_figwidth(), 0.9 / height)
        )
        bar = figure.colorbar(ScalarMappable(Normalize(0, 1), cmap="inferno"), cax=axes)
        bar.set_label("probability of lesion", fontsize=7)


def _truth(panel: Axes, slices: Slices, place: int, strategy: str | None, first: bool) -> None:
    _background(panel, slices, place)
    row = slices.described[place]
    lines = [STRATEGIES[strategy].title] if strategy else []
    if first:
        lines += [f"{row['group'][-12:]}", f"lesion {row['lesion']} px", f"mean IoU {100 * float(row['iou']):.0f} %"]
    panel.set_ylabel("\n".join(lines), rotation=0, ha="right", va="center", fontsize=7)


def _background(panel: Axes, slices: Slices, place: int) -> None:
    panel.imshow(slices.images[place])
    panel.contour(slices.masks[place] > 0, levels=[0.5], colors=[REGIONS["truth"]], linewidths=0.8)
    panel.set(xticks=[], yticks=[])
    panel.spines[:].set_visible(False)


def _prediction(panel: Axes, slices: Slices, place: int, run: str, network: str, as_mask: bool) -> None:
    _background(panel, slices, place)
    if (run, network) not in slices.predicted:
        panel.text(0.5, 0.5, "not run", transform=panel.transAxes, ha="center", va="center", color="white", fontsize=7)
        return
    quantised = slices.predicted[run, network][place]
    seen = predictions.marked(quantised).astype(float) if as_mask else predictions.dequantise(quantised)
    panel.imshow(seen, cmap="inferno", vmin=0, vmax=1, alpha=0.15 + 0.6 * seen if not as_mask else 0.6 * seen)
    for row in slices.regions:
        if (int(row["slice"]), row["run"], row["network"]) == (place, run, network):
            _mark(panel, row, slices.masks.shape[-1])


def _mark(panel: Axes, row: Mapping[str, str], side: int) -> None:
    """A frame around a region of the truth: green if it is found, orange and dashed if it is missed."""
    top, bottom, left, right = (int(row[name]) for name in ("top", "bottom", "left", "right"))
    margin = max(2, side // 40)
    found = row["found"] == "1"
    style = {
        "edgecolor": REGIONS["found" if found else "missed"],
        "linestyle": "-" if found else "--",
        "linewidth": 1.2,
        "fill": False,
    }
    corner = (left - margin, top - margin)
    panel.add_patch(Rectangle(corner, right - left + 2 * margin, bottom - top + 2 * margin, **style))
