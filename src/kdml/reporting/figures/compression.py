"""Score against size: what a network or an ensemble is worth for its parameters."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kdml.analysis.scores_by_cost import ALONE
from kdml.reporting import labels
from kdml.reporting.figures.common import MARKS, TECHNIQUES, Data, number
from kdml.runs.graph import TECHNIQUES as TITLES
from kdml.runs.graph import VARIANTS

Row = dict[str, str]
MARKERS = {"v1": "o", "v2": "s", "v3": "D"}


def draw(data: Data) -> Figure:
    """Two panels: score against parameters, and against latency."""
    rows = sorted(data.rows("scores"), key=lambda row: labels.run_order(row["run"]))
    some = rows[0]
    figure = Figure(figsize=(7.2, 3.2))
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, cost, scale in ((left, "parameters", 1e6), (right, "latency_ms", 1)):
        _panel(axes, rows, cost, scale)
    left.set(
        xlabel="parameters (million)", ylabel=f"{labels.METRICS[some['metric']]} (%), n = {some['cases']} test images"
    )
    threads = labels.counted(some["threads"], "thread")
    right.set(xlabel=f"latency, ms per image of {some['size']} px (CPU, {threads})")
    handles, names = left.get_legend_handles_labels()
    unique = dict(zip(names, handles, strict=True))
    unique |= {text: Line2D([], [], color="white") for text in ("open: single networks", "filled: ensembles")}
    figure.legend(unique.values(), unique.keys(), loc="upper center", ncols=4, bbox_to_anchor=(0.5, 0.02))
    figure.tight_layout()
    return figure


def _panel(axes: Axes, rows: list[Row], cost: str, scale: float) -> None:
    groups = {(row["of"], row["students"]): number(row[cost]) / scale for row in rows}
    step = (max(groups.values()) - min(groups.values()) or 1) / 150
    for place, row in enumerate(rows):
        # Slightly apart, because networks of one architecture share their costs.
        _point(axes, row, number(row[cost]) / scale + step * (place % 7 - 3))
    front = sorted((number(row[cost]) / scale, number(row["mean"])) for row in rows if row[f"front_{cost}"] == "1")
    axes.step([x for x, _ in front], [y for _, y in front], where="post", color=MARKS["paper"], linestyle=":", zorder=0)
    axes.grid()
    for place, ((of, students), x) in enumerate(sorted(groups.items(), key=lambda item: item[1])):
        axes.axvline(x, color=MARKS["paper"], linewidth=0.5, zorder=0)
        name = f"{students} students" if of == "ensemble" else of
        style = {"transform": axes.get_xaxis_transform(), "fontsize": 7, "color": MARKS["paper"]}
        axes.text(x, 1.0 + 0.05 * (place % 2), name, va="bottom", ha="center", **style)


def _point(axes: Axes, row: Row, x: float) -> None:
    technique, strategy = VARIANTS.get(row["run"], (None, None))
    alone = row["run"] in ALONE
    style = {
        "color": TECHNIQUES.get(technique, MARKS["other"]),
        "marker": MARKERS.get(strategy, "*" if alone else "P"),
        "markersize": 8 if alone else 4,
    }
    style |= {} if alone or row["of"] == "ensemble" else {"mfc": "white"}
    label = f"{TITLES[technique].title} {strategy.upper()}" if technique else labels.run(row["run"])
    axes.plot(x, number(row["mean"]), linestyle="", label=label, **style)
    if alone or row["of"] == "ensemble":
        ends = [number(row["low"]), number(row["high"])]
        axes.plot([x, x], ends, color=style["color"], linewidth=0.6, alpha=0.7)
