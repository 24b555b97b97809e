"""Learning curves: mean and range over seeds of a table's runs, and every run with all its terms."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import colour_of, margins, number
from kdml.reporting.places import role_of
from kdml.reporting.table_model import Row

STYLES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1)))
SCORE = "validation score (0 to 1)"


def draw_bands(data: Data) -> Figure:
    """A row per run of a table: total loss left, validation score right; a line and a band per network.

    Args:
        data: files `bands:PLACE` and `runs:PLACE`; the option `kind` of the table.
    """
    groups = _grouped(_labelled(data, "bands"), ("title", "where"))
    figure, panels = _rows_of_panels(len(groups), ("total training loss", SCORE), space=0.32, right=0.1)
    for ((title, where), rows), line in zip(groups.items(), panels, strict=True):
        for axes, part, term in zip(line, ("train", "validation"), ("total", "score"), strict=True):
            mine = [row for row in rows if (row["part"], row["term"]) == (part, term)]
            for (network,), points in _grouped(mine, ("network",)).items():
                _band(axes, network, points)
        _name(line[0], title, where)
    _finish(figure, panels)
    return figure


def draw_runs(data: Data) -> Figure:
    """A row per run and seed: total losses, their terms, validation scores.

    Args:
        data: files `curves:PLACE` and `runs:PLACE`; the option `kind` of the table.
    """
    groups = _grouped(_labelled(data, "curves"), ("title", "where", "seed"))
    titles = ("total training loss", "terms before weighting (log)", SCORE)
    figure, panels = _rows_of_panels(len(groups), titles, space=1.0, right=0.2)
    for ((title, where, seed), rows), line in zip(groups.items(), panels, strict=True):
        training = [row for row in rows if row["part"] == "train"]
        scores = [row for row in rows if (row["part"], row["term"]) == ("validation", "score")]
        _lines(line[0], [row for row in training if row["term"] == "total"])
        _terms(line[1], [row for row in training if row["term"] != "total"])
        _lines(line[2], scores)
        _name(line[0], title, f"{where}\nseed {seed}")
    _finish(figure, panels)
    return figure


def _labelled(data: Data, kind: str) -> list[Row]:
    """Rows of all places with the title of their run; a network trained alone comes once, though several pairs may have it."""
    found, seen = [], set()
    for label in data.places(kind):
        runs = data.rows(f"runs:{label}")
        titles = {row["run"]: row["title"] for row in runs if row["title"]}
        rows = data.rows(f"{kind}:{label}")
        alone = data.options["kind"] == "baselines"
        shown = {row["run"] for row in rows if not alone or row["run"] in labels.ALONE}
        for run in sorted(shown, key=labels.run_order):
            mine, title = [row for row in rows if row["run"] == run], labels.run(run, titles)
            if alone:
                title = runs[0][f"{role_of(run)}_title"] or runs[0][f"{role_of(run)}_network"]
                network = (*label.split("/")[:2], runs[0][f"{role_of(run)}_network"])
                mine = [] if network in seen else mine
                seen.add(network)
            found += [{**row, "title": title} for row in mine]
    return found


def _lines(axes: Axes, rows: list[Row]) -> None:
    """A line per network."""
    for (network,), mine in _grouped(rows, ("network",)).items():
        axes.plot(*_points(mine), marker=".", color=colour_of(network), label=labels.network(network))


def _terms(axes: Axes, rows: list[Row]) -> None:
    """A line per network and term; terms of one network differ in their stroke."""
    for (network,), of_network in _grouped(rows, ("network",)).items():
        for style, ((term,), mine) in zip(cycle(STYLES), _grouped(of_network, ("term",)).items(), strict=False):
            label = _term_label(network, term)
            axes.plot(*_points(mine), marker=".", linestyle=style, color=colour_of(network), label=label)
    _logarithmic(axes, [number(row["value"]) for row in rows])
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7)


def _logarithmic(axes: Axes, values: Sequence[float]) -> None:
    """A log scale; where some terms are negative, as a critic's or a likelihood's, one that is linear around zero."""
    sizes = [abs(value) for value in values if value]
    if not sizes:
        return
    if min(values) >= 0:
        axes.set_yscale("log")
    else:
        axes.set_yscale("symlog", linthresh=max(min(sizes), 1e-2 * max(sizes)))
    if max(sizes) >= 10 * min(sizes):
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:  # within a decade no power of ten may stand on the axis
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5, 7)))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))


def _term_label(network: str, term: str) -> str:
    """`S1 supervised`, or `S1 ← T features`."""
    knowledge, _, source = term.partition("_from_")
    name = labels.network(network)
    return f"{name} ← {labels.network(source)} {knowledge}" if source else f"{name} {term.replace('_', ' ')}"


def _points(rows: list[Row]) -> tuple[list[int], list[float]]:
    ordered = sorted((int(row["epoch"]) + 1, number(row["value"])) for row in rows)
    return [epoch for epoch, _ in ordered], [value for _, value in ordered]


def _band(axes: Axes, network: str, rows: list[Row]) -> None:
    rows = sorted(rows, key=lambda row: int(row["epoch"]))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    low, mean, high = ([number(row[name]) for row in rows] for name in ("low", "mean", "high"))
    axes.fill_between(epochs, low, high, color=colour_of(network), alpha=0.2, linewidth=0)
    axes.plot(epochs, mean, marker=".", color=colour_of(network), label=labels.network(network))


def _grouped(rows: list[Row], names: tuple[str, ...]) -> dict[tuple[str, ...], list[Row]]:
    """Rows by these keys: networks and seeds in the order in which they are always shown, others in that in which they come."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    order = {"network": labels.network_order, "seed": int}
    came = {name: list(dict.fromkeys(row[name] for row in rows)) for name in names if name not in order}
    places = [order.get(name) or came[name].index for name in names]
    return dict(
        sorted(groups.items(), key=lambda item: [place(part) for place, part in zip(places, item[0], strict=True)])
    )


def _rows_of_panels(rows: int, titles: Sequence[str], space: float, right: float) -> tuple[Figure, list[list[Axes]]]:
    figure = Figure(figsize=(2.0 * len(titles) * (1 + space / 2) + 1.4, 1.05 * rows + 0.9))
    spaces = {
        "wspace": space,
        "hspace": 0.4,
        "left": 1.3 / figure.get_figwidth(),
        "right": 1 - right / figure.get_figwidth(),
    }
    panels = figure.subplots(rows, len(titles), squeeze=False, gridspec_kw=spaces)
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title)
    return figure, panels


def _name(axes: Axes, title: str, where: str) -> None:
    axes.set_ylabel(f"{title}\n{where}", rotation=0, ha="right", va="center", fontsize=7)


def _finish(figure: Figure, panels: list[list[Axes]]) -> None:
    for axes in (axes for line in panels for axes in line):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, min_n_ticks=1))
    for axes in panels[-1]:
        axes.set_xlabel("epoch")
    handles = {}
    for axes in (line[-1] for line in panels):
        handles |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    ordered = sorted(handles, key=lambda label: ("T", "S1", "S2").index(label) if label in ("T", "S1", "S2") else 9)
    figure.legend([handles[label] for label in ordered], ordered, loc="upper center", ncols=len(ordered))
    margins(figure, top=0.55, bottom=0.45)
