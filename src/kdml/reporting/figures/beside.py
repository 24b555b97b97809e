"""Ours beside the paper's for one result table: a forest for every place and metric, the difference beside it as text.

Where the paper has no number, ours stand alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kdml.common.errors import UserError
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import MARKS, SMALL, colour_of, legend, number
from kdml.reporting.figures.layout import Block, columns_of_legend, heading, page, wrapped
from kdml.reporting.places import (
    PlaceResults,
    compared_network,
    departures,
    read_places,
    role_of,
    title_of_network,
    trained_alone,
)
from kdml.reporting.table_model import Row
from kdml.runs.graph import BASELINE, ENSEMBLE, PROPOSED, TEACHER
from kdml.runs.run_table import BASELINE_STUDENT

LINE, SPACE = 2.9, 1.0  # millimetres of a line of a name, and between two names
AROUND = 24  # of what stands around the forests of a block: heading, names of the columns, scale
LETTERS = 24  # to a line of a name
FAR = 1.0  # times what the data span: a line that is farther away is named at the edge
OURS, PAPERS, STUDENT, GUESS = "ours, 95 % interval", "paper, mean ± SD", "student trained alone", "chance"
SAID_BY = {"f_score": "iou"}  # a metric that is a function of another, which is enough


@dataclass(frozen=True)
class Shown:
    """One number of ours, and what the paper has.

    Args:
        place: where it was run.
        run: name of the run.
        title: of the run.
        row: of values.csv.
        papers: row of comparison.csv, if the paper has the number.
        student: row of values.csv of the student trained alone, in the same metric, if it was.
    """

    place: PlaceResults
    run: str
    title: str
    row: Row
    papers: Row | None = None
    student: Row | None = None

    @property
    def block(self) -> str:
        """Heading of the panels that it belongs to; networks trained alone belong to no pair."""
        pair = "" if self.row["network"] == BASELINE else self.place.pair
        of = "agreement with the teacher, " if self.row["truth"] == TEACHER else ""
        return heading(self.place.title, pair, self.place.protocol, f"{of}n = {self.row['cases']} test images")


def draw(data: Data) -> Figure:
    """A block per place, in it a forest per metric.

    Args:
        data: files `runs:PLACE`, `values:PLACE` and `comparison:PLACE`, and `alone:PLACE` with values of networks trained alone
            where there are any; the option `kind` of the table (results, baselines, methods, fidelity).

    Raises:
        UserError: nothing was measured.
    """
    shown = [one for one in _shown(data) if one.row["mean"] not in ("", "nan")]
    if not shown:
        raise UserError("None of these runs has a value to draw.", "add runs to `run` in the configuration")
    blocks = _panels(shown)
    figure, parts = page([_block(name, panels) for name, panels in blocks.items()], 14, _departures(shown))
    marks: dict[str, Artist] = {}
    for part, panels in zip(parts, blocks.values(), strict=True):
        line = part.subplots(1, len(panels), squeeze=False)[0]
        for place, (axes, mine) in enumerate(zip(line, panels.values(), strict=True)):
            _forest(axes, mine, named=place == 0)
            marks |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    legend(
        figure,
        {name: marks[name] for name in (OURS, PAPERS, STUDENT, GUESS) if name in marks},
        columns_of_legend(figure),
    )
    return figure


def _departures(shown: Sequence[Shown]) -> str:
    """How our runs depart from the paper, task by task where there are several."""
    rows: dict[str, list[Row]] = {}
    for one in shown:
        if one.papers and one.row["departures"]:
            rows.setdefault(one.place.title, []).append(one.row)
    said = [f"{f'{title}: ' if len(rows) > 1 else ''}{'; '.join(departures(mine))}." for title, mine in rows.items()]
    return f"Our runs depart from the paper: {' '.join(said)}" if said else ""


def _shown(data: Data) -> Iterator[Shown]:
    """Ensembles, and single networks of what has no ensemble, in the metrics that tables show."""
    kind = data.options["kind"]
    places = read_places(data)
    for place, run, title, networks in _runs(places, kind):
        values = place.by_key(TEACHER if kind == "fidelity" else "label")
        papers = {(row["run"], row["network"], row["metric"]): row for row in data.at("comparison", place.label)}
        alone = {row["metric"]: row for row in data.at("alone", place.label) if row["run"] == BASELINE_STUDENT}
        measured = tuple(dict.fromkeys(network for of, network, _ in values if of == run))
        for network in networks or ((ENSEMBLE,) if ENSEMBLE in measured else measured):
            for metric in place.metrics:
                if SAID_BY.get(metric) not in place.metrics and (row := values.get((run, network, metric))):
                    theirs = papers.get((_run_of_paper(place, run, kind), network, metric))
                    yield Shown(place, run, title, row, theirs, alone.get(metric))


def _run_of_paper(place: PlaceResults, run: str, kind: str) -> str:
    """What comparison.csv calls a run: a network trained alone by its architecture."""
    role = role_of(run)
    return place.described(role, "stands_for") or place.described(role, "network") if kind == "baselines" else run


def _runs(places: Sequence[PlaceResults], kind: str) -> Iterator[tuple[PlaceResults, str, str, tuple[str, ...]]]:
    """(place, run, title, its networks to show, none for those that it has) of a table."""
    if kind == "baselines":
        for place, run in trained_alone(places).values():
            yield place, run, title_of_network(place, role_of(run)), (BASELINE,)
        return
    for place in places:
        for run in place.names("methods" if kind == "methods" else "variants"):
            title = labels.run(run, None if run == PROPOSED else place.titles)
            yield place, run, title, (compared_network(run),) if kind == "methods" else ()


def _panels(shown: Sequence[Shown]) -> dict[str, dict[str, list[Shown]]]:
    """What is shown by block and metric, in the order of runs."""
    blocks: dict[str, dict[str, list[Shown]]] = {}
    for one in sorted(shown, key=lambda one: labels.run_order(one.run)):
        blocks.setdefault(one.block, {}).setdefault(one.row["metric"], []).append(one)
    order = list(dict.fromkeys(one.block for one in shown))
    return {name: blocks[name] for name in order}


def _block(name: str, panels: Mapping[str, Sequence[Shown]]) -> Block:
    heights = [sum(map(_height, mine)) for mine in panels.values()]
    return Block(name, len(panels), max(heights) + AROUND)


def _height(one: Shown) -> float:
    """Millimetres of a row."""
    return LINE * (1 + wrapped(one.title, LETTERS).count("\n")) + SPACE


def _forest(axes: Axes, shown: Sequence[Shown], named: bool) -> None:
    ends = [sum(map(_height, shown[:count])) for count in range(len(shown) + 1)]
    middles = [(start + end) / 2 for start, end in pairwise(ends)]
    compared = any(one.papers for one in shown)
    said = {"xycoords": axes.get_yaxis_transform(), "xytext": (4, 0), "textcoords": "offset points"}
    said |= {"fontsize": SMALL, "va": "center", "annotation_clip": False}
    above = said | {"xytext": (4, 2), "va": "bottom"}
    for one, middle in zip(shown, middles, strict=True):
        _row(axes, one, middle)
        axes.annotate(_text(one, compared), (1, middle), **said)
    axes.annotate("ours − paper [95 %]" if compared else "ours [95 %]", (1, 0), color=MARKS["note"], **above)
    names = [wrapped(one.title, LETTERS) if named else "" for one in shown]
    axes.set_yticks(middles, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(ends[-1], 0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    axes.grid(axis="x")
    against = " against the teacher" if shown[0].row["truth"] == TEACHER else ""
    axes.set_xlabel(f"{labels.metric(shown[0].row['metric'])}{against} (%)")
    _references(axes, shown)


def _row(axes: Axes, one: Shown, height: float) -> None:
    """Ours and below it the paper's, if it has one."""
    mean, low, high = (number(one.row[name]) for name in ("mean", "low", "high"))
    colour, shift = colour_of(one.row["network"]), 0.7 if one.papers else 0.0
    axes.errorbar(mean, height - shift, xerr=[[mean - low], [high - mean]], fmt="o", color=colour, label=OURS)
    if one.papers:
        theirs, spread = (number(one.papers[name]) for name in ("paper_mean", "paper_std"))
        style = {"fmt": "D", "mfc": "white", "color": MARKS["paper"], "markersize": 3.5, "linewidth": 0.9}
        axes.errorbar(theirs, height + shift, xerr=spread, label=PAPERS, **style)


