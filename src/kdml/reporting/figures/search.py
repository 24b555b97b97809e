"""Validation scores of the grid search, a heat map per variant: the weight of the labels for S1 by that for S2."""

import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kdml.reporting.data import Data
from kdml.reporting.figures.common import MARKS, number
from kdml.runs.graph import STRATEGIES, TECHNIQUES

Setting = dict[str, str]
SIDE = 1.5  # inches of a map


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
    figure = Figure(figsize=(SIDE * len(strategies) + 1.7, SIDE * len(techniques) + 0.9))
    panels = figure.subplots(len(techniques), len(strategies), squeeze=False)
    for line, technique in zip(panels, techniques, strict=True):
        for axes, strategy in zip(line, strategies, strict=True):
            mine = [one for one in settings if (one["technique"], one["strategy"]) == (technique, strategy)]
            _panel(axes, mine, best.get((technique, strategy)), (min(scores), max(scores)))
        line[0].set_ylabel(f"{TECHNIQUES[technique].title}\nα of S1")
    for axes, strategy in zip(panels[0], strategies, strict=True):
        axes.set_title(STRATEGIES[strategy].title)
    for axes in panels[-1]:
        axes.set_xlabel("α′ of S2")
    figure.tight_layout(rect=(0, 0, 0.88, 1))
    _colour_bar(figure, next(axes for axes in panels.flat if axes.collections))
    return figure


def _panel(axes: Axes, settings: list[Setting], best: Setting | None, limits: tuple[float, float]) -> None:
    if not settings:
        axes.set_axis_off()
        return
    rows, columns = (sorted({float(one[name]) for one in settings}) for name in ("alpha", "alpha_prime"))
    values = np.full((len(rows), len(columns)), np.nan)
    for one in settings:
        values[rows.index(float(one["alpha"])), columns.index(float(one["alpha_prime"]))] = number(one["score"])
    seaborn.heatmap(
        values, ax=axes, vmin=limits[0], vmax=limits[1], cmap="cividis", cbar=False, annot=True, fmt=".1f", linewidths=0.5,
        annot_kws={"fontsize": 7}, square=True, xticklabels=[f"{x:g}" for x in columns], yticklabels=[f"{y:g}" for y in rows],
    )  # fmt: skip
    axes.tick_params(axis="y", rotation=0)
    papers = next((one for one in settings if one["papers"] == "1"), None)
    framed = [] if papers is None else [(papers, {"linestyle": "--", "edgecolor": MARKS["papers_weights"]})]
    for one, style in (*framed, (best, {"edgecolor": MARKS["other"]})):
        place = columns.index(float(one["alpha_prime"])), rows.index(float(one["alpha"]))
        inset = 0.12 if one is papers else 0.03
        corner = place[0] + inset, place[1] + inset
        axes.add_patch(
            Rectangle(corner, 1 - 2 * inset, 1 - 2 * inset, fill=False, linewidth=1.4, **style, clip_on=False)
        )


def _colour_bar(figure: Figure, panel: Axes) -> None:
    axes = figure.add_axes((0.9, 0.3, 0.025, 0.4))
    bar = figure.colorbar(panel.collections[0], cax=axes)
    bar.set_label("validation score (%), mean of S1 and S2")
