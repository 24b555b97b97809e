"""Figures 6, 10 and 11: CKA between the layers of two networks as heat maps; beside them the means over the higher layers."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from kdml.common.errors import UserError
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import MAPS, MARKS, MM, SMALL, canvas, colour_of, footnote, number
from kdml.reporting.table_model import Row
from kdml.runs.graph import STRATEGIES, STUDENTS, TEACHER, TECHNIQUES, VARIANTS, TeacherMode

HEAD, FOOT, STRIP = 24, 20, 30  # millimetres: above and below the maps, width of the means beside them
LINE = 2.4  # millimetres that a name needs
ROW = 27  # millimetres of a row of maps, at least
EXTRA = "extra"  # what the teacher's extra block is called here


class Matrix(NamedTuple):
    """CKA of layers, (first, second), and (name, whether it is a higher one) of both."""

    values: np.ndarray
    first: list[tuple[str, bool]]
    second: list[tuple[str, bool]]


Key = tuple[str, str, str]
"""(run, first network, second network)."""

# A row or a column of the figure is a part of the key (technique, strategy, first, second); None is filled by the other.
Part = tuple[str | None, str | None, str | None, str | None]


def draw(data: Data) -> Figure:
    """Heat maps in the rows and columns that the figure's number asks for, and the means of every row.

    Args:
        data: files `layers` of the first seed and `upper` of all; the option `number` of the figure.

    Raises:
        UserError: the runs have no networks that the figure compares.
    """
    matrices, upper = _matrices(data.rows("layers")), data.rows("upper")
    rows, columns = {"6": _students_by_strategy, "10": _all_with_teacher, "11": _between_students}[
        data.options["number"]
    ](matrices)
    cells = {(r, c): key for r in rows for c in columns if (key := _cell(r, c)) in matrices}
    if not cells:
        raise UserError(
            f"Figure {data.options['number']} compares networks that these runs do not have.",
            "run a technique with a teacher, or baselines",
        )
    layers = max(len(matrices[key].first) for key in cells.values())
    figure = canvas(2, HEAD + FOOT + len(rows) * max(ROW, 1.4 * layers))
    _grid(figure, matrices, _means(upper), rows, columns, cells)
    images, seeds = (sorted({row[name] for row in upper}, key=int) for name in ("images", "seed"))
    of = f"{' or '.join(images)} test images, {labels.counted(len(seeds), 'seed')}"
    has_extra = any(name == EXTRA for key in cells.values() for name, _ in matrices[key].first)
    extra = f" {EXTRA}: the block that the paper adds to the teacher." if has_extra else ""
    footnote(figure, f"CKA on {of}. Maps: first seed. A dot is a seed, the bar their mean.{extra}")
    return figure


# Data


def _matrices(rows: Sequence[Row]) -> dict[Key, Matrix]:
    found = defaultdict(list)
    for row in rows:
        found[row["run"], row["first"], row["second"]].append(row)
    return {key: _matrix(mine) for key, mine in found.items()}


def _matrix(rows: Sequence[Row]) -> Matrix:
    first = dict.fromkeys((int(row["row"]), row["first_layer"], row["first_upper"] == "1") for row in rows)
    second = dict.fromkeys((int(row["column"]), row["second_layer"], row["second_upper"] == "1") for row in rows)
    values = np.full((len(first), len(second)), np.nan)
    for row in rows:
        values[int(row["row"]), int(row["column"])] = number(row["cka"])
    return Matrix(values, *([(name, upper) for _, name, upper in side] for side in (first, second)))


def _means(rows: Sequence[Row]) -> dict[Key, list[float]]:
    """Means over the higher layers of all seeds, the first seed first."""
    found = defaultdict(list)
    for row in sorted(rows, key=lambda row: int(row["seed"])):
        found[row["run"], row["first"], row["second"]].append(number(row["upper_mean"]))
    return found


def _cell(row: Part, column: Part) -> Key:
    technique, strategy, first, second = (a or b for a, b in zip(row, column, strict=True))
    return f"{technique}_{strategy}", str(first), str(second)


def _strategies(matrices: Mapping[Key, Matrix]) -> list[str]:
    return [s for s in STRATEGIES if any(VARIANTS[run][1] == s for run, *_ in matrices if run in VARIANTS)]


def _techniques(matrices: Mapping[Key, Matrix]) -> list[str]:
    return [t for t in TECHNIQUES if any(VARIANTS[run][0] == t for run, *_ in matrices if run in VARIANTS)]


def _students_by_strategy(matrices: Mapping[Key, Matrix]) -> tuple[list[Part], list[Part]]:
    rows: list[Part] = [("kd_ml", strategy, None, None) for strategy in _strategies(matrices)]
    return rows, [(None, None, TEACHER, student) for student in STUDENTS]


def _all_with_teacher(matrices: Mapping[Key, Matrix]) -> tuple[list[Part], list[Part]]:
    rows: list[Part] = [(technique, None, None, None) for technique in _techniques(matrices)]
    return rows, [(None, strategy, TEACHER, student) for strategy in _strategies(matrices) for student in STUDENTS]


def _between_students(matrices: Mapping[Key, Matrix]) -> tuple[list[Part], list[Part]]:
    rows: list[Part] = [(technique, None, "s1", "s2") for technique in _techniques(matrices)]
    return rows, [(None, strategy, None, None) for strategy in _strategies(matrices)]


# Names


def stage(layer: str) -> str:
    """Name of the part of a network that a layer belongs to: `layer4.0` of a ResNet is of stage 4, `d2` of the decoder.

    Args:
        layer: as the network names it.
    """
    if re.fullmatch(r"d\d+", layer):
        return "decoder"
    if found := re.match(r"([a-z_]+?)\.?(\d+)(?:\.|$)", layer):
        return f"stage {int(found[2]) + (found[1] != 'layer')}"  # of other networks they are counted from 0
    return {"extra block": EXTRA}.get(layer, layer)


def ticks(layers: Sequence[str], step: float) -> dict[float, str]:
    """Names of stages at their middles; of those that would overlap the deeper one stays.

    Args:
        layers: of a network, by depth.
        step: millimetres from one to the next.
    """
    found, last = {}, float("inf")
    places = groupby(enumerate(layers), key=lambda one: stage(one[1]))
    for name, members in reversed([(name, list(members)) for name, members in places]):
        middle = (members[0][0] + members[-1][0]) / 2
        if (last - middle) * step >= LINE:
            found[middle], last = name, middle
    return found


def _row_name(row: Part, first: str) -> str:
    """Strategy or technique of a row, and the network whose layers run down, which need not be its teacher."""
    technique, strategy = str(row[0]), row[1]
    other = first == TEACHER and TECHNIQUES[technique].teacher is TeacherMode.NONE
    title = STRATEGIES[strategy].title if strategy else TECHNIQUES[technique].title
    return f"{title}\n{'T: not its teacher' if other else f'layers of {labels.network(first)}'}"


def _column_name(column: Part, word: str = " ") -> str:
    """Strategy and student, where the column has them."""
    parts = [STRATEGIES[column[1]].title if column[1] else "", labels.network(column[3]) if column[3] else ""]
    return word.join(filter(None, parts))


# Drawing


def _grid(
    figure: Figure, matrices, means, rows: list[Part], columns: list[Part], cells: Mapping[tuple[Part, Part], Key]
) -> None:
    width = figure.get_figwidth() / MM
    beside = STRIP * len(columns) / (width - STRIP)
    grid = figure.add_gridspec(len(rows), len(columns) + 1, width_ratios=[*[1] * len(columns), beside])
    size = ((width - STRIP - 22) / len(columns) - 2, (figure.get_figheight() / MM - HEAD - FOOT) / len(rows) - 3)
    maps: list[Axes] = []
    for r, row in enumerate(rows):
        keys = {column: cells[row, column] for column in columns if (row, column) in cells}
        for column, key in keys.items():
            axes = figure.add_subplot(grid[r, columns.index(column)])
            _heat_map(axes, matrices[key], means[key][0], size)
            if column == next(iter(keys)):
                axes.set_ylabel(_row_name(row, key[1]))
            else:
                axes.set_yticklabels([])
            if r == len(rows) - 1 or (rows[r + 1], column) not in cells:
                axes.set_xlabel(f"layers of {labels.network(key[2])}")
            else:
                axes.set_xticklabels([])
            if not any((before, column) in cells for before in rows[:r]):
                axes.set_title(_column_name(column, ": T and ") if column[1] else f"T and {_column_name(column)}")
            maps.append(axes)
        strip = figure.add_subplot(grid[r, -1])
        _strip(strip, {_column_name(column): (key, means[key]) for column, key in keys.items()})
        if r == 0:
            strip.set_title("mean in the frame")
        if r == len(rows) - 1:
            strip.set_xlabel("CKA")
        else:
            strip.set_xticklabels([])
    colours = ScalarMappable(Normalize(0, 1), cmap=MAPS["similarity"])
    bar = figure.colorbar(colours, ax=maps, location="top", shrink=0.4, aspect=40, pad=0.02)
    bar.set_label("CKA", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL, length=2)


def _heat_map(axes: Axes, matrix: Matrix, mean: float, size: tuple[float, float]) -> None:
    """Draw a map in about so many millimetres, the higher layers of both framed, with their mean."""
    # The first network's depth runs downwards, the second's to the right.
    names = {"xticklabels": False, "yticklabels": False}
    seaborn.heatmap(matrix.values, ax=axes, cmap=MAPS["similarity"], vmin=0, vmax=1, cbar=False, **names)
    axes.tick_params(length=0, labelsize=SMALL, pad=1)
    for axis, side, length in ((axes.yaxis, matrix.first, size[1]), (axes.xaxis, matrix.second, size[0])):
        named = ticks([name for name, _ in side], length / len(side))
        axis.set_ticks([place + 0.5 for place in named], [*named.values()])
    axes.tick_params(axis="x", rotation=90)
    rows, columns = ([place for place, (_, upper) in enumerate(side) if upper] for side in matrix[1:])
    corner = (columns[0], rows[0])
    style = {"edgecolor": MARKS["frame"], "linewidth": 1.4, "clip_on": False}
    frame = Rectangle(corner, len(columns), len(rows), fill=False, **style)
    frame.set_path_effects([withStroke(linewidth=2.4, foreground=MARKS["other"])])
    axes.add_patch(frame)
    behind = {"facecolor": MARKS["other"], "edgecolor": "none", "alpha": 0.65, "pad": 0.8}
    said = {"color": MARKS["frame"], "fontsize": SMALL, "bbox": behind}
    axes.text(columns[-1] + 0.95, rows[-1] + 0.9, f"{mean:.2f}", ha="right", va="bottom", **said)


def _strip(axes: Axes, means: Mapping[str, tuple[Key, Sequence[float]]]) -> None:
    """Draw the means of a row: a dot for each seed, a bar for their mean."""
    for place, ((_, first, second), of_seeds) in enumerate(means.values()):
        colour = colour_of(second) if first == TEACHER else MARKS["other"]
        axes.plot(of_seeds, [place] * len(of_seeds), "o", color=colour, markersize=3, alpha=0.7, clip_on=False)
        axes.plot([np.mean(of_seeds)] * 2, [place - 0.3, place + 0.3], color=colour, linewidth=1.6)
    axes.set(xlim=(0, 1), ylim=(len(means) - 0.4, -0.6), xticks=[0, 0.5, 1])
    axes.set_yticks(range(len(means)), [*means], fontsize=SMALL)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
