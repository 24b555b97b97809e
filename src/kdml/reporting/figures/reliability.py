"""Whether probabilities mean what they say, place by place: of images or pixels, of regions, and after temperature scaling."""

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdml.analysis.reliability_curves import CASES, REGIONS
from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import MARKS, colour_of, legend, number
from kdml.reporting.figures.layout import Block, columns_of_legend, heading_of, page
from kdml.reporting.table_model import Row
from kdml.runs.graph import BASELINE, PROPOSED
from kdml.runs.run_table import BASELINE_STUDENT, SEPARATOR

HEIGHT = 58  # millimetres of a place's panels, with the heading
AROUND = 18
FEWEST = 5  # cases of a bin that is drawn
PERFECT = "perfect calibration"
PANELS = tuple((of, scaled) for of in (CASES, REGIONS) for scaled in ("0", "1"))


def draw(data: Data) -> Figure:
    """A block per place: reliability of the networks of the proposed variant, of images or pixels and of regions, each without and
    with a temperature.

    Args:
        data: files `reliability:PLACE` of variants and of networks trained alone, and `runs:PLACE`.

    Raises:
        UserError: no network was measured.
    """
    places = {label: rows for label, rows in data.under("reliability").items() if _shown(rows)}
    if not places:
        raise UserError(f"{data.one(next(iter(data.files)))} is of runs without a network to draw.", MAKE_AGAIN)
    blocks = [Block(heading_of(data, label), len(PANELS), HEIGHT) for label in places]
    figure, parts = page(blocks, AROUND)
    marks: dict[str, Artist] = {}
    for part, (label, rows) in zip(parts, places.items(), strict=True):
        facts, shown = data.rows(f"runs:{label}")[0], _shown(rows)
        for axes, kind in zip(part.subplots(1, len(PANELS), sharey=True), PANELS, strict=True):
            mine = [row for row in shown if (row["of"], row["scaled"]) == kind]
            if not mine:
                axes.set_axis_off()
                continue
            _draw(axes, mine)
            axes.set_title(_title(facts, *kind))
            axes.set_ylabel("came true (%)" if kind == PANELS[0] else "")
            marks |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    legend(figure, marks, columns_of_legend(figure))
    return figure


def _shown(rows: Sequence[Row]) -> list[Row]:
    """Rows of the student alone and of the proposed variant; where that was not run, of the first one in the order of tables."""
    runs = sorted({row["run"] for row in rows} - labels.ALONE.keys(), key=labels.run_order)
    variant = PROPOSED if PROPOSED in runs else next(iter(runs), None)
    return [row for row in rows if row["run"] in (BASELINE_STUDENT, variant)]


def _title(facts: Row, of: str, scaled: str) -> str:
    """What the probabilities of a panel are of."""
    what = "Images" if facts["kind"] == "classification" else "Pixels"
    of_lesion = what == "Pixels" and SEPARATOR not in facts["classes"]
    name = "Marked regions" if of == REGIONS else f"{what}: lesion" if of_lesion else what
    return f"{name}, scaled" if scaled == "1" else name


def _draw(axes: Axes, rows: Sequence[Row]) -> None:
    """Lines through the bins with enough cases, with intervals; on the diagonal probabilities are what they say."""
    axes.plot([0, 100], [0, 100], color=MARKS["paper"], linestyle=":", label=PERFECT)
    for network in sorted({row["network"] for row in rows}, key=labels.network_order):
        mine = [row for row in rows if row["network"] == network and number(row["count"]) >= FEWEST]
        x, y, low, high = ([number(row[name]) for row in mine] for name in ("probability", "observed", "low", "high"))
        axes.vlines(x, low, high, color=colour_of(network), linewidth=0.6, alpha=0.6)
        name = labels.run(BASELINE_STUDENT) if network == BASELINE else labels.network(network)
        axes.plot(x, y, color=colour_of(network), marker=".", linewidth=0.9, label=name)
    axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal", xlabel="predicted probability (%)")
    axes.grid()
