"""Score against size: what a network or an ensemble is worth for its parameters."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import MARKS, TECHNIQUES, number
from kdml.reporting.table_model import Row
from kdml.runs.graph import ENSEMBLE, VARIANTS

WIDTH = 0.05  # of the panel's reach, to each side of a cost
LETTER = 0.032  # of the panel's reach: a letter of a name above the panel
MARKERS = {"v1": "o", "v2": "s", "v3": "D"}


def draw(data: Data) -> Figure:
    """Two panels: score against parameters, and against latency.

    Args:
        data: the file `scores`: scores of runs joined to costs of their networks.
    """
    rows = sorted(data.rows("scores"), key=lambda row: labels.run_order(row["run"]))
    if not rows:
        raise UserError(f"{data.one('scores')} has no rows: no run has a score to draw.", MAKE_AGAIN)
    some = rows[0]
    figure = Figure(figsize=(7.2, 3.2))
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, cost, scale in ((left, "parameters", 1e6), (right, "latency_ms", 1)):
        _panel(axes, rows, cost, scale)
    images = f"n = {some['cases']} test images"
    left.set(xlabel="parameters (million)", ylabel=f"{labels.metric(some['metric'])} (%), {images}")
    threads = labels.counted(some["threads"], "thread")
    right.set(xlabel=f"latency, ms per image of {some['size']} px (CPU, {threads})")
    marks = {labels.run(row["run"]): Line2D([], [], linestyle="", **_style(row["run"])) for row in rows}
    marks |= {text: Line2D([], [], color="white") for text in ("open: single networks", "filled: ensembles")}
    figure.legend(marks.values(), marks.keys(), loc="upper center", ncols=4, bbox_to_anchor=(0.5, 0.02))
    figure.tight_layout()
    return figure


def _panel(axes: Axes, rows: list[Row], cost: str, scale: float) -> None:
    kinds = {(row["of"], row["students"]): number(row[cost]) / scale for row in rows}
    reach = max(kinds.values()) - min(kinds.values()) or 1
    for x, mine in _of_equal_cost(rows, cost).items():
        for row, place in zip(mine, _side_by_side(mine), strict=True):
            _point(axes, row, x / scale + place * reach * WIDTH)
    front = sorted((number(row[cost]) / scale, number(row["mean"])) for row in rows if row[f"front_{cost}"] == "1")
    axes.step([x for x, _ in front], [y for _, y in front], where="post", color=MARKS["paper"], linestyle=":", zorder=0)
    axes.grid()
    _name_kinds(axes, kinds, reach)


def _of_equal_cost(rows: list[Row], cost: str) -> dict[float, list[Row]]:
    """Rows by their cost: networks of one architecture share it."""
    found: dict[float, list[Row]] = {}
    for row in rows:
        found.setdefault(number(row[cost]), []).append(row)
    return found


def _side_by_side(rows: list[Row]) -> list[float]:
    """Shifts from -1 to 1 of rows of equal cost, so that none hides another even if their scores are equal, too."""
    last = max(len(rows) - 1, 1)
    return [2 * place / last - 1 if len(rows) > 1 else 0.0 for place in range(len(rows))]


def _name_kinds(axes: Axes, kinds: Mapping[tuple[str, str], float], reach: float) -> None:
    """Say above the panel what costs so much; names that would run into each other stand above each other."""
    style = {
        "transform": axes.get_xaxis_transform(),
        "fontsize": 7,
        "color": MARKS["paper"],
        "va": "bottom",
        "ha": "center",
    }
    ends: list[float] = []  # of the last name in each line
    for (of, students), x in sorted(kinds.items(), key=lambda item: item[1]):
        name = f"{students} students" if of == ENSEMBLE else of.replace("_", " ")
        half = reach * LETTER * len(name) / 2
        line = next((place for place, end in enumerate(ends) if end < x - half), len(ends))
        ends[line : line + 1] = [x + half]
        axes.axvline(x, color=MARKS["paper"], linewidth=0.5, zorder=0)
        axes.text(x, 1.0 + 0.055 * line, name, **style)


def _style(run: str) -> dict[str, Any]:
    """Colour of the technique, mark of the strategy; networks trained alone are stars, own variants crosses."""
    technique, strategy = VARIANTS.get(run, (None, None))
    alone = run in labels.ALONE
    return {
        "color": TECHNIQUES.get(technique, MARKS["other"]),
        "marker": MARKERS.get(strategy, "*" if alone else "P"),
        "markersize": 8 if alone else 4,
    }


def _point(axes: Axes, row: Row, x: float) -> None:
    style, main = _style(row["run"]), row["run"] in labels.ALONE or row["of"] == ENSEMBLE
    axes.plot(x, number(row["mean"]), linestyle="", **style, **({} if main else {"mfc": "white"}))
    if main:
        ends = [number(row["low"]), number(row["high"])]
        axes.plot([x, x], ends, color=style["color"], linewidth=0.6, alpha=0.7)