def _text(one: Shown, compared: bool) -> str:
    """The difference to the paper's value with its interval; of ours alone the value."""
    if compared and one.papers is None:
        return "–"
    of, form = (one.papers, "+.1f") if one.papers else (one.row, ".1f")
    names = ("difference", "difference_low", "difference_high") if one.papers else ("mean", "low", "high")
    estimate, low, high = (f"{number(of[name]):{form}}".replace("-", "−") for name in names)
    return estimate if "nan" in low else f"{estimate} [{low}, {high}]"


def _references(axes: Axes, shown: Sequence[Shown]) -> None:
    """Lines for the student alone and for chance; one that is far from the data is named below the last row instead."""
    low, high = axes.get_xlim()
    student = next((number(one.student["mean"]) for one in shown if one.student), float("nan"))
    chance = number(shown[0].row.get("chance", ""))
    lines = (
        (STUDENT, student, {"color": colour_of(BASELINE)}),
        (GUESS, chance, {"color": MARKS["other"], "linestyle": ":"}),
    )
    edge = []
    for name, value, style in lines:
        if low - FAR * (high - low) <= value <= high + FAR * (high - low):
            axes.axvline(value, zorder=0, label=name, linewidth=1, **style)
        elif value < low:
            edge.append(f"← {name} {value:.1f}")
        elif value > high:
            edge.append(f"{name} {value:.1f} →")
    axes.set_ylim(axes.get_ylim()[0] + LINE * len(edge), 0)
    axes.text(0.02, 0.01, "\n".join(edge), transform=axes.transAxes, fontsize=SMALL, color=MARKS["note"], va="bottom")
