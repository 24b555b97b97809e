"""Ours beside the paper's for one result table: a forest of ensembles with intervals, and a scatter of all networks and metrics."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdml.common.errors import UserError
from kdml.paper import numbers
from kdml.reporting import labels
from kdml.reporting.figures.common import MARKS, Data, colour_of, footnote, margins, number

Row = dict[str, str]


def draw(data: Data) -> Figure:
    """Forest panels, one per task and metric, and the scatter on the right."""
    table = str(int(data.option.removeprefix("table_")))
    rows = [row for row in data.rows("comparison") if row["table"] == table and row["seeds"] != "0"]
    if not rows:
        raise UserError(f"Table {table} of the paper has no number for these runs.", "ask for another figure")
    single = table == str(numbers.METHODS_TABLE)  # methods have one student
    shown = [row for row in rows if single or row["network"] in ("ensemble", "baseline")]
    panels = list(dict.fromkeys(map(_panel, shown)))
    lines = max(sum(_panel(row) == panel for row in shown) for panel in panels)
    tasks = len(dict.fromkeys(panel[1] for panel in panels))  # the first panel of each has the names of the runs
    figure = Figure(figsize=(2.3 * len(panels) + 3.7 + 0.5 * tasks, max(2.9, 0.22 * lines + 1.6)))
    space = 0.35 if tasks == 1 else 0.6
    grid = figure.add_gridspec(1, len(panels) + 1, width_ratios=[1] * len(panels) + [1.25], wspace=space)
    for place, panel in enumerate(panels):
        axes = figure.add_subplot(grid[place])
        _forest(
            axes,
            [row for row in shown if _panel(row) == panel],
            panel,
            named=place == 0 or panel[1] != panels[place - 1][1],
        )
    _scatter(figure.add_subplot(grid[-1]), rows)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower left", ncols=2, bbox_to_anchor=(0.0, 1.0))
    margins(figure, top=0.65, bottom=0.55)
    departures = dict.fromkeys(part for row in rows for part in row["departures"].split("; ") if part)
    footnote(figure, f"Our runs depart from the paper: {'; '.join(departures)}." if departures else "")
    return figure


def _panel(row: Row) -> tuple[str, str, str, str]:
    return row["protocol"], row["task"], row["pair"] if row["network"] != "baseline" else "", row["metric"]


def _forest(axes: Axes, rows: list[Row], panel: tuple[str, str, str, str], named: bool) -> None:
    rows = sorted(rows, key=lambda row: labels.run_order(row["run"]), reverse=True)
    for place, row in enumerate(rows):
        mean, low, high = (number(row[name]) for name in ("mean", "low", "high"))
        axes.plot([low, high], [place + 0.13] * 2, color=colour_of(row["network"]), linewidth=1.4)
        axes.plot(
            mean,
            place + 0.13,
            "o",
            color=colour_of(row["network"]),
            label="ours, 95 % interval" if place == 0 else None,
        )
        theirs, spread = number(row["paper_mean"]), number(row["paper_std"])
        label = "paper, mean ± SD" if place == 0 else None
        axes.errorbar(
            theirs,
            place - 0.17,
            xerr=spread,
            fmt="D",
            mfc="white",
            color=MARKS["paper"],
            markersize=4,
            linewidth=1,
            label=label,
        )
    axes.set_yticks(range(len(rows)), [labels.run(row["run"]) for row in rows] if named else [""] * len(rows))
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.grid(axis="x")
    protocol, task, pair, metric = panel
    lines = (labels.task(task), pair, f"{protocol} split, n = {rows[0]['cases']}")
    axes.set_title("\n".join(filter(None, lines)))
    axes.set_xlabel(f"{labels.METRICS[metric]} (%)")


def _scatter(axes: Axes, rows: list[Row]) -> None:
    for network in sorted({row["network"] for row in rows}, key=labels.network_order):
        mine = [row for row in rows if row["network"] == network]
        means = [number(row["mean"]) for row in mine]
        reach = [
            [mean - number(row["low"]) for mean, row in zip(means, mine, strict=True)],
            [number(row["high"]) - mean for mean, row in zip(means, mine, strict=True)],
        ]
        theirs, spread = ([number(row[name]) for row in mine] for name in ("paper_mean", "paper_std"))
        axes.errorbar(
            means,
            theirs,
            xerr=reach,
            yerr=spread,
            fmt="o",
            color=colour_of(network),
            label=labels.network(network),
            elinewidth=0.5,
            alpha=0.8,
        )
    ends = [*axes.get_xlim(), *axes.get_ylim()]
    low, high = max(0, min(ends)), min(100, max(ends))
    axes.plot([low, high], [low, high], color=MARKS["paper"], linewidth=0.8, linestyle=":", zorder=0)
    axes.set(xlabel="ours (%)", ylabel="paper (%)", title=f"all networks and metrics, n = {len(rows)}")
    axes.legend(loc="best")
