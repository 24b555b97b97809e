"""Validation scores of the grid search, a heat map per variant: the weight of the labels for S1 by that for S2."""

import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from kdml.reporting.data import Data
from kdml.reporting.figures.common import MAPS, MARKS, SMALL, canvas, legend, number
from kdml.runs.graph import STRATEGIES, TECHNIQUES

Setting = dict[str, str]
SIDE, AROUND = 48, 22  # millimetres of a map with its names, and of what stands around all
ROOMY, MOST = 7, 9  # settings in a row, up to which there is room for a decimal, and for their scores at all
BEST, PAPERS = "best of the grid", "the paper's weights"


def draw(data: Data) -> Figure:
    """Techniques in rows, strategies in columns, one colour scale for all.

    Args:
        data: the file `settings`, ranked.
    """
    settings = data.rows("settings")
    best = {(one["technique"], one["strategy"]): one for one in settings if one["best"] == "1"}
    techniques = [name for name in TECHNIQUES if any(key[0] == name for key in best)]
    strategies = [name for name in STRATEGIES if any(key[1] == name for key in best)]
    scores = [number(one["score"]) for one in settings]
    figure = canvas(2, SIDE * len(techniques) + AROUND)
    panels = figure.subplots(len(techniques), len(strategies), squeeze=False)
    drawn: list[QuadMesh] = []
    for line, technique in zip(panels, techniques, strict=True):
        for axes, strategy in zip(line, strategies, strict=True):
            mine = [one for one in settings if (one["technique"], one["strategy"]) == (technique, strategy)]
            if not mine:
                axes.set_axis_off()
                continue
            drawn.append(_panel(axes, mine, best.get((technique, strategy)), (min(scores), max(scores))))
        line[0].set_ylabel(f"{TECHNIQUES[technique].title}\nα of S1")
    for axes, strategy in zip(panels[0], strategies, strict=True):
        axes.set_title(STRATEGIES[strategy].title)
    for axes in panels[-1]:
        axes.set_xlabel("α′ of S2")
    figure.colorbar(drawn[0], ax=panels, shrink=0.5, label="validation score (%), mean of S1 and S2")
    papers = any(one["papers"] == "1" for one in settings)
    legend(figure, {BEST: _frame(), **({PAPERS: _frame(linestyle="--")} if papers else {})})
    return figure


def _frame(place: tuple[float, float] = (0, 0), inset: float = 0.03, linestyle: str = "-") -> Rectangle:
    """A frame around a setting, by its column and row; black with a light edge, to be seen on every colour."""
    corner, side = (place[0] + inset, place[1] + inset), 1 - 2 * inset
    style = {"fill": False, "linewidth": 1.4, "linestyle": linestyle, "edgecolor": MARKS["other"], "clip_on": False}
    return Rectangle(corner, side, side, **style, path_effects=[withStroke(linewidth=2.8, foreground=MARKS["frame"])])


def _panel(axes: Axes, settings: list[Setting], best: Setting | None, limits: tuple[float, float]) -> QuadMesh:
    rows, columns = (sorted({float(one[name]) for one in settings}) for name in ("alpha", "alpha_prime"))
    values = np.full((len(rows), len(columns)), np.nan)
    places = {}
    for one in settings:
        column, row = columns.index(float(one["alpha_prime"])), rows.index(float(one["alpha"]))
        values[row, column] = number(one["score"])
        places[one["alpha"], one["alpha_prime"]] = column, row
    seaborn.heatmap(
        values, ax=axes, vmin=limits[0], vmax=limits[1], cmap=MAPS["score"], cbar=False, square=True, linewidths=0.5,
        linecolor=MARKS["frame"], annot=len(columns) <= MOST, fmt=".1f" if len(columns) <= ROOMY else ".0f",
        annot_kws={"fontsize": SMALL}, xticklabels=[f"{x:g}" for x in columns], yticklabels=[f"{y:g}" for y in rows],
    )  # fmt: skip
    axes.tick_params(length=0, rotation=0)
    if papers := next((one for one in settings if one["papers"] == "1"), None):
        axes.add_patch(_frame(places[papers["alpha"], papers["alpha_prime"]], inset=0.13, linestyle="--"))
    if best:
        axes.add_patch(_frame(places[best["alpha"], best["alpha_prime"]]))
    return axes.collections[0]
