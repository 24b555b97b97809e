"""What all figures share: the page that they are printed on, what colours and lines mean, and how they are written."""

import logging
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from kdml.common.files import written_whole
from kdml.common.project import ROOT
from kdml.reporting.templates import by_suffix

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = yaml.safe_load((ROOT / "workflow" / "report" / "style.yaml").read_text(encoding="utf-8"))
NETWORKS: Mapping[str, str] = STYLE["networks"]
KNOWLEDGE: Mapping[str, str] = STYLE["knowledge"]
TERMS: Mapping[str, str] = STYLE["terms"]
TECHNIQUES: Mapping[str, str] = STYLE["techniques"]
ALONE: str = STYLE["alone"]  # marker of a network trained alone
OWN: str = STYLE["own"]  # marker of a user's own variant
REGIONS: Mapping[str, str] = STYLE["regions"]
PIXELS: Mapping[str, str] = STYLE["pixels"]
FOUND: Mapping[str, str] = STYLE["found"]
MAPS: Mapping[str, str] = STYLE["maps"]
MARKS: Mapping[str, str] = STYLE["marks"]
SMALL: float = STYLE["page"]["smallest_type"]  # points
TALLEST: float = STYLE["page"]["tallest"]  # millimetres
MM = 1 / 25.4  # inches
SYNTHETIC = "Synthetic images, not patients."
LETTERS = 0.88  # to a millimetre of width, of a line in the smallest type


def number(text: str) -> float:
    """A CSV's number; NaN where it is empty."""
    return float(text) if text != "" else float("nan")


def colour_of(network: str) -> str:
    """Colour of a network, whatever the number of students."""
    return NETWORKS.get(network, MARKS["other"])


def canvas(columns: int, height: float, **layout: Any) -> "Figure":
    """An empty figure as wide as one or two columns of a page; what is drawn is fitted into it.

    Args:
        columns: 1 or 2.
        height: in millimetres; never more than a page has.
        layout: of matplotlib's constrained layout, such as `w_pad`, in inches.
    """
    from matplotlib.figure import Figure

    size = (STYLE["page"]["widths"][columns - 1] * MM, min(height, TALLEST) * MM)
    figure = Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(**({"w_pad": 1 * MM, "h_pad": 1 * MM} | layout))
    return figure


def width_of(figure: "Figure") -> float:
    """Width of a figure in millimetres."""
    return figure.get_figwidth() / MM


def legend(figure: "Figure", marks: Mapping[str, Any], columns: int = 0) -> None:
    """Say above all panels what marks mean, each once, in a line.

    Args:
        figure: to write on.
        marks: what is drawn, by its name.
        columns: as many in a line; all if 0.
    """
    if marks:
        figure.legend([*marks.values()], [*marks], loc="outside upper left", ncols=columns or len(marks))


def footnote_lines(text: str, width: float) -> list[str]:
    """Lines of a footnote below a figure of this width in millimetres."""
    return textwrap.wrap(text, int(width * LETTERS))


def footnote(figure: "Figure", text: str) -> None:
    """Write a few lines below all panels, after what stands there, wrapped to the figure's width."""
    text = f"{' '.join(figure.get_supxlabel().split())} {text}".strip()
    if text:
        lines = "\n".join(footnote_lines(text, width_of(figure)))
        figure.supxlabel(lines, x=0.01, ha="left", fontsize=SMALL, fontweight="normal", color=MARKS["note"])


def save(figure: "Figure", title: str, note: str, paths: Iterable[Path], drawn: bool = False) -> None:
    """Write a figure in the size that it has, in the forms that the files' names end with: pdf, png.

    Args:
        figure: to write.
        title: for the file's metadata.
        note: on the experiment, for the file's metadata.
        paths: of the files.
        drawn: whether to say on it that its images are synthetic.

    Raises:
        UserError: a file's name has another ending.
    """
    if drawn:
        footnote(figure, SYNTHETIC)
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every table of every font
    metadata = {
        "pdf": {"CreationDate": None, "Title": title, "Subject": note},  # without a date equal data give equal files
        "png": {"Title": title, "Description": note},
    }
    for suffix, path in by_suffix(paths, tuple(metadata)).items():
        with written_whole(path) as temporary:
            figure.savefig(temporary, metadata=metadata[suffix])
        figure.set_layout_engine("none")  # laid out once, because many panels cost seconds
