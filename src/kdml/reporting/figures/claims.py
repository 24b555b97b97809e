"""The paper's claims at a glance: every contrast a thin row of a forest, ours and the paper's, and the verdicts beside them."""

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kdml.analysis.claims import Answer, Verdict
from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import MARKS, SMALL, canvas, footnote, legend, number
from kdml.reporting.table_model import Row

LANE, PITCH, ROWS = 3.9, 0.42, 48.0  # millimetres: of a claim at least, of a contrast at most, of all contrasts at most
GAP = 0.9  # around the contrasts of a claim
REST = 21.0  # of legend and axis
FIGURE_SPACE = "\u2007"  # as wide as a digit
ANSWERED = (Answer.YES, Answer.NO)
NO_NUMBER = (Answer.NOT_RUN, Answer.UNDEFINED, Answer.SAME)
SHORT: Mapping[str, str] = {Verdict.OTHER: "not comparable"}
INK: Mapping[str, str] = {Verdict.HOLDS: "other", Verdict.FAILS: "other"}  # the others are grey
AGAINST = " (right of 0: it does)"  # of a claim that denies a gain
COLUMN = 62  # points from one verdict to the next
DOT = {"marker": "o", "markersize": 2.5, "markeredgewidth": 0, "linestyle": "", "zorder": 3}
DIAMOND = {
    "marker": "D",
    "markersize": 2.1,
    "markeredgewidth": 0.5,
    "mfc": "white",
    "mec": MARKS["paper"],
    "linestyle": "",
}


def draw(data: Data) -> Figure:
    """A lane for every claim, a panel for every protocol.

    Args:
        data: the file `claims` (claims.csv).

    Raises:
        UserError: it has no rows.
    """
    rows = data.rows("claims")
    if not rows:
        raise UserError(f"{data.one('claims')} has no rows.", MAKE_AGAIN)
    protocols = [
        [row for row in rows if row["protocol"] == name] for name in dict.fromkeys(r["protocol"] for r in rows)
    ]
    lanes = _lanes(protocols)
    figure = canvas(2, sum(lanes.values()) + REST, w_pad=0.3 / 25.4)
    panels = figure.subplots(1, len(protocols), sharex=True, sharey=True, squeeze=False)[0]
    for axes, mine in zip(panels, protocols, strict=True):
        _panel(axes, mine, lanes, last=axes is panels[-1], wide=len(panels) == 1)
        if len(protocols) > 1:
            axes.set_title(labels.protocol(mine[0]["protocol"]), loc="left", pad=14)
    reach = _reach(rows)
    panels[0].set_xlim(-reach, reach)
    for axes in panels:
        axes.set_xlabel("difference in percentage points")
    footnote(figure, "Right of 0 the run that the claim names is ahead; dotted: the gain that is claimed.")
    dot = {**DOT, "markersize": 4}
    legend(figure, {
        "ours, answered (p < 0.05 after Holm)": Line2D([], [], color=MARKS["other"], **dot),
        "ours, open": Line2D([], [], color=MARKS["open"], **dot),
        "the paper's": Line2D([], [], **{**DIAMOND, "markersize": 4, "markeredgewidth": 0.7}),
    })  # fmt: skip
    return figure


def _lanes(protocols: Sequence[Sequence[Row]]) -> dict[str, float]:
    """Height of every claim in millimetres: that of its contrasts where it is run most."""
    claims = dict.fromkeys(row["claim"] for rows in protocols for row in rows)
    counts = {claim: max(len(_shown(rows, claim)) for rows in protocols) for claim in claims}
    pitch = min(PITCH, ROWS / max(sum(counts.values()), 1))
    return {claim: max(LANE, count * pitch) + GAP for claim, count in counts.items()}


def _shown(rows: Sequence[Row], claim: str) -> list[Row]:
    """Contrasts of a claim that were run, the largest on top; costs are no contrasts."""
    mine = [row for row in rows if row["claim"] == claim and row["left"] and row["answer"] not in NO_NUMBER]
    return sorted(mine, key=lambda row: -number(row["estimate"]))


def _data_of(row: Row) -> str:
    """Short name of the data that a row is about."""
    return row["place"].partition("/")[0].partition("_")[0].upper()


def _words(rows: Sequence[Row], ran: Collection[str]) -> str:
    """What stands in the lane of a claim without contrasts: its numbers, or why there are none.

    Args:
        rows: of the claim.
        ran: data that the experiment has runs on; none where that is not said, or nothing was run.
    """
    known = [row for row in rows if row["answer"] in ANSWERED]
    if not known:
        elsewhere = dict.fromkeys(data for row in rows if ran and (data := _data_of(row)) and data not in ran)
        where = f" on {', '.join(elsewhere)}" if elsewhere else ""
        return "" if any(row["answer"] == Answer.OTHER for row in rows) else f"not run{where}"
    saved = " and ".join(f"{number(row['estimate']):.0f}" for row in known)
    return f"{saved} % saved"


