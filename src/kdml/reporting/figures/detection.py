"""Which regions of the truth are found: region by region, and the share of each size (claim 11)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import FOUND, MARKS, SMALL, canvas, colour_of, legend, number
from kdml.reporting.figures.layout import wrapped
from kdml.reporting.table_model import NOTHING, Row
from kdml.runs.graph import BASELINE, ENSEMBLE

BOTH = "both"  # of values.csv: found by every student
SIZES = ("small", "medium", "large")
METRICS = tuple(f"found_{size}" for size in SIZES)
LINE, SPACE, AROUND = 3.2, 1.2, 40  # millimetres of a line of a name, between two runs, of what stands around all
LETTERS = 26  # to a line of a name
TOTALS = {
    "students": (0.09, 0.31, 0.46),
    "ensemble": (0.63, 0.85, 1.0),
}  # where those of each size end, in widths of their part
WIDTHS = (4.1, 1.9)  # of the matrix and of the totals
STEPS = {0: "none", 1: "some", 2: "all"}
STEP = 1.2  # millimetres between networks of a run that stand below each other

Region = tuple[int, str, str]
"""Area, image and number, by which regions are ordered."""


def draw(data: Data) -> Figure:
    """A matrix: a column per region of the truth, by area; a row per run, in it a line per seed; the darker, the more students.

    Args:
        data: files `found` and `values` of variants and of networks trained alone at a place, and its `runs`.

    Raises:
        UserError: the test set has no region.
    """
    rows = data.rows("found")
    if not rows:
        raise UserError(f"{data.one('found')} has no rows: the test set has no region.", MAKE_AGAIN)
    of_runs: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: labels.run_order(row["run"])):
        of_runs.setdefault(row["run"], []).append(row)
    sizes = {_region(row): row["size"] for row in rows}
    columns = {region: place for place, region in enumerate(sorted(sizes))}
    titles = {row["run"]: row["title"] for row in data.rows("runs")}
    names = {run: wrapped(labels.run(run, titles), LETTERS) for run in of_runs}
    ends = np.cumsum([0, *(LINE * (1 + name.count("\n")) + SPACE for name in names.values())])
    figure = canvas(2, ends[-1] + AROUND)
    axes, beside = figure.subplots(1, 2, sharey=True, width_ratios=WIDTHS)
    beside.set_axis_off()
    values = [row for row in data.rows("values") if row["metric"] in METRICS and row["truth"] == "label"]
    for (run, mine), start, end in zip(of_runs.items(), ends, ends[1:] - SPACE, strict=False):
        _cells(axes, mine, columns, (start, end))
        _totals(beside, [row for row in values if row["run"] == run], (start + end) / 2)
    axes.set(xlim=(0, len(columns)), ylim=(ends[-1] - SPACE, 0))
    axes.set_yticks((ends[:-1] + ends[1:] - SPACE) / 2, [*names.values()])
    axes.tick_params(axis="y", length=0)
    _headings(axes, [sizes[region] for region in columns], values)
    _headings_of_totals(beside)
    areas = [region[0] for region in columns]
    axes.set_xticks([0.5, len(areas) - 0.5], [f"{areas[0]} px", f"{areas[-1]} px"])
    axes.set_xlabel(f"the {len(areas)} lesions of the test set, a column each, by area")
    axes.spines[:].set_visible(False)
    _legend(figure, rows)
    return figure


def _region(row: Row) -> Region:
    return int(row["area"]), row["id"], row["region"]


def _cells(axes: Axes, rows: Sequence[Row], columns: Mapping[Region, int], span: tuple[float, float]) -> None:
    """A line per seed; what a seed was not tested on stays white."""
    seeds = sorted({int(row["seed"]) for row in rows})
    cells = np.full((len(seeds), len(columns)), np.nan)
    for row in rows:
        cells[seeds.index(int(row["seed"])), columns[_region(row)]] = _step(int(row["found"]), int(row["networks"]))
    shades = ListedColormap([FOUND[step] for step in STEPS.values()])
    extent = (0, len(columns), span[1], span[0])
    axes.imshow(
        cells, aspect="auto", extent=extent, cmap=shades, vmin=min(STEPS), vmax=max(STEPS), interpolation="nearest"
    )


def _step(found: int, networks: int) -> int:
    return 2 if found == networks else int(found > 0)


def _totals(axes: Axes, values: Sequence[Row], height: float) -> None:
    """Percent of each size that every student finds, or the only network does, and that their ensemble finds."""
    of_network = {row["network"] for row in values}
    students = next((name for name in (BOTH, BASELINE, *sorted(of_network)) if name in of_network), "")
    for network, places in zip((students, ENSEMBLE), TOTALS.values(), strict=True):
        found = {row["metric"]: row["mean"] for row in values if row["network"] == network}
        for place, metric in zip(places, METRICS, strict=True):
            mean = number(found.get(metric, ""))
            style = {"ha": "right", "va": "center", "fontsize": SMALL, "transform": axes.get_yaxis_transform()}
            axes.text(place, height, NOTHING if np.isnan(mean) else f"{mean:.0f}", **style)


def _headings(axes: Axes, sizes: Sequence[str], values: Sequence[Row]) -> None:
    """Each size over its columns and over its totals, with its limits and how many there are."""
    said = {row["metric"].removeprefix("found_"): row for row in values}
    style = {"xycoords": axes.get_xaxis_transform(), "textcoords": "offset points", "fontsize": SMALL, "va": "bottom"}
    for size in SIZES:
        of_size = [column for column, of in enumerate(sizes) if of == size]
        if size in said and of_size:
            text = f"{size}: {said[size]['sizes']}\nn = {said[size]['of']}"
            axes.annotate(text, (np.mean(of_size) + 0.5, 1), (0, 3), ha="center", **style)
            axes.axvline(of_size[-1] + 1, color=MARKS["frame"], linewidth=1.6)


def _headings_of_totals(axes: Axes) -> None:
    style = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "fontsize": SMALL,
        "va": "bottom",
        "ha": "right",
    }
    for words, places in zip(("found by each student (%)", "by the ensemble (%)"), TOTALS.values(), strict=True):
        for size, place in zip(SIZES, places, strict=True):
            axes.annotate(size, (place, 1), (0, 3), **style)
        axes.annotate(words, (places[-1], 1), (0, 3 + 1.4 * SMALL), **style)


def _legend(figure: Figure, rows: Sequence[Row]) -> None:
    students = max(int(row["networks"]) for row in rows)
    seeds = len({row["seed"] for row in rows})
    words = {"all": "found by both students", "some": "by one", "none": "by none"}
    if students > 2:
        words = {"all": "found by every student", "some": "by some", "none": "by none"}
    marks: dict[str, Patch | Line2D] = {text: Patch(color=FOUND[step]) for step, text in words.items()}
    if seeds > 1:
        marks[f"{seeds} seeds below each other"] = Line2D([], [], linestyle="")
    legend(figure, marks)


def draw_by_size(data: Data) -> Figure:
    """A panel per size, a row per run, a mark per network: every student, each student alone, the ensemble.

    Args:
        data: files `values` of variants and of networks trained alone at a place, and its `runs`.

    Raises:
        UserError: the test set has no region.
    """
    rows = [row for row in data.rows("values") if row["metric"] in METRICS and row["truth"] == "label"]
    if not rows:
        raise UserError(f"{data.one('values')} has no rows of found regions.", MAKE_AGAIN)
    titles = {row["run"]: row["title"] for row in data.rows("runs")}
    of_runs: dict[str, list[str]] = {}  # networks, in the order in which they stand below each other
    for row in sorted(rows, key=lambda row: (labels.run_order(row["run"]), _order(row["network"]))):
        of_runs.setdefault(row["run"], []).append(row["network"])
    of_runs = {run: list(dict.fromkeys(networks)) for run, networks in of_runs.items()}
    names = [wrapped(labels.run(run, titles), LETTERS) for run in of_runs]
    needed = [
        max(LINE * (1 + name.count("\n")), STEP * len(of)) for name, of in zip(names, of_runs.values(), strict=True)
    ]
    ends = np.cumsum([0, *(height + SPACE for height in needed)])
    middles = dict(zip(of_runs, (ends[:-1] + ends[1:] - SPACE) / 2, strict=True))
    figure = canvas(2, ends[-1] + AROUND)
    panels = figure.subplots(1, len(SIZES), sharey=True)
    for axes, size, metric in zip(panels, SIZES, METRICS, strict=True):
        mine = [row for row in rows if row["metric"] == metric]
        for row in mine:
            networks = of_runs[row["run"]]
            height = middles[row["run"]] + STEP * (networks.index(row["network"]) - (len(networks) - 1) / 2)
            style = {"color": _colour(row["network"])}
            axes.plot([number(row["low"]), number(row["high"])], [height] * 2, linewidth=0.7, **style)
            axes.plot(number(row["mean"]), height, _marker(row["network"]), markersize=2.8, **style)
        axes.set_title(f"{size}: {mine[0]['sizes']}\nn = {mine[0]['of']}" if mine else size)
        axes.set(xlabel="found (%)", xlim=(-4, 104), xticks=range(0, 101, 25))
        axes.grid(axis="x")
    panels[0].set_yticks([*middles.values()], names)
    panels[0].set_ylim(ends[-1] - SPACE, 0)
    legend(figure, _marks({network for networks in of_runs.values() for network in networks}), 5)
    return figure


def _marks(networks: set[str]) -> dict[str, Line2D]:
    names = {name: labels.network(name) for name in sorted(networks, key=_order)}
    names |= {BOTH: "found by every student", BASELINE: "network trained alone"}
    ordered = [name for name in names if name in networks]
    return {names[name]: Line2D([], [], marker=_marker(name), color=_colour(name)) for name in ordered}


def _colour(network: str) -> str:
    """Colour of a network; what all students find is no network's, and grey."""
    return MARKS["paper"] if network == BOTH else colour_of(network)


def _marker(network: str) -> str:
    return "s" if network == BOTH else "o"


def _order(network: str) -> tuple[int, str]:
    """Sorting key of networks: single ones, what all students find, their ensemble."""
    return {"baseline": 0, "teacher": 1, "both": 3, "ensemble": 4}.get(network, 2), network
