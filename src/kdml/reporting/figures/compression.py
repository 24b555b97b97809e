"""Score against cost: what networks and ensembles are worth, and what somebody gets who chooses by validation."""

import string
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import (
    ALONE,
    MARKS,
    OWN,
    SMALL,
    TECHNIQUES,
    canvas,
    colour_of,
    footnote,
    legend,
    number,
    width_of,
)
from kdml.reporting.figures.layout import apart
from kdml.reporting.table_model import Row
from kdml.runs.graph import ENSEMBLE, STRATEGIES, TEACHER, VARIANTS
from kdml.runs.graph import TECHNIQUES as KINDS

Column = tuple[str, str]
"""Kind of network (student, teacher, teacher_alone, ensemble), and how many students."""
COSTS = {
    "parameters": ("parameters (million)", 1e6),
    "latency_ms": ("latency, ms per image of {size} px (CPU, {threads})", 1),
}
NARROWEST = 5  # slots, so that the heading of a column has room
GAP = 1  # slots between columns
UPRIGHT = 3.2  # millimetres of a slot, below which labels are turned
LABEL = 0.16  # of a panel's width, that the name of a column needs
HEIGHT = 150
RING: Mapping[str, Any] = {"marker": "o", "markersize": 10, "mfc": "none", "color": MARKS["other"], "linestyle": ""}


def draw(data: Data) -> Figure:
    """Above, a column for every kind of network, in it a place for every run; below, the chosen ones against both costs.

    Chosen is what has the best validation score of all that costs the same: the best on the test set is not known beforehand.

    Args:
        data: the file `scores`: scores of runs joined to costs of their networks; and `runs` of the place.

    Raises:
        UserError: no run has a score.
    """
    rows = sorted(
        data.rows("scores"), key=lambda row: (labels.run_order(row["run"]), labels.network_order(row["network"]))
    )
    if not rows:
        raise UserError(f"{data.one('scores')} has no rows: no run has a score to draw.", MAKE_AGAIN)
    names = _names_of(rows)
    figure = canvas(2, HEIGHT)
    panels = figure.subplot_mosaic([["all", "all"], [*COSTS]], height_ratios=(1.45, 1))
    score = f"{labels.metric(rows[0]['metric'])} (%)"
    _columns(panels["all"], rows, names)
    panels["all"].set_ylabel(f"{score}, n = {rows[0]['cases']} test images")
    for cost in COSTS:
        _chosen(panels[cost], [row for row in rows if row["chosen"] == "1"], cost, names)
        panels[cost].set_ylabel(f"{score}, chosen by validation")
    legend(figure, _marks(rows), 6)
    titles = {row["run"]: row["title"] for row in data.rows("runs")}
    own = [f"{name}: {labels.run(run, titles)}" for run, name in names.items() if len(name) == 1]
    footnote(figure, f"Own variants: {'; '.join(own)}." if own else "")
    return figure


def _by_column(rows: Sequence[Row]) -> dict[Column, dict[str, list[Row]]]:
    """Networks by column and run, columns by their parameters; a network that several runs share stands there once."""
    found: dict[Column, dict[str, list[Row]]] = {}
    for row in sorted(rows, key=lambda row: number(row["parameters"])):
        runs = found.setdefault((row["of"], row["students"]), {})
        if not any(_are_one(row, other) for others in runs.values() for other in others):
            runs.setdefault(row["run"], []).append(row)
    return found


def _are_one(row: Row, other: Row) -> bool:
    """Tell whether rows are of one teacher: students that only listen leave it as it is under every strategy of a technique."""
    same = all(row[name] == other[name] for name in ("mean", "low", "high"))
    return row["network"] == other["network"] == TEACHER and same and _technique(row["run"]) == _technique(other["run"])


def _technique(run: str) -> str:
    return VARIANTS[run][0] if run in VARIANTS else run


def _columns(axes: Axes, rows: Sequence[Row], names: Mapping[str, str]) -> None:
    columns = _by_column(rows)
    widths = [max(len(runs), NARROWEST) + GAP for runs in columns.values()]
    starts = np.cumsum([0, *widths])
    slot = width_of(axes.figure) * 0.9 / starts[-1]
    axes.set_xlim(0, starts[-1])
    for start, width, (column, runs) in zip(starts, widths, columns.items(), strict=False):
        inset = start + (width - len(runs)) / 2
        for place, (run, mine) in enumerate(sorted(runs.items(), key=lambda item: labels.run_order(item[0]))):
            _slot(axes, mine, inset + place + 0.5)
            shared = mine[0]["network"] == TEACHER and sum(_technique(of) == _technique(run) for of in runs) == 1
            top = max(_top(row) for row in mine)
            _label(axes, "" if shared else names[run], inset + place + 0.5, top, slot)
        first = next(iter(runs.values()))[0]
        _heading(axes, column, first, start + width / 2)
        axes.axvline(start + width, color=MARKS["unused"], linewidth=0.6)
    axes.set_xticks([])
    axes.margins(y=0.12)
    axes.grid(axis="y")


def _slot(axes: Axes, rows: Sequence[Row], x: float) -> None:
    """Networks of one run of equal cost, beside each other."""
    for place, row in enumerate(rows):
        shift = (place - (len(rows) - 1) / 2) * 0.7 / len(rows)
        mean, low, high = (number(row[name]) for name in ("mean", "low", "high"))
        axes.plot([x + shift] * 2, [low, high], color=colour_of(row["network"]), linewidth=0.7, alpha=0.6)
        axes.plot(x + shift, mean, linestyle="", color=colour_of(row["network"]), **_marker(row["run"]))
        if row["chosen"] == "1":
            axes.plot(x + shift, mean, **RING)


