"""What all figures share: their inputs, their colours, their style file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kdml.common.files import MAKE_AGAIN, read_csv
from kdml.common.project import ROOT
from kdml.reporting.plain_tables import renamed

STYLE = yaml.safe_load((ROOT / "workflow" / "report" / "style.yaml").read_text(encoding="utf-8"))
NETWORKS: Mapping[str, str] = STYLE["networks"]
TECHNIQUES: Mapping[str, str] = STYLE["techniques"]
KNOWLEDGE: Mapping[str, str] = STYLE["knowledge"]
REGIONS: Mapping[str, str] = STYLE["regions"]
MARKS: Mapping[str, str] = STYLE["marks"]


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
    """Of a network, whatever the number of students."""
    return NETWORKS.get(network, MARKS["other"])


def footnote(figure, text: str, below: float = 0.1) -> None:
    """A line below the figure, `below` inches under it, wrapped to its width."""
    if text:
        import textwrap

        lines = "\n".join(textwrap.wrap(text, int(figure.get_figwidth() * 17)))
        height = -below / figure.get_figheight()
        figure.text(0.01, height, lines, ha="left", va="top", fontsize=7, color=MARKS["note"])


def margins(figure, top: float, bottom: float) -> None:
    """Leave so many inches above and below the panels, however tall the figure is."""
    height = figure.get_figheight()
    figure.subplots_adjust(top=1 - top / height, bottom=bottom / height)
