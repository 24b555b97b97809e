"""Figures 6, 10 and 11: CKA between the layers of two networks as heat maps, the higher layers framed."""

from collections import defaultdict

import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kdml.common.errors import UserError
from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import MARKS, number
from kdml.reporting.table_model import Row
from kdml.runs.graph import STRATEGIES, TECHNIQUES, VARIANTS

Matrix = tuple[np.ndarray, list[tuple[str, bool]], list[tuple[str, bool]]]


def draw(data: Data) -> Figure:
    """Heat maps in the rows and columns that the figure's number asks for.

    Args:
        data: files `layers` and `upper`; the option `number` of the figure.

    Raises:
        UserError: the runs have no networks that the figure compares.
    """
    matrices = read(data)
    upper = _of_first_seed(data.rows("upper"))
    means = {(row["run"], row["first"], row["second"]): number(row["upper_mean"]) for row in upper}
    rows, columns = {"6": _students_by_strategy, "10": _all_with_teacher, "11": _between_students}[
        data.options["number"]
    ](matrices)
    cells = {(r, c): key for r in rows for c in columns if (key := _cell(r, c)) in matrices}
    if not cells:
        raise UserError(
            f"Figure {data.options['number']} compares networks that these runs do not have.",
            "run a technique with a teacher, or baselines",
        )
    images = " or ".join(sorted({row["images"] for row in upper}))
    return _grid(matrices, means, rows, columns, cells, images)


def read(data: Data) -> dict[tuple[str, str, str], Matrix]:
    """Matrices of CKA of the first seed and the layers of both sides, by (run, first, second).

    Args:
        data: the files `layers`.
    """
    found = defaultdict(list)
    for row in _of_first_seed(data.rows("layers")):
        found[row["run"], row["first"], row["second"]].append(row)
    return {key: _matrix(mine) for key, mine in found.items()}


def _of_first_seed(rows: list[Row]) -> list[Row]:
    first = min((int(row["seed"]) for row in rows), default=0)
    return [row for row in rows if int(row["seed"]) == first]


def _matrix(rows: list[Row]) -> Matrix:
    first = dict.fromkeys((int(row["row"]), row["first_layer"], row["first_upper"] == "1") for row in rows)
    second = dict.fromkeys((int(row["column"]), row["second_layer"], row["second_upper"] == "1") for row in rows)
    values = np.full((len(first), len(second)), np.nan)
    for row in rows:
        values[int(row["row"]), int(row["column"])] = number(row["cka"])
    return values, *([(name, upper) for _, name, upper in side] for side in (first, second))


# A row or a column of the figure is a part of the key (technique, strategy, first, second); None is filled by the other.
Part = tuple[str | None, str | None, str | None, str | None]


def _cell(row: Part, column: Part) -> tuple[str, str, str]:
    technique, strategy, first, second = (a or b for a, b in zip(row, column, strict=True))
    return f"{technique}_{strategy}", first, second


def _strategies(matrices) -> list[str]:
    return [s for s in STRATEGIES if any(VARIANTS[run][1] == s for run, *_ in matrices if run in VARIANTS)]


def _techniques(matrices) -> list[str]:
    return [t for t in TECHNIQUES if any(VARIANTS[run][0] == t for run, *_ in matrices if run in VARIANTS)]


def _students_by_strategy(matrices) -> tuple[list[Part], list[Part]]:
    rows = [("kd_ml", strategy, None, None) for strategy in _strategies(matrices)]
    return rows, [(None, None, "teacher", student) for student in ("s1", "s2")]


def _all_with_teacher(matrices) -> tuple[list[Part], list[Part]]:
    rows = [(technique, None, None, None) for technique in _techniques(matrices)]
    return rows, [
        (None, strategy, "teacher", student) for strategy in _strategies(matrices) for student in ("s1", "s2")
    ]


def _between_students(matrices) -> tuple[list[Part], list[Part]]:
    rows = [(technique, None, "s1", "s2") for technique in _techniques(matrices)]
    return rows, [(None, strategy, None, None) for strategy in _strategies(matrices)]


def _grid(matrices, means, rows, columns, cells, images: str) -> Figure:
    some = next(iter(matrices[key] for key in cells.values()))
    # Panels in inches: a line of text per layer, and room for the titles.
    width, height = max(1.15, 0.125 * len(some[2])), max(1.0, 0.115 * len(some[1]))
    figure = Figure(figsize=((width + 0.12) * len(columns) + 1.9, (height + 0.45) * len(rows) + 0.9))
    spaces = {
        "wspace": 0.12 / width,
        "hspace": 0.45 / height,
        "left": 1.0 / figure.get_figwidth(),
        "right": 1 - 0.9 / figure.get_figwidth(),
    }
    grid = figure.add_gridspec(len(rows), len(columns), **spaces)
    bar = figure.add_axes((1 - 0.6 / figure.get_figwidth(), 0.3, 0.14 / figure.get_figwidth(), 0.4))
    for (row, column), key in cells.items():
        r, c = rows.index(row), columns.index(column)
        axes = figure.add_subplot(grid[r, c])
        _heat_map(axes, matrices[key], bar)
        _label(axes, key, means[key], leftmost=c == 0, lowest=r == len(rows) - 1 or (rows[r + 1], column) not in cells)
    bar.set_title(f"CKA\nn = {images}", fontsize=8)
    return figure


def _heat_map(axes: Axes, matrix: Matrix, bar: Axes) -> None:
    values, first, second = matrix
    names = {"xticklabels": [name for name, _ in second], "yticklabels": [name for name, _ in first]}
    seaborn.heatmap(values, ax=axes, cmap="viridis", vmin=0, vmax=1, cbar_ax=bar, square=False, **names)
    rows, columns = ([place for place, (_, upper) in enumerate(side) if upper] for side in (first, second))
    # The teacher's depth runs downwards, the student's to the right.
    frame = Rectangle(
        (columns[0], rows[0]),
        len(columns),
        len(rows),
        fill=False,
        edgecolor=MARKS["frame"],
        linewidth=1.6,
        clip_on=False,
    )
    axes.add_patch(frame)


def _label(axes: Axes, key: tuple[str, str, str], mean: float, leftmost: bool, lowest: bool) -> None:
    run, first, second = key
    pair = f"{labels.network(first)}–{labels.network(second)}"
    axes.set_title(f"{labels.run(run)}\n{pair}: {mean:.2f}", fontsize=7.5)
    axes.tick_params(length=0, labelsize=7)
    axes.set_ylabel(f"layers of {labels.network(first)}" if leftmost else "")
    axes.set_xlabel(f"layers of {labels.network(second)}" if lowest else "")
    if not leftmost:
        axes.set_yticklabels([])
    if not lowest:
        axes.set_xticklabels([])
    else:
        axes.tick_params(axis="x", rotation=90)
