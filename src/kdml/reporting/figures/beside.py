"""Ours beside the paper's for one result table: a forest of ensembles with intervals, and a scatter of all networks and metrics.

Where the paper has no number, ours stand alone.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdml.common.errors import UserError
from kdml.paper import numbers
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import MARKS, colour_of, footnote, margins, number
from kdml.reporting.places import PlaceResults, compared_network, read_places, role_of, title_of_network, trained_alone
from kdml.reporting.table_model import Row
from kdml.runs.graph import BASELINE, ENSEMBLE, PROPOSED, TEACHER

LINE = 0.14  # inches of a line of a title
OURS, PAPERS = "ours, 95 % interval", "paper, mean ± SD"


@dataclass(frozen=True)
class Shown:
    """One number of ours, and the paper's if it has one.

    Args:
        place: where it was run.
        run: name of the run.
        title: of the run.
        metric: that was measured.
        row: of values.csv.
        paper: mean and SD.
        in_forest: whether the forest shows it; the scatter shows all that the paper has.
    """

    place: PlaceResults
    run: str
    title: str
    metric: str
    row: Row
    paper: numbers.Value | None
    in_forest: bool

    @property
    def panel(self) -> tuple[str, str, str, str]:
        """Protocol, task, pair and metric; networks trained alone belong to no pair."""
        pair = "" if self.row["network"] == BASELINE else self.place.pair
        return self.place.protocol, self.place.task, pair, self.metric


def draw(data: Data) -> Figure:
    """Forest panels, one per task and metric, and the scatter on the right.

    Args:
        data: files `runs:PLACE` and `values:PLACE`; the option `kind` of the table (results, baselines, methods, fidelity).

    Raises:
        UserError: nothing was measured.
    """
    kind = data.options["kind"]
    shown = [one for one in _shown(read_places(data), kind) if one.row["mean"] not in ("", "nan")]
    forest = [one for one in shown if one.in_forest]
    if not forest:
        raise UserError("None of these runs has a value to draw.", "add runs to `run` in the configuration")
    compared = [one for one in shown if one.paper is not None]
    figure, panels = _panels(forest, scatter=bool(compared))
    for axes, (panel, named) in zip(figure.axes, panels, strict=False):
        _forest(axes, [one for one in forest if one.panel == panel], named)
    if compared:
        _scatter(figure.axes[-1], compared)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="lower left", ncols=2, bbox_to_anchor=(0.0, 1.0))
    margins(figure, top=0.15 + LINE * max(axes.get_title().count("\n") + 1 for axes in figure.axes), bottom=0.55)
    departures = dict.fromkeys(part for one in compared for part in one.row["departures"].split("; ") if part)
    footnote(figure, f"Our runs depart from the paper: {'; '.join(departures)}." if departures else "")
    return figure


def _shown(places: Sequence[PlaceResults], kind: str) -> Iterator[Shown]:
    """Values in the metrics that tables show, by place, run and network."""
    for place, run, title, networks in _runs(places, kind):
        values, papers = place.by_key(TEACHER if kind == "fidelity" else "label"), place.papers(kind)
        measured = [network for of, network, _ in values if of == run]
        main = (ENSEMBLE,) if ENSEMBLE in measured and networks is None else networks or tuple(measured)
        for network in dict.fromkeys(measured):
            for metric in place.metrics:
                if (key := (run, network, metric)) in values and (networks is None or network in networks):
                    yield Shown(place, run, title, metric, values[key], papers.get(key), network in main)


def _runs(places: Sequence[PlaceResults], kind: str) -> Iterator[tuple[PlaceResults, str, str, tuple[str, ...] | None]]:
    """(place, run, title, its networks to show or None for all) of a table."""
    if kind == "baselines":
        for place, run in trained_alone(places).values():
            yield place, run, title_of_network(place, role_of(run)), (BASELINE,)
        return
    for place in places:
        for run in place.names("methods" if kind == "methods" else "variants"):
            title = labels.run(run, None if run == PROPOSED else place.titles)
            yield place, run, title, (compared_network(run),) if kind == "methods" else None


def _panels(forest: Sequence[Shown], scatter: bool) -> tuple[Figure, list[tuple[tuple, bool]]]:
    """Empty panels, and for each of the forest what it shows and whether its runs are named."""
    keys = list(dict.fromkeys(one.panel for one in forest))
    panels = [(key, place == 0 or key[:3] != keys[place - 1][:3]) for place, key in enumerate(keys)]
    named = sum(names for _, names in panels)
    lines = max(sum(one.panel == key for one in forest) for key in keys)
    letters = max(len(line) for one in forest for line in _wrapped(one.title))
    names = 0.35 + 0.06 * letters if named > 1 else 0.6  # inches between panels
    figure = Figure(figsize=((1.7 + names) * len(keys) + (3.2 if scatter else 0.2), max(2.9, 0.22 * lines + 1.8)))
    space = names / 1.7
    ratios = [1.0] * len(keys) + ([1.25] if scatter else [])
    grid = figure.add_gridspec(1, len(ratios), width_ratios=ratios, wspace=space)
    for place in range(len(ratios)):
        figure.add_subplot(grid[place])
    return figure, panels


def _forest(axes: Axes, shown: Sequence[Shown], named: bool) -> None:
    shown = sorted(shown, key=lambda one: labels.run_order(one.run), reverse=True)
    for height, one in enumerate(shown):
        mean, low, high = (number(one.row[name]) for name in ("mean", "low", "high"))
        colour, shift = colour_of(one.row["network"]), 0.13 if one.paper else 0.0
        axes.plot([low, high], [height + shift] * 2, color=colour, linewidth=1.4)
        axes.plot(mean, height + shift, "o", color=colour, label=OURS if height == 0 else None)
        if one.paper:
            style = {"fmt": "D", "mfc": "white", "color": MARKS["paper"], "markersize": 4, "linewidth": 1}
            theirs, spread = one.paper
            axes.errorbar(theirs, height - 0.17, xerr=spread, label=_once(axes, PAPERS), **style)
    axes.set_yticks(
        range(len(shown)), ["\n".join(_wrapped(one.title)) for one in shown] if named else [""] * len(shown)
    )
    axes.set_ylim(-0.7, len(shown) - 0.3)
    axes.grid(axis="x")
    one = shown[0]
    protocol, _, pair, metric = one.panel
    lines = (*textwrap.wrap(one.place.title, 26), pair, f"{protocol} split, n = {one.row['cases']}")
    axes.set_title("\n".join(filter(None, lines)))
    axes.set_xlabel(f"{labels.metric(metric)} (%)")


def _wrapped(title: str) -> list[str]:
    return textwrap.wrap(title, 18) or [""]


def _once(axes: Axes, label: str) -> str | None:
    """A label for the legend, if it does not stand there yet."""
    return None if label in axes.get_legend_handles_labels()[1] else label


def _scatter(axes: Axes, shown: Sequence[Shown]) -> None:
    for network in sorted({one.row["network"] for one in shown}, key=labels.network_order):
        mine = [one for one in shown if one.row["network"] == network]
        means = [number(one.row["mean"]) for one in mine]
        reach = [
            [mean - number(one.row["low"]) for mean, one in zip(means, mine, strict=True)],
            [number(one.row["high"]) - mean for mean, one in zip(means, mine, strict=True)],
        ]
        theirs, spread = zip(*(one.paper for one in mine), strict=True)
        style = {"fmt": "o", "color": colour_of(network), "elinewidth": 0.5, "alpha": 0.8}
        axes.errorbar(means, theirs, xerr=reach, yerr=spread, label=labels.network(network), **style)
    ends = [*axes.get_xlim(), *axes.get_ylim()]
    low, high = max(0, min(ends)), min(100, max(ends))
    axes.plot([low, high], [low, high], color=MARKS["paper"], linewidth=0.8, linestyle=":", zorder=0)
    axes.set(xlabel="ours (%)", ylabel="paper (%)", title=f"all networks and metrics, n = {len(shown)}")
    axes.legend(loc="best")
