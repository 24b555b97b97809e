"""Columns of tables that LaTeX prints: how they are set, and how wide they are.

Widths are estimated from letters, so that a table fits wherever it is compiled.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kdml.reporting.latex_text import MM, after_number, width, words_of, wrapped
from kdml.reporting.table_model import MINUS, Block, Cell

SEPARATION = 4.0  # on each side of a column
NARROWEST = 12 * MM  # of a column of words that is broken into lines
HEADING = 18 * MM  # room that a heading has even above narrow cells
ROUNDING = 0.1
WIDEST_HEADING = 45 * MM  # of a row
PAPER = "    paper"  # heads the row below ours
NUMBER = re.compile(rf"({MINUS}?)(\d[\d,]*)(?:\.(\d+))?(?![\d.])(.*)")


@dataclass(frozen=True)
class SetColumn:
    """A column of a block as it is set: its heading, its place in the preamble, its width.

    Args:
        heading: lines above it.
        specification: in the preamble.
        width: in points.
        is_number: whether its cells are aligned at the decimal point.
    """

    heading: tuple[str, ...]
    specification: str
    width: float
    is_number: bool


def fits(block: Block, page: float) -> bool:
    """Tell whether a block is no wider than a page, in points."""
    return room_of(columns_of(block, page)) < page + ROUNDING


def columns_of(block: Block, page: float) -> list[SetColumn]:
    """Columns as wide as what stands in them; words are broken into lines where the page is too narrow.

    Args:
        block: to set, its rows' headings in a column of their own before the others.
        page: its width in points.
    """
    columns = [_heading_of_rows(block)] if block.headed else []
    for place, (column, is_number) in enumerate(zip(block.columns, block.numbers, strict=True)):
        cells = [line.cells[place] for line in block.lines]
        columns.append(_of_numbers(column.title, cells) if is_number else _of_words(column.title, cells))
    missing = page - room_of(columns)
    if missing < 0 and not block.headed:
        columns = _broken(block, columns, -missing)
    return _below_groups(block, columns)


def _below_groups(block: Block, columns: list[SetColumn]) -> list[SetColumn]:
    """Columns with the last of every group as wide as the heading above them needs."""
    end = int(block.headed)
    for group in block.groups:
        start, end = end, end + len(group.columns)
        room = room_of(columns[start:end])
        if (needed := max(map(width, wrapped(group.title, room)))) > room:
            columns[end - 1] = replace(columns[end - 1], width=columns[end - 1].width + needed - room)
    return columns


def room_of(columns: Sequence[SetColumn]) -> float:
    """Width of columns beside each other, in points."""
    return sum(column.width for column in columns) + 2 * SEPARATION * (len(columns) - 1)


def _heading_of_rows(block: Block) -> SetColumn:
    natural = max(map(width, (*(line.title for line in block.lines), PAPER)))
    if natural <= WIDEST_HEADING:
        lines = wrapped(block.title, max(natural, HEADING))
        return SetColumn(lines, "l", max(natural, *map(width, lines), 0), is_number=False)
    return SetColumn(wrapped(block.title, WIDEST_HEADING), _paragraph(WIDEST_HEADING), WIDEST_HEADING, is_number=False)


def _of_numbers(title: str, cells: Sequence[Cell]) -> SetColumn:
    """A column aligned at the decimal point, with room for the longest text behind a number."""
    texts = [(cell.text, " ★" if cell.best else "") for cell in cells] + [(cell.paper, "") for cell in cells]
    found = [(match, star) for text, star in texts if (match := NUMBER.fullmatch(text))]
    sign = any(match[1] for match, _ in found)
    whole = max((len(match[2].replace(",", "")) for match, _ in found), default=1)
    commas = max((match[2].count(",") for match, _ in found), default=0)
    decimals = max((len(match[3] or "") for match, _ in found), default=0)
    longest = max((f"{match[4]}{star}" for match, star in found), key=width, default="")
    natural = width("0" * (whole + decimals) + "," * commas + "." * bool(decimals) + MINUS * sign + longest)
    natural = max([natural, *(width(text) for text, _ in texts if not NUMBER.fullmatch(text))])
    lines = wrapped(title, max(natural, HEADING))
    options = f"table-format={'-' * sign}{whole}.{decimals}"
    if longest:
        options += f",table-space-text-post={{\\normalfont{after_number(longest)}}}"  # no wider where a number is bold
    return SetColumn(lines, f"S[{options}]", max(natural, *map(width, lines)), is_number=True)


def _of_words(title: str, cells: Sequence[Cell]) -> SetColumn:
    natural = max((width(cell.text) for cell in cells), default=0.0)
    lines = wrapped(title, max(natural, HEADING))
    return SetColumn(lines, "l", max(natural, *map(width, lines)), is_number=False)


def _broken(block: Block, columns: Sequence[SetColumn], excess: float) -> list[SetColumn]:
    """Columns with those of words made narrower, the widest first, down to their longest word."""
    widths = [column.width for column in columns]
    least = [_least(block, place) for place in range(len(columns))]
    while excess > 0:
        open_ = [place for place, column in enumerate(columns) if not column.is_number and widths[place] > least[place]]
        if not open_:
            break
        widest = max(open_, key=lambda place: widths[place])
        cut = min(excess, widths[widest] - least[widest], max(widths[widest] / 20, 1.0))
        widths[widest] -= cut
        excess -= cut
    return [
        column
        if wanted == column.width
        else SetColumn(wrapped(block.columns[place].title, wanted), _paragraph(wanted), wanted, is_number=False)
        for place, (column, wanted) in enumerate(zip(columns, widths, strict=True))
    ]


def _least(block: Block, place: int) -> float:
    """Width of the longest word of a column."""
    texts = [block.columns[place].title, *(line.cells[place].text for line in block.lines)]
    return max(NARROWEST, *(width(word) for text in texts for word in words_of(text)))


def _paragraph(points: float) -> str:
    return rf">{{\raggedright\arraybackslash}}p{{{points:.1f}pt}}"
