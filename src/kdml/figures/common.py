"""What all figures share: their inputs, their colours, their style file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdml.files import MAKE_AGAIN, read_csv
from kdml.grids import renamed
from kdml.project import ROOT
from kdml.sharing import is_student

STYLE = ROOT / "workflow" / "report" / "style.mplstyle"

# Okabe and Ito's palette; a network and a technique have the same colour wherever they appear.
NETWORKS: Mapping[str, str] = {
    "teacher": "#000000",
    "s1": "#0072B2",
    "s2": "#D55E00",
    "ensemble": "#009E73",
    "both": "#CC79A7",
    "baseline": "#E69F00",
}
TECHNIQUES: Mapping[str, str] = {"ml": "#E69F00", "kd_off": "#56B4E9", "kd_on": "#0072B2", "kd_ml": "#009E73"}
KNOWLEDGE: Mapping[str, str] = {"predictions": "#0072B2", "features": "#D55E00"}
FOUND, MISSED, TRUTH = "#009E73", "#D55E00", "#56B4E9"
PAPER = "#8a919c"
OTHER = ("#CC79A7", "#F0E442", "#999999")


@dataclass(frozen=True)
class Data:
    """What a figure is drawn from.

    Args:
        files: by label; several may share one.
        option: a choice within the kind of figure.
        extra: what the configuration says, as JSON: graphs, titles.
    """

    files: Mapping[str, Sequence[Path]]
    option: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def rows(self, label: str) -> list[dict[str, str]]:
        """Rows of all CSV files of a label."""
        return [row for path in self.files[label] for row in read_csv(path, MAKE_AGAIN)]

    def values(self) -> list[dict[str, str]]:
        """Values at a place, those of teacher and student trained alone among them."""
        alone = [
            row
            for role in ("teacher", "student")
            if f"values-{role}" in self.files
            for row in renamed(self.rows(f"values-{role}"), role)
        ]
        return [*self.rows("values"), *alone]

    def one(self, label: str) -> Path:
        """The only file of a label."""
        (path,) = self.files[label]
        return path


def number(text: str) -> float:
    """A CSV's number; NaN where it is empty."""
    return float(text) if text != "" else float("nan")


def colour_of(network: str) -> str:
    """Of a network, also of a third student and beyond."""
    if network in NETWORKS:
        return NETWORKS[network]
    return OTHER[int(network[1:]) % len(OTHER)] if is_student(network) else OTHER[-1]


def footnote(figure, text: str, below: float = 0.1) -> None:
    """A line below the figure, `below` inches under it, wrapped to its width."""
    if text:
        import textwrap

        lines = "\n".join(textwrap.wrap(text, int(figure.get_figwidth() * 17)))
        height = -below / figure.get_figheight()
        figure.text(0.01, height, lines, ha="left", va="top", fontsize=7, color="#444444")


def margins(figure, top: float, bottom: float) -> None:
    """Leave so many inches above and below the panels, however tall the figure is."""
    height = figure.get_figheight()
    figure.subplots_adjust(top=1 - top / height, bottom=bottom / height)
