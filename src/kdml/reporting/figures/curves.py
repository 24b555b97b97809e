"""Learning curves of a table's runs, a panel per run: validation scores over seeds, and every seed with its loss terms."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import offset_copy

from kdml.analysis.metrics import PRIMARY
from kdml.common.errors import UserError
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import MARKS, SMALL, STYLE, TALLEST, TERMS, colour_of, legend, number
from kdml.reporting.figures.layout import Block, apart, columns_of_legend, heading, page, wrapped
from kdml.reporting.places import role_of
from kdml.reporting.table_model import Row
from kdml.runs.graph import BASELINE, STRATEGIES, TEACHER, TECHNIQUES, VARIANTS
from kdml.runs.run_table import SEPARATOR

PANEL, AROUND, OUTSIDE = 32, 20, 12  # millimetres of a panel, of what stands around those of a place, and around all
ACROSS = 4  # panels beside each other, as many as there are techniques
LETTERS = 24  # to a line of a panel's title
THIN = 0.6  # points, of a single seed
NAMES = 0.5  # of the curves' width, for names of terms behind them
NAME = 0.17  # of a panel's height, that a name needs
RANGE = "lowest to highest seed"
DOT: Mapping[str, Any] = {"marker": "o", "markersize": 3, "markeredgewidth": 0, "linestyle": ""}
KINDS: Mapping[str, str] = {
    "predictions": "predictions",
    "features": "features",
    "supervised": "labels",
    "own": "the method's own, named",
}
STEPS = ((1, 2, 5), (1, 3), (1,))  # numbers within a decade that an axis may show, for ever longer axes
MOST = 5  # of them


@dataclass(frozen=True)
class Panel:
    """Curves of one run.

    Args:
        title: of the run.
        rows: of curves.csv or bands.csv.
        strategy: named beside it, where the title does not.
    """

    title: str
    rows: Sequence[Row]
    strategy: str = ""


@dataclass(frozen=True)
class Grid:
    """Panels of one place.

    Args:
        heading: of the place.
        score: metric that its networks are validated by.
        lines: of panels, with nothing where a technique lacks a strategy.
    """

    heading: str
    score: str
    lines: Sequence[Sequence[Panel | None]]

    @property
    def rows(self) -> Iterator[Row]:
        """Rows of all panels."""
        return (row for line in self.lines for panel in line if panel for row in panel.rows)


def draw_bands(data: Data) -> Figure:
    """Validation score by epoch: a line per network, the mean over seeds, in a band from the lowest to the highest seed.

    Args:
        data: files `bands:PLACE` and `runs:PLACE`; the option `kind` of the table.

    Raises:
        UserError: nothing was trained.
    """
    grids = _grids(data, "bands", lambda row: (row["part"], row["term"]) == ("validation", "score"))
    figure = _page(grids, _scores, lambda grid: f"{labels.metric(grid.score)} on\nvalidation images (%)", shared=True)
    rows = [row for grid in grids for row in grid.rows]
    marks = _networks({row["network"] for row in rows})
    if any(int(row["seeds"]) > 1 for row in rows):
        marks[RANGE] = Patch(color=MARKS["paper"], alpha=0.25, linewidth=0)
    legend(figure, marks, 8)
    return figure


def draw_runs(data: Data) -> Figure:
    """Loss terms before weighting by epoch, a thin line per seed: its hue is the learner, its stroke what it learns from.

    Args:
        data: files `curves:PLACE` and `runs:PLACE`; the option `kind` of the table.

    Raises:
        UserError: nothing was trained.
    """
    grids = _grids(data, "curves", lambda row: row["part"] == "train" and row["term"] != "total")
    alike = data.options["kind"] != "methods"  # of which every one has terms on scales of their own
    figure = _page(grids, _terms, lambda grid: "loss term before\nweighting (log scale)", alike)
    rows = [row for grid in grids for row in grid.rows]
    terms = {_parsed(row["term"]) for row in rows}
    sources = {source for _, source in terms} - {""}
    marks = _networks({row["network"] for row in rows} | sources)
    used = {kind for kind, _ in terms}
    marks |= {
        word: Line2D([], [], color=MARKS["note"], linestyle=TERMS[kind]) for kind, word in KINDS.items() if kind in used
    }
    if sources:
        marks["dot at the end: who sends"] = Line2D([], [], color=MARKS["note"], **DOT)
    legend(figure, marks, columns_of_legend(figure) if "own" in used else 7)  # its name is long
    return figure


def _networks(names: set[str]) -> dict[str, Artist]:
    names_shown = {name: "trained alone" if name == BASELINE else labels.network(name) for name in names}
    ordered = sorted(names, key=labels.network_order)
    return {names_shown[name]: Line2D([], [], color=colour_of(name)) for name in ordered}


# What is shown, and where


def _grids(data: Data, kind: str, wanted: Callable[[Row], bool]) -> list[Grid]:
    """Panels of every place; a network trained alone comes once, though several pairs may have it."""
    found, seen = [], set()
    alone = data.options["kind"] == "baselines"
    for label in data.places(kind):
        runs, of_runs = data.rows(f"runs:{label}"), defaultdict(list)
        for row in filter(wanted, data.rows(f"{kind}:{label}")):
            of_runs[row["run"]].append(row)
        titles = {row["run"]: row["title"] for row in runs if row["title"]}
        if alone:
            networks = {run: runs[0][f"{role_of(run)}_network"] for run in of_runs if run in labels.ALONE}
            protocol, task, _ = label.split("/")
            new = {run for run, network in networks.items() if (protocol, task, network) not in seen}
            seen |= {(protocol, task, networks[run]) for run in new}
            of_runs = {run: of_runs[run] for run in new}
            titles = {run: runs[0][f"{role_of(run)}_title"] or networks[run] for run in new}
        if of_runs:
            lines = _variants(of_runs, titles) if data.options["kind"] == "results" else _titles(of_runs, titles)
            found.append(Grid(_heading(label, runs[0], alone), _score(runs[0]), lines))
    if not found:
        raise UserError("None of these runs has a curve to draw.", "add runs to `run` in the configuration")
    return found


def _heading(label: str, first: Row, alone: bool) -> str:
    protocol, _, pair = label.split("/")
    return heading(first["task_title"], "" if alone else pair, protocol)


def _score(first: Row) -> str:
    """What validation measures: the metric that tasks of this kind are judged by."""
    return next(metric for metric in PRIMARY.values() if metric in first["metrics"].split(SEPARATOR))


def _variants(of_runs: Mapping[str, list[Row]], titles: Mapping[str, str]) -> list[list[Panel | None]]:
    """Strategies in rows, techniques in columns; below them other runs."""
    papers = {VARIANTS[run]: rows for run, rows in of_runs.items() if run in VARIANTS}
    techniques = [name for name in TECHNIQUES if any(technique == name for technique, _ in papers)]
    lines: list[list[Panel | None]] = []
    for strategy in [name for name in STRATEGIES if any(of == name for _, of in papers)]:
        line: list[Panel | None] = [
            Panel("" if lines else TECHNIQUES[technique].title, papers[technique, strategy], STRATEGIES[strategy].title)
            if (technique, strategy) in papers
            else None
            for technique in techniques
        ]
        lines.append(line)
    return _filled(lines + _titles({run: rows for run, rows in of_runs.items() if run not in VARIANTS}, titles))


def _titles(of_runs: Mapping[str, list[Row]], titles: Mapping[str, str]) -> list[list[Panel | None]]:
    """Runs in their order, each under its title."""
    panels: list[Panel | None] = [
        Panel(labels.run(run, titles), of_runs[run]) for run in sorted(of_runs, key=labels.run_order)
    ]
    return _filled([panels[start : start + ACROSS] for start in range(0, len(panels), ACROSS)])


def _filled(lines: Sequence[list[Panel | None]]) -> list[list[Panel | None]]:
    """Lines of equal length."""
    longest = max(map(len, lines), default=0)
    return [line + [None] * (longest - len(line)) for line in lines]


# Panels


def _page(
    grids: Sequence[Grid], draw: Callable[[Axes, Panel], None], scale: Callable[[Grid], str], shared: bool
) -> Figure:
    """All panels of all places; those of a place share their scales."""
    height = min(PANEL, (TALLEST - OUTSIDE - AROUND * len(grids)) / sum(len(grid.lines) for grid in grids))
    figure, parts = page([Block(grid.heading, ACROSS, height * len(grid.lines) + AROUND) for grid in grids], OUTSIDE)
    for grid, part in zip(grids, parts, strict=True):
        panels = part.subplots(len(grid.lines), len(grid.lines[0]), squeeze=False, sharex=shared, sharey=shared)
        for axes, panel in zip(panels.flat, (panel for line in grid.lines for panel in line), strict=True):
            if panel is None:
                axes.set_axis_off()
                continue
            axes.set_title(wrapped(panel.title, LETTERS), fontsize=SMALL + 0.5)
            draw(axes, panel)
            last = max(int(row["epoch"]) for row in panel.rows) + 1
            epochs = MaxNLocator(integer=True, nbins=5, min_n_ticks=1).tick_values(1, last)
            axes.set_xticks([epoch for epoch in epochs if 1 <= epoch <= last])
        _name(part, grid, panels, scale(grid))
    return figure


def _name(part: SubFigure, grid: Grid, panels: np.ndarray, scale: str) -> None:
    """Say what the scales are, and at the left the strategies; the lowest panel of a column has the numbers of its epochs."""
    for column, line in zip(panels.T, zip(*grid.lines, strict=True), strict=True):
        axes = next(axes for axes, panel in zip(column[::-1], line[::-1], strict=True) if panel)
        axes.tick_params(axis="x", labelbottom=True)
    for axes, line in zip(panels[:, 0], grid.lines, strict=True):
        strategy = next((panel.strategy for panel in line if panel), "")
        axes.set_ylabel(strategy, rotation=0, ha="right", va="center", fontweight="bold")
    style = {"fontsize": STYLE["rc"]["axes.labelsize"], "fontweight": "normal"}
    part.supylabel(scale, **style)
    part.supxlabel("epoch", **style)


def _scores(axes: Axes, panel: Panel) -> None:
    """Mean and range over seeds, in percent."""
    for network, rows in _by(panel.rows, "network"):
        ordered = sorted(rows, key=lambda row: int(row["epoch"]))
        epochs = [int(row["epoch"]) + 1 for row in ordered]
        low, mean, high = ([100 * number(row[name]) for row in ordered] for name in ("low", "mean", "high"))
        axes.fill_between(epochs, low, high, color=colour_of(network), alpha=0.25, linewidth=0)
        axes.plot(epochs, mean, color=colour_of(network), **_marked(epochs))
    axes.grid()


def _terms(axes: Axes, panel: Panel) -> None:
    """A line per learner, term and seed; terms of a method's own are named behind their curves."""
    ends: dict[str, float] = {}
    last = max(int(row["epoch"]) for row in panel.rows) + 1
    for place, (network, of_network) in enumerate(_by(panel.rows, "network")):
        # Curves of two learners may coincide, as those of students who teach each other nearly do; their dots stand side by side.
        beside = offset_copy(axes.transData, axes.get_figure(root=True), x=place * DOT["markersize"], units="points")
        for term, of_term in _by(of_network, "term"):
            kind, source = _parsed(term)
            for _, rows in _by(of_term, "seed"):
                points = sorted((int(row["epoch"]) + 1, number(row["value"])) for row in rows)
                style = {"color": colour_of(network), "linewidth": THIN, "linestyle": TERMS[kind]}
                axes.plot(*zip(*points, strict=True), **style)
                if source:
                    axes.plot(*points[-1], color=colour_of(source), transform=beside, clip_on=False, **DOT)
                if kind == "own":
                    ends.setdefault(term.replace("_", " "), points[-1][1])
    _logarithmic(axes, [number(line) for shown in axes.lines for line in shown.get_ydata()])
    if ends:
        axes.set_xlim(right=last + NAMES * max(last - 1, 1))
        _named(axes, ends, last)


