"""Score against size: what a network or an ensemble is worth for its parameters."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kdml import wording
from kdml.figures.common import PAPER, TECHNIQUES, Data, number
from kdml.grids import primary
from kdml.sharing import TECHNIQUES as TITLES
from kdml.sharing import VARIANTS

Row = dict[str, str]
MARKERS = {"v1": "o", "v2": "s", "v3": "D"}
# network of a run -> row of the costs; single students differ in nothing but their training.
COSTS = {"teacher": "teacher", "s1": "student", "s2": "student", "ensemble": "ensemble"}
ALONE = {"baseline_teacher": "teacher", "baseline_student": "student"}


def draw(data: Data) -> Figure:
    """Two panels: score against parameters, and against latency."""
    costs = {row["network"]: row for row in data.rows("costs")}
    values = sorted(data.values(), key=lambda row: wording.run_order(row["run"]))
    metric = primary(values)
    rows = [row for row in values if (row["truth"], row["metric"]) == ("label", metric) and _cost(row) in costs]
    figure = Figure(figsize=(7.2, 3.2))
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, column, scale in ((left, "parameters", 1e6), (right, "latency_ms", 1)):
        _panel(axes, rows, costs, column, scale)
    one = costs["teacher"]
    left.set(xlabel="parameters (million)", ylabel=f"{wording.METRICS[metric]} (%), n = {rows[0]['cases']} test images")
    right.set(xlabel=f"latency, ms per image of {one['size']} px (CPU, {one['threads']} threads)")
    handles, labels = left.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    unique |= {text: Line2D([], [], color="white") for text in ("open: single networks", "filled: ensembles")}
    figure.legend(unique.values(), unique.keys(), loc="upper center", ncols=4, bbox_to_anchor=(0.5, 0.02))
    figure.tight_layout()
    return figure


def _cost(row: Row) -> str | None:
    return ALONE.get(row["run"]) if row["network"] == "baseline" else COSTS.get(row["network"])


def _panel(axes: Axes, rows: list[Row], costs: dict[str, Row], column: str, scale: float) -> None:
    points = []
    for place, row in enumerate(rows):
        x, mean = number(costs[_cost(row)][column]) / scale, number(row["mean"])
        points.append((x, mean))
        technique, strategy = VARIANTS.get(row["run"], (None, None))
        # Slightly apart, because networks of one architecture share their costs.
        shift = 1 + 0.012 * (place % 7 - 3)
        style = {
            "color": TECHNIQUES.get(technique, "#000000"),
            "marker": MARKERS.get(strategy, "*"),
            "markersize": 4 if technique else 8,
        }
        style |= {"mfc": "white"} if row["network"] in ("s1", "s2", "teacher") else {}
        label = f"{TITLES[technique].title} {strategy.upper()}" if technique else wording.run(row["run"])
        axes.plot(x * shift, mean, linestyle="", label=label, **style)
        if row["network"] in ("ensemble", "baseline"):
            axes.plot(
                [x * shift] * 2,
                [number(row["low"]), number(row["high"])],
                color=style["color"],
                linewidth=0.6,
                alpha=0.7,
            )
    front = _front(points)
    axes.step([x for x, _ in front], [y for _, y in front], where="post", color=PAPER, linestyle=":", zorder=0)
    axes.grid()
    ordered = sorted(costs.items(), key=lambda item: number(item[1][column]))
    for place, (network, row) in enumerate(ordered):
        axes.axvline(number(row[column]) / scale, color=PAPER, linewidth=0.5, zorder=0)
        axes.text(
            number(row[column]) / scale,
            1.0 + 0.045 * (place % 2),
            network,
            transform=axes.get_xaxis_transform(),
            fontsize=6.5,
            color="#555555",
            va="bottom",
            ha="center",
        )


def _front(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points that nothing smaller or equal in size beats."""
    front: list[tuple[float, float]] = []
    for x, y in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or y > front[-1][1]:
            front.append((x, y))
    return front
