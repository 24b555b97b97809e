"""Whether probabilities mean what they say, and when a person should be asked, place by place."""

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import MARKS, colour_of, legend, number
from kdml.reporting.figures.layout import Block, columns_of_legend, heading, page
from kdml.reporting.table_model import Row
from kdml.runs.graph import BASELINE, ENSEMBLE, PROPOSED, STRATEGIES, VARIANTS
from kdml.runs.run_table import SEPARATOR

STUDENT_ALONE = "baseline_student"
OWN, DISAGREEMENT = "own", "disagreement"  # signals of coverage.csv
SAID = {OWN: "own uncertainty", DISAGREEMENT: "students' disagreement"}
HEIGHT = 50  # millimetres of a place's panels, with the heading
AROUND = 22
FEWEST = 5  # cases of a bin that is drawn
PERFECT = "perfect calibration"


def draw(data: Data) -> Figure:
    """A block per place: reliability of the networks of the proposed variant, risk and coverage under every strategy.

    Args:
        data: files `reliability:PLACE` and `coverage:PLACE` of variants and of networks trained alone, and `runs:PLACE`.

    Raises:
        UserError: no network was measured.
    """
    places = {label: rows for label, rows in data.under("reliability").items() if _shown(rows)}
    if not places:
        raise UserError(f"{data.one(next(iter(data.files)))} is of runs without a network to draw.", MAKE_AGAIN)
    runs = {label: _referred(data.rows(f"coverage:{label}")) for label in places}
    figure, parts = page([Block(_heading(data, label), 1 + len(runs[label]), HEIGHT) for label in places], AROUND)
    marks: dict[str, Artist] = {}
    for part, (label, rows) in zip(parts, places.items(), strict=True):
        first, *others = part.subplots(1, 1 + len(runs[label]), squeeze=False)[0]
        _reliability(first, _shown(rows), data.rows(f"runs:{label}")[0])
        for axes, (run, mine) in zip(others, runs[label].items(), strict=True):
            if axes is not others[0]:
                axes.sharey(others[0])
            _risks(axes, mine)
            axes.set_title(labels.run(run))
        if others:
            others[0].set_ylim(bottom=0)
            others[0].set_ylabel("error among them (%)")
        for axes in (first, *others):
            marks |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    legend(figure, marks, columns_of_legend(figure))
    return figure


def _heading(data: Data, place: str) -> str:
    facts = data.rows(f"runs:{place}")[0]
    return heading(facts["task_title"], facts["pair"], facts["protocol"])


def _shown(rows: Sequence[Row]) -> list[Row]:
    """Rows of the student alone and of the proposed variant; where that was not run, of the first one in the order of tables."""
    runs = sorted({row["run"] for row in rows} - labels.ALONE.keys(), key=labels.run_order)
    variant = PROPOSED if PROPOSED in runs else next(iter(runs), None)
    return [row for row in rows if row["run"] in (STUDENT_ALONE, variant)]


def _reliability(axes: Axes, rows: Sequence[Row], facts: Row) -> None:
    """Lines through the bins with enough cases, with intervals; on the diagonal probabilities are what they say."""
    axes.plot([0, 100], [0, 100], color=MARKS["paper"], linestyle=":", label=PERFECT)
    for network in sorted({row["network"] for row in rows}, key=labels.network_order):
        mine = [row for row in rows if row["network"] == network and number(row["count"]) >= FEWEST]
        x, y, low, high = ([number(row[name]) for row in mine] for name in ("probability", "observed", "low", "high"))
        axes.vlines(x, low, high, color=colour_of(network), linewidth=0.6, alpha=0.6)
        axes.plot(x, y, color=colour_of(network), marker=".", linewidth=0.9, label=_name(network))
    axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal", xlabel="predicted probability (%)")
    of_lesion = facts["kind"] == "segmentation" and SEPARATOR not in facts["classes"]
    axes.set_ylabel("pixels that are lesion (%)" if of_lesion else "came true (%)")
    axes.grid()


def _name(network: str) -> str:
    return labels.run(STUDENT_ALONE) if network == BASELINE else labels.network(network)


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