def _top(row: Row) -> float:
    return float(np.nanmax([number(row["mean"]), number(row["high"])]))


def _names_of(rows: Sequence[Row]) -> dict[str, str]:
    """What tells a run from others of its technique: the strategy; for own variants a letter; nothing for networks alone."""
    own = dict.fromkeys(row["run"] for row in rows if row["run"] not in VARIANTS and row["run"] not in labels.ALONE)
    letters = dict(zip(own, string.ascii_uppercase, strict=False))
    return {
        row["run"]: STRATEGIES[VARIANTS[row["run"]][1]].title if row["run"] in VARIANTS else letters.get(row["run"], "")
        for row in rows
    }


def _label(axes: Axes, text: str, x: float, y: float, slot: float) -> None:
    style = {"xytext": (0, 1.5), "textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": SMALL}
    axes.annotate(text, (x, y), rotation=90 if slot < UPRIGHT and len(text) > 1 else 0, **style)


def _heading(axes: Axes, column: Column, row: Row, x: float) -> None:
    """What costs so much, and how much."""
    costs = f"{number(row['parameters']) / 1e6:.3g} M param.\n{number(row['latency_ms']):.1f} ms"
    style = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "bottom", "fontsize": SMALL}
    axes.text(x, 1.01, f"{_title(column)}\n{costs}", **style)


def _title(column: Column) -> str:
    of, students = column
    return f"{students} students" if of == ENSEMBLE else {"student": "one student"}.get(of, of.replace("_", " "))


def _marker(run: str) -> dict[str, Any]:
    """Marker of the technique; networks trained alone and own variants have theirs."""
    if run in VARIANTS:
        return {"marker": TECHNIQUES[VARIANTS[run][0]], "markersize": 4}
    return {"marker": ALONE, "markersize": 7} if run in labels.ALONE else {"marker": OWN, "markersize": 5}


def _chosen(axes: Axes, rows: Sequence[Row], cost: str, names: Mapping[str, str]) -> None:
    """The chosen network of every column on a true scale, and the front of those that no cheaper one beats."""
    title, scale = COSTS[cost]
    points = [(number(row[cost]) / scale, number(row["mean"])) for row in rows]
    for (x, y), row in zip(points, rows, strict=True):
        axes.plot([x, x], [number(row["low"]), number(row["high"])], color=colour_of(row["network"]), linewidth=0.9)
        axes.plot(x, y, linestyle="", color=colour_of(row["network"]), **_marker(row["run"]))
    front = sorted(point for point, row in zip(points, rows, strict=True) if row[f"front_{cost}"] == "1")
    if rows:
        axes.set_xlim(0, 1.08 * max(x for x, _ in points))
        axes.margins(y=0.1)
        front += [(axes.get_xlim()[1], y) for _, y in front[-1:]]
        threads = labels.counted(rows[0]["threads"], "thread")
        axes.set_xlabel(title.format(size=rows[0]["size"], threads=threads))
    axes.step([x for x, _ in front], [y for _, y in front], where="post", color=MARKS["paper"], linestyle=":", zorder=0)
    _name(axes, points, rows, names)
    axes.grid()


def _name(axes: Axes, points: Sequence[tuple[float, float]], rows: Sequence[Row], names: Mapping[str, str]) -> None:
    """The column of each point above the panel, apart from each other, and its strategy beside it."""
    low, high = axes.get_xlim()
    places = apart([x for x, _ in points], LABEL * (high - low))
    above = {
        "xycoords": axes.get_xaxis_transform(),
        "textcoords": axes.get_xaxis_transform(),
        "ha": "center",
        "va": "bottom",
    }
    line = {"arrowstyle": "-", "color": MARKS["paper"], "linewidth": 0.5, "shrinkA": 0, "shrinkB": 0}
    for (x, y), place, row in zip(points, places, rows, strict=True):
        name = "\n".join(_title((row["of"], row["students"])).split())
        axes.annotate(name, (x, 1.0), (place, 1.05), fontsize=SMALL, arrowprops=line, **above)
        if row["network"] != TEACHER:  # which often is one and the same network under all strategies
            axes.annotate(names[row["run"]], (x, y), (3, 3), textcoords="offset points", fontsize=SMALL)


def _marks(rows: Sequence[Row]) -> dict[str, Line2D]:
    """Markers of techniques in black, hues of networks as dots, and the front."""
    kinds = dict.fromkeys(VARIANTS[row["run"]][0] for row in rows if row["run"] in VARIANTS)
    marks = {
        KINDS[technique].title: Line2D([], [], linestyle="", color=MARKS["note"], marker=TECHNIQUES[technique])
        for technique in kinds
    }
    if any(row["run"] in labels.ALONE for row in rows):
        marks["trained alone"] = Line2D([], [], linestyle="", color=MARKS["note"], marker=ALONE, markersize=7)
    if any(row["run"] not in VARIANTS and row["run"] not in labels.ALONE for row in rows):
        marks["own variant"] = Line2D([], [], linestyle="", color=MARKS["note"], marker=OWN)
    networks = sorted({row["network"] for row in rows if row["run"] not in labels.ALONE}, key=labels.network_order)
    marks |= {labels.network(name): Line2D([], [], color=colour_of(name), linewidth=3) for name in networks}
    marks["chosen by validation"] = Line2D([], [], **RING)
    marks["front of the chosen"] = Line2D([], [], color=MARKS["paper"], linestyle=":")
    return marks
