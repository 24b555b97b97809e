"""What a reader of a printed figure gets: its size and its smallest type, read from the PDF."""

import re
from dataclasses import dataclass
from pathlib import Path

from pypdf import PdfReader

MM = 25.4 / 72
PAGE = {
    "widths": (85, 170),
    "tallest": 225,
    "smallest_type": 7,
}  # as journals ask; not read from the style that is tested


@dataclass(frozen=True)
class Printed:
    """Size in millimetres, smallest type in points."""

    width: float
    height: float
    smallest: float


def printed(path: Path) -> Printed:
    """Read a PDF of one page."""
    (page,) = PdfReader(path).pages
    content = page.get_contents().get_data()
    types = [float(size) for size in re.findall(rb"/F\S+ ([\d.]+) Tf", content)]
    return Printed(float(page.mediabox.width) * MM, float(page.mediabox.height) * MM, min(types))


def faults(path: Path) -> list[str]:
    """What of a figure does not fit a journal's page."""
    one = printed(path)
    found = []
    if min(abs(one.width - width) for width in PAGE["widths"]) > 0.5:
        found.append(f"{path.name} is {one.width:.0f} mm wide")
    if one.height > PAGE["tallest"] + 0.5:
        found.append(f"{path.name} is {one.height:.0f} mm tall")
    if one.smallest < PAGE["smallest_type"] - 0.01:
        found.append(f"{path.name} has type of {one.smallest:.1f} points")
    return found
