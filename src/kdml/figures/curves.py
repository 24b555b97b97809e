"""Learning curves: mean and range over seeds of a table's runs, and every run with all its terms."""

from collections import defaultdict
from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kdml import wording
from kdml.figures.common import Data, colour_of, number

Row = dict[str, str]
STYLES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1)))


def draw_bands(data: Data) -> Figure:
    """A row per run of a table: total loss left, validation score right; a line and a band per network."""
    groups = _grouped(data.rows("bands"), ("where", "run"))
    figure, panels = _rows_of_panels(len(groups), 2, ("total training loss", "validation score"))
    for (key, rows), line in zip(groups.items(), panels, strict=True):
        for axes, part, terms in zip(line, ("train", "validation"), (("total", "supervised"), ("score",)), strict=True):
            for network, mine in _grouped([row for row in rows if row["part"] == part], ("network",)).items():
                term = next(term for term in terms if any(row["term"] == term for row in mine))
                _band(
                    axes,
                    network[0],
                    sorted((row for row in mine if row["term"] == term), key=lambda row: int(row["epoch"])),
                )
        _name(line[0], key[1], key[0])
    _finish(figure, panels)
    return figure


def draw_runs(data: Data) -> Figure:
    """A row per run and seed: total losses, their terms, validation scores."""
    groups = _grouped(data.rows("runs"), ("where", "run", "seed"))
    figure, panels = _rows_of_panels(
        len(groups), 3, ("total training loss", "terms before weighting (log)", "validation score")
    )
    for (key, rows), line in zip(groups.items(), panels, strict=True):
        for axes, part, wanted in zip(
            line, ("train", "train", "validation"), (_is_total, _is_term, _is_score), strict=True
        ):
            lines = _grouped([row for row in rows if row["part"] == part and wanted(row["term"])], ("network", "term"))
            for place, ((network, term), mine) in enumerate(lines.items()):
                label = (
                    f"{wording.network(network)} {term.replace('_', ' ')}"
                    if wanted is _is_term
                    else wording.network(network)
                )
                style = STYLES[sum(other[0] == network for other in list(lines)[:place]) % len(STYLES)]
                points = sorted((int(row["epoch"]) + 1, number(row["value"])) for row in mine)
                axes.plot(
                    *zip(*points, strict=True), marker=".", linestyle=style, color=colour_of(network), label=label
                )
        if any(value > 0 for value in _heights(line[1])):
            line[1].set_yscale("log")
        line[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=5.5)
        _name(line[0], key[1], f"{key[0]}\nseed {key[2]}")
    _finish(figure, panels)
    return figure


def _is_total(term: str) -> bool:
    return term == "total"


def _is_term(term: str) -> bool:
    return term != "total"


def _is_score(term: str) -> bool:
    return term == "score"


def _heights(axes: Axes) -> Iterable[float]:
    return (value for line in axes.lines for value in line.get_ydata())


def _grouped(rows: list[Row], names: tuple[str, ...]) -> dict[tuple[str, ...], list[Row]]:
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    order = {"run": wording.run_order, "network": wording.network_order}
    return dict(
        sorted(
            groups.items(), key=lambda item: [order.get(n, lambda x: x)(k) for n, k in zip(names, item[0], strict=True)]
        )
    )


def _rows_of_panels(rows: int, columns: int, titles: tuple[str, ...]) -> tuple[Figure, list[list[Axes]]]:
    figure = Figure(figsize=(2.6 * columns + 1.2, 1.05 * rows + 0.7))
    panels = figure.subplots(
        rows,
        columns,
        squeeze=False,
        sharex=False,
        gridspec_kw={"wspace": 0.32 if columns == 2 else 0.65, "hspace": 0.35},
    )
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title)
    return figure, panels


def _band(axes: Axes, network: str, rows: list[Row]) -> None:
    epochs = [int(row["epoch"]) + 1 for row in rows]
    low, mean, high = ([number(row[name]) for row in rows] for name in ("low", "mean", "high"))
    axes.fill_between(epochs, low, high, color=colour_of(network), alpha=0.2, linewidth=0)
    axes.plot(epochs, mean, marker=".", color=colour_of(network), label=wording.network(network))


def _name(axes: Axes, run: str, where: str) -> None:
    axes.set_ylabel(f"{wording.run(run)}\n{where}", rotation=0, ha="right", va="center", fontsize=7)


def _finish(figure: Figure, panels: list[list[Axes]]) -> None:
    for axes in (axes for line in panels for axes in line):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    for axes in panels[-1]:
        axes.set_xlabel("epoch")
    handles = {}
    for axes in (line[-1] for line in panels):
        handles |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="upper right", ncols=len(handles), bbox_to_anchor=(0.98, 1.0))
