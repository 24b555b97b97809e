"""What all figures share: their colours, their style file, their margins, and how they are written."""

import logging
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from kdml.common.files import written_whole
from kdml.common.project import ROOT
from kdml.reporting.templates import by_suffix

STYLE = yaml.safe_load((ROOT / "workflow" / "report" / "style.yaml").read_text(encoding="utf-8"))
NETWORKS: Mapping[str, str] = STYLE["networks"]
TECHNIQUES: Mapping[str, str] = STYLE["techniques"]
KNOWLEDGE: Mapping[str, str] = STYLE["knowledge"]
REGIONS: Mapping[str, str] = STYLE["regions"]
MARKS: Mapping[str, str] = STYLE["marks"]


def number(text: str) -> float:
    """A CSV's number; NaN where it is empty."""
    return float(text) if text != "" else float("nan")


def colour_of(network: str) -> str:
    """Colour of a network, whatever the number of students."""
    return NETWORKS.get(network, MARKS["other"])


def footnote(figure, text: str, below: float = 0.1) -> None:
    """Write a line below the figure, `below` inches under it, wrapped to its width."""
    if text:
        lines = "\n".join(textwrap.wrap(text, int(figure.get_figwidth() * 17)))
        height = -below / figure.get_figheight()
        figure.text(0.01, height, lines, ha="left", va="top", fontsize=7, color=MARKS["note"])


def margins(figure, top: float, bottom: float) -> None:
    """Leave so many inches above and below the panels, however tall the figure is."""
    height = figure.get_figheight()
    figure.subplots_adjust(top=1 - top / height, bottom=bottom / height)


def save(figure, title: str, note: str, paths: Iterable[Path]) -> None:
    """Write a figure cut to what is drawn, in the forms that the files' names end with: pdf, png.

    Args:
        figure: to write.
        title: for the file's metadata.
        note: on the experiment, for the file's metadata.
        paths: of the files.

    Raises:
        UserError: a file's name has another ending.
    """
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every table of every font
    # Measured once, because laying out many panels costs seconds.
    drawn = figure.get_tightbbox().padded(STYLE["rc"]["savefig.pad_inches"])
    metadata = {
        "pdf": {"CreationDate": None, "Title": title, "Subject": note},  # without a date equal data give equal files
        "png": {"Title": title, "Description": note},
    }
    for suffix, path in by_suffix(paths, tuple(metadata)).items():
        with written_whole(path) as temporary:
            figure.savefig(temporary, metadata=metadata[suffix], bbox_inches=drawn)
