"""When a person should be asked, place by place: what is wrong among the cases that are decided without one."""

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import colour_of, legend, number
from kdml.reporting.figures.layout import Block, columns_of_legend, heading_of, page
from kdml.reporting.table_model import Row
from kdml.runs.graph import ENSEMBLE, PROPOSED, STRATEGIES, VARIANTS

OWN, DISAGREEMENT = "own", "disagreement"  # signals of coverage.csv
SAID = {OWN: "own uncertainty", DISAGREEMENT: "students' disagreement"}
HEIGHT = 50  # millimetres of a place's panels, with the heading
AROUND = 18
NOBODY = "No run here has students whose disagreement could be a signal."


def draw(data: Data) -> Figure:
    """A block per place: risk and coverage under every strategy.

    Args:
        data: files `coverage:PLACE` of variants, and `runs:PLACE`.
    """
    runs = {label: found for label, rows in data.under("coverage").items() if (found := _referred(rows))}
    if not runs:
        figure, (part,) = page([Block("", 1, AROUND)], AROUND)
        part.text(0.02, 0.5, NOBODY)
        return figure
    across = max(map(len, runs.values()))
    figure, parts = page([Block(heading_of(data, label), across, HEIGHT) for label in runs], AROUND)
    marks: dict[str, Artist] = {}
    for part, mine in zip(parts, runs.values(), strict=True):
        panels = part.subplots(1, across, sharey=True, squeeze=False)[0]
        for axes, (run, rows) in zip(panels, mine.items(), strict=False):
            _risks(axes, rows)
            axes.set_title(labels.run(run))
            marks |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        for axes in panels[len(mine) :]:
            axes.set_axis_off()
        panels[0].set_ylim(bottom=0)
        panels[0].set_ylabel("error among them (%)")
    columns = columns_of_legend(figure)
    legend(figure, marks, columns if columns > 2 else 1)  # the names are long
    return figure


def _referred(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of the strategies of the proposed technique, else of the first variants with an ensemble, by run."""
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: labels.run_order(row["run"])):
        if row["run"] not in labels.ALONE:
            found.setdefault(row["run"], []).append(row)
    several = [run for run, mine in found.items() if any(row["signal"] == DISAGREEMENT for row in mine)]
    wanted = [run for run in several if run in VARIANTS and VARIANTS[run][0] == VARIANTS[PROPOSED][0]] or several
    return {run: found[run] for run in wanted[: len(STRATEGIES)]}


def _risks(axes: Axes, rows: Sequence[Row]) -> None:
    """What is wrong among the surest cases, of S1 and of the ensemble; disagreement is drawn with its interval."""
    for network, signal, style in (("s1", OWN, "--"), (ENSEMBLE, OWN, "--"), (ENSEMBLE, DISAGREEMENT, "-")):
        mine = [row for row in rows if (row["network"], row["signal"]) == (network, signal)]
        x, y, low, high = ([number(row[name]) for row in mine] for name in ("coverage", "risk", "low", "high"))
        colour = colour_of(network)
        axes.plot(x, y, color=colour, linestyle=style, label=f"{labels.network(network)}, {SAID[signal]}")
        if signal == DISAGREEMENT:
            axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set(xlim=(0, 100), xlabel="surest cases (%)")
    axes.grid()