def _reach(rows: Sequence[Row]) -> float:
    """Half the width of a panel: all estimates, and intervals as far as they are not much wider."""
    contrasts = [row for row in rows if row["left"] and row["answer"] not in NO_NUMBER]
    dots, ends = (
        [abs(number(row[name])) for row in contrasts for name in names if not math.isnan(number(row[name]))]
        for names in (("estimate", "paper_estimate"), ("low", "high"))
    )
    largest = max(dots, default=1.0) or 1.0
    return 1.05 * min(max([largest, *ends]), 1.5 * largest)


def _panel(axes: Axes, rows: Sequence[Row], lanes: Mapping[str, float], last: bool, wide: bool) -> None:
    ends = list(accumulate(lanes.values()))
    # Of several panels each has room for two words.
    ran = {_data_of(row) for row in rows if row["answer"] != Answer.NOT_RUN} if wide else set()
    for number_of_lane, (claim, end) in enumerate(zip(lanes, ends, strict=True)):
        first = next(row for row in rows if row["claim"] == claim)
        if number_of_lane % 2 == 0:
            axes.axhspan(end - lanes[claim], end, color=MARKS["band"], linewidth=0, zorder=0)
        middle = end - lanes[claim] / 2
        if shown := _shown(rows, claim):
            _lane(axes, shown, end - lanes[claim], lanes[claim])
        else:
            words = _words([row for row in rows if row["claim"] == claim], ran)
            style = {"va": "center", "fontsize": SMALL, "color": MARKS["note"]}
            axes.text(0.02, middle, words, transform=axes.get_yaxis_transform(), **style)
        _beside(axes, first["verdict"], middle, 0, bold=True)
        if last:
            _beside(axes, first["paper_verdict"], middle, 1)
    titles = {row["claim"]: _title(row) for row in rows}
    axes.set(ylim=(ends[-1], 0), yticks=[end - lane / 2 for end, lane in zip(ends, lanes.values(), strict=True)])
    axes.set_yticklabels([f"{claim.rjust(2, FIGURE_SPACE)}  {titles[claim]}" for claim in lanes], ha="left")
    axes.tick_params(axis="y", length=0, pad=_widest(rows))
    axes.spines["left"].set_visible(False)
    for column, head in enumerate(("here", "the paper's numbers")[: 1 + last]):
        _beside(axes, head, -1.2, column)


def _title(row: Row) -> str:
    """A claim in a few words; of one that denies a gain, that what lies right of 0 speaks against it."""
    return f"{row['title']}{AGAINST if row['rule'] == 'not_all_above' else ''}"


def _widest(rows: Sequence[Row]) -> float:
    """Points that the longest title needs."""
    return 3.45 * max(len(_title(row)) + 4 for row in rows)


def _lane(axes: Axes, shown: Sequence[Row], top: float, height: float) -> None:
    """Contrasts of a claim, evenly spaced, as close as the lanes allow."""
    pitch = min(2 * PITCH, (height - GAP) / max(len(shown), 1))
    start = top + (height - pitch * (len(shown) - 1)) / 2
    style = {"linewidth": 0.7, "solid_capstyle": "butt"}
    axes.plot([0, 0], [top, top + height], color=MARKS["other"], **style)
    if least := number(shown[0]["at_least"]):  # what the claim says that the difference reaches
        axes.plot([least, least], [top, top + height], color=MARKS["paper"], linestyle=":", **style)
    for place, row in enumerate(shown):
        y, color = start + place * pitch, MARKS["other" if row["answer"] in ANSWERED else "open"]
        if not math.isnan(number(row["low"])):
            axes.plot([number(row["low"]), number(row["high"])], [y, y], color=color, linewidth=0.4, alpha=0.6)
        if not math.isnan(number(row["paper_estimate"])):
            axes.plot(number(row["paper_estimate"]), y, **DIAMOND)
        axes.plot(number(row["estimate"]), y, color=color, **DOT)


def _beside(axes: Axes, text: str, y: float, column: int, bold: bool = False) -> None:
    """Write a verdict, or what stands above them, to the right of a panel."""
    axes.annotate(
        SHORT.get(text, text), (1, y), xycoords=axes.get_yaxis_transform(), xytext=(5 + column * COLUMN, 0),
        textcoords="offset points", va="center", fontsize=7.5 if bold else SMALL, fontweight="bold" if bold else "normal",
        color=MARKS[INK.get(text, "note")], annotation_clip=False,
    )  # fmt: skip