def _marked(epochs: Sequence[int]) -> dict[str, Any]:
    """Dots on the epochs where they are few."""
    return {"marker": ".", "markersize": 3} if len(epochs) < 8 else {}


def _parsed(term: str) -> tuple[str, str]:
    """What a term is (a key of `KINDS`), and who sends it: `features_from_s1`, or `kd` of a method beside its own terms."""
    knowledge, _, source = term.partition("_from_")
    if term == "kd":
        return "predictions", TEACHER
    return (knowledge, source) if knowledge in KINDS else ("own", "")


def _named(axes: Axes, ends: Mapping[str, float], x: float) -> None:
    """Names of terms at the ends of their curves, apart from each other."""
    to_scale, limits = axes.yaxis.get_transform().transform, axes.get_ylim()
    low, high = to_scale(np.array(limits))
    places = apart(list((to_scale(np.array([*ends.values()])) - low) / (high - low)), NAME)
    for name, place in zip(ends, places, strict=True):
        style = {
            "xycoords": axes.get_xaxis_transform(),
            "textcoords": "offset points",
            "fontsize": SMALL,
            "va": "center",
        }
        axes.annotate(name, (x, place), (2, 0), **style)


def _by(rows: Sequence[Row], name: str) -> list[tuple[str, list[Row]]]:
    """Rows by a column, in the order in which its values are always shown."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[name]].append(row)
    order: Mapping[str, Callable[[str], Any]] = {"network": labels.network_order, "seed": int}
    return sorted(groups.items(), key=lambda item: order.get(name, str)(item[0]))


# Scales


def _logarithmic(axes: Axes, values: Sequence[float]) -> None:
    """A log scale with numbers; where some terms are negative, as a critic's or a likelihood's, one that is linear around zero."""
    sizes = sorted(abs(value) for value in values if value)
    if not sizes:
        return
    if min(values) >= 0:
        axes.set_yscale("log")
        ticks = _ticks(*axes.get_ylim())
    else:
        near = max(sizes[0], 1e-2 * sizes[-1])
        axes.set_yscale("symlog", linthresh=near)
        positive = [tick for tick in (_ticks(near, sizes[-1])) if tick <= sizes[-1]][-2:]
        ticks = [*(-tick for tick in positive if min(values) < -near), 0.0, *positive]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))


def _ticks(low: float, high: float) -> list[float]:
    """A few round numbers between two; there are always two of them at least, whatever the decades."""
    for steps in STEPS:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        ticks = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
        if 2 <= len(ticks) <= MOST:
            return ticks
    if len(ticks) > MOST:
        return ticks[:: math.ceil(len(ticks) / MOST)]
    return [float(tick) for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]
