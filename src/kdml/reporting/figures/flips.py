"""What a student in the teacher's place changes, place by place: the difference to the teacher, and flips by subgroup."""

import textwrap
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdml.reporting import labels
from kdml.reporting.cells import is_known
from kdml.reporting.data import Data
from kdml.reporting.figures.common import MARKS, colour_of, legend, number
from kdml.reporting.figures.layout import Block, heading_of, page
from kdml.reporting.table_model import Row
from kdml.runs.graph import BASELINE, ENSEMBLE, PROPOSED, TEACHER
from kdml.runs.run_table import BASELINE_STUDENT, BASELINE_TEACHER

AGAINST = (BASELINE_TEACHER, TEACHER)  # what a student is compared with, the first that there is
LETTERS = 28  # of a name beside a row
MOST = 14  # subgroups that are shown
LINE, AROUND_PANEL, AROUND = (
    4.2,
    22,
    14,
)  # millimetres of a row, of what a panel has around its rows, of a figure around its blocks
NOBODY = "No student here has a teacher that it could be compared with."
MARGIN, EQUAL = "margin", "as the teacher"


def draw(data: Data) -> Figure:
    """A block per place: differences to the teacher alone, and negative flips of one ensemble in all and by subgroup.

    Args:
        data: files `non_inferiority:PLACE`, `flips:PLACE` and `runs:PLACE`.
    """
    differences = {label: _differences(rows) for label, rows in data.under("non_inferiority").items()}
    flips = {label: _flips(rows) for label, rows in data.under("flips").items()}
    places = [label for label in differences if differences[label] or flips[label]]
    if not places:
        figure, (part,) = page([Block("", 1, AROUND_PANEL)], AROUND)
        part.text(0.02, 0.5, NOBODY)
        return figure
    heights = [AROUND_PANEL + LINE * max(len(differences[label]), len(flips[label])) for label in places]
    blocks = [Block(heading_of(data, label), 2, height) for label, height in zip(places, heights, strict=True)]
    figure, parts = page(blocks, AROUND)
    marks: dict[str, Artist] = {}
    for part, label in zip(parts, places, strict=True):
        left, right = part.subplots(1, 2)
        _draw_differences(left, differences[label])
        _draw_flips(right, flips[label])
        for axes in (left, right):
            marks |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    legend(figure, marks)
    return figure


def _differences(rows: Sequence[Row]) -> list[Row]:
    """Ensembles, and networks that are alone in their run, in the order of tables; minus the teacher alone, else their own."""
    known = [row for row in rows if row["network"] in (ENSEMBLE, BASELINE) and is_known(row["estimate"])]
    for against in AGAINST:
        if mine := [row for row in known if row["against"] == against]:
            return sorted(mine, key=lambda row: labels.run_order(row["run"]))
    return []


def _flips(rows: Sequence[Row]) -> list[Row]:
    """Rows of the ensemble of the proposed variant, or of the first with one, against the teacher alone, else against its own."""
    of_ensembles = [row for row in rows if row["network"] == ENSEMBLE]
    runs = sorted({row["run"] for row in of_ensembles}, key=labels.run_order)
    run = PROPOSED if PROPOSED in runs else next(iter(runs), None)
    for against in AGAINST:
        if mine := [row for row in of_ensembles if (row["run"], row["against"]) == (run, against)]:
            total, subgroups = mine[0], mine[1:]
            worst = sorted(subgroups, key=lambda row: -number(row["flips"]))[:MOST]
            return [total, *(row for row in subgroups if row in worst)]
    return []


def _draw_differences(axes: Axes, rows: Sequence[Row]) -> None:
    """A line per run with its interval; the margin, and 0."""
    if not rows:
        axes.set_axis_off()
        return
    axes.axvline(0, color=MARKS["paper"], linewidth=0.8, label=EQUAL)
    axes.axvline(-number(rows[0]["margin"]), color=MARKS["paper"], linestyle="--", linewidth=0.8, label=MARGIN)
    for place, row in enumerate(rows):
        _interval(axes, place, row, "estimate", ENSEMBLE if row["network"] == ENSEMBLE else BASELINE)
    _named(axes, [textwrap.shorten(labels.run(row["run"]), LETTERS, placeholder=" …") for row in rows])
    teacher = "own teacher" if rows[0]["against"] == TEACHER else "teacher alone"
    axes.set_xlabel(f"{labels.metric(rows[0]['metric'])}, minus {teacher} (points)")


def _draw_flips(axes: Axes, rows: Sequence[Row]) -> None:
    """A line for all cases, and one for each subgroup."""
    if not rows:
        axes.set_axis_off()
        return
    for place, row in enumerate(rows):
        _interval(axes, place, row, "flips", ENSEMBLE)
    axes.axhline(0.5, color=MARKS["note"], linewidth=0.5)
    _named(axes, [_subgroup(row) for row in rows])
    axes.set_xlim(left=0)
    axes.set_xlabel("negative flips (%)")
    axes.set_title(labels.run(rows[0]["run"]))


def _subgroup(row: Row) -> str:
    named = f"{row['attribute']}: {row['subgroup'].partition(' (')[0]}" if row["attribute"] else "all"
    return f"{textwrap.shorten(named, LETTERS, placeholder=' …')} ({row['cases']})"


def _interval(axes: Axes, place: int, row: Row, value: str, network: str) -> None:
    colour = colour_of(network)
    name = labels.run(BASELINE_STUDENT) if network == BASELINE else labels.network(network)
    axes.plot(number(row[value]), place, "o", color=colour, markersize=3, label=name)
    axes.hlines(place, number(row["low"]), number(row["high"]), color=colour, linewidth=0.9)


def _named(axes: Axes, names: Sequence[str]) -> None:
    """Names of the rows at the left, the first above."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x")
