"""Share of the regions of the truth that are found, by their size (claim 11)."""

from matplotlib.figure import Figure

from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.figures.common import colour_of, number
from kdml.runs.graph import VARIANTS

SIZES = ("found_small", "found_medium", "found_large")


def draw(data: Data) -> Figure:
    """A panel per size, a line per run, a mark per network: both students, either student alone, the ensemble.

    Args:
        data: files `values` of variants and of networks trained alone at a place.
    """
    rows = [row for row in data.rows("values") if row["metric"] in SIZES and row["truth"] == "label"]
    runs = sorted({row["run"] for row in rows}, key=labels.run_order, reverse=True)
    networks = sorted({row["network"] for row in rows}, key=_order)
    figure = Figure(figsize=(8.2, 0.36 * len(runs) + 1.3))
    panels = figure.subplots(1, len(SIZES), sharey=True, squeeze=False)[0]
    for axes, size in zip(panels, SIZES, strict=True):
        mine = [row for row in rows if row["metric"] == size]
        for row in mine:
            height = runs.index(row["run"]) + _offset(row["network"], networks)
            style = {"color": colour_of(row["network"])}
            axes.plot([number(row["low"]), number(row["high"])], [height] * 2, linewidth=0.8, alpha=0.6, **style)
            axes.plot(number(row["mean"]), height, "o", markersize=3.2, **style)
        some = next((row for row in mine if row["run"] in VARIANTS), mine[0] if mine else None)
        axes.set(
            title=f"{size.removeprefix('found_')} regions, n = {some['of'] if some else 0}",
            xlabel="found (%)",
            xlim=(-4, 104),
        )
        axes.grid(axis="x")
    panels[0].set_yticks(range(len(runs)), [labels.run(run) for run in runs])
    for network in networks:
        panels[0].plot(
            [],
            [],
            "o",
            color=colour_of(network),
            label={"both": "found by every student"}.get(network, labels.network(network)),
        )
    figure.legend(loc="lower center", ncols=len(networks), bbox_to_anchor=(0.5, -0.06 if len(runs) > 5 else -0.16))
    figure.tight_layout()
    return figure


def _order(network: str) -> tuple[int, str]:
    """Sorting key of networks: single ones, what all students find, their ensemble."""
    return {"baseline": 0, "teacher": 1, "both": 3, "ensemble": 4}.get(network, 2), network


def _offset(network: str, networks: list[str]) -> float:
    """Networks of one run stand below each other; one that is alone stands in the middle."""
    together = [name for name in networks if name != "baseline"]
    return ((len(together) - 1) / 2 - together.index(network)) * 0.15 if network in together else 0.0
