"""The one model of a table: what its cells show, what is stored of them, and how they stand together."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kdml.reporting import labels

NOTHING = "–"
SHOWN_INTERVAL = " [95 %]"

Row = Mapping[str, str]
"""A row of a CSV."""


@dataclass(frozen=True)
class Cell:
    """A cell: what it shows, and what is stored of it.

    Args:
        text: to show.
        value: to sort and store by.
        more: further numbers to store, by a word: low, high, sd.
        paper: the paper's value, shown beside ours.
        best_of_block: whether it is the best ensemble of its block.
        best: whether it is the best ensemble of its table.
        links: names and files, shown on a page alone.
    """

    text: str
    value: float | str = ""
    more: tuple[tuple[str, float | str], ...] = ()
    paper: str = ""
    best_of_block: bool = False
    best: bool = False
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Column:
    """A column: what stands above it, and the key it is stored under."""

    title: str
    key: str = ""


@dataclass(frozen=True)
class Group:
    """Columns under one heading.

    Args:
        columns: of the group.
        title: above them.
        key: that it is stored under.
        lines: small print below the title, such as the weights of a strategy.
    """

    columns: tuple[Column, ...]
    title: str = ""
    key: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """A row of cells, one per column; `title` is its heading, if it has one."""

    cells: tuple[Cell, ...]
    title: str = ""
    key: str = ""


@dataclass(frozen=True)
class Block:
    """Rows that share their columns.

    Args:
        groups: of columns.
        lines: the rows.
        title: above the first column.
        key: that it is stored under.
        headed: whether rows have a heading; without, a reader may sort them.
    """

    groups: tuple[Group, ...]
    lines: tuple[Line, ...]
    title: str = ""
    key: str = ""
    headed: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns of all groups."""
        return tuple(column for group in self.groups for column in group.columns)

    @property
    def has_groups(self) -> bool:
        """Tell whether a heading stands above columns."""
        return any(group.title for group in self.groups)


@dataclass(frozen=True)
class Section:
    """Blocks under one heading, such as those of a protocol."""

    blocks: tuple[Block, ...]
    title: str = ""
    key: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        sections: in their order.
        notes: what a reader must know beyond the caption.
        name: that its rows are stored under, if they are stored as a tidy table.
    """

    sections: tuple[Section, ...]
    notes: tuple[str, ...] = field(default=())
    name: str = ""

    def blocks(self) -> Iterator[Block]:
        """Blocks of all sections."""
        return (block for section in self.sections for block in section.blocks)

    def cells(self) -> Iterator[Cell]:
        """Cells of all blocks."""
        return (cell for block in self.blocks() for line in block.lines for cell in line.cells)

    @property
    def sortable(self) -> bool:
        """Tell whether a reader may sort any of it."""
        return any(not block.headed for block in self.blocks())

    @property
    def has_paper(self) -> bool:
        """Tell whether the paper has a number for any cell."""
        return any(cell.paper for cell in self.cells())

    @property
    def has_best(self) -> bool:
        """Tell whether a cell is marked as the best."""
        return any(cell.best_of_block or cell.best for cell in self.cells())

    def stored(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Columns and rows for a CSV: a row per cell where rows are headed, else a row per row."""
        return _tidy(self) if self.name else _wide(self)


TIDY = ("table", "protocol", "block", "column", "network", "metric", "mean", "std", "n", "paper_mean", "paper_std")


def _tidy(table: Table) -> tuple[list[str], list[dict[str, Any]]]:
    rows = []
    for section in table.sections:
        for block in section.blocks:
            columns = [(group.key, column.key) for group in block.groups for column in group.columns]
            for line in block.lines:
                rows += [
                    {"table": table.name, "protocol": section.key, "block": block.key, "column": group}
                    | {"network": line.key, "metric": metric}
                    | dict(cell.more)
                    for (group, metric), cell in zip(columns, line.cells, strict=True)
                    if cell.more
                ]
    return list(TIDY), rows


def _wide(table: Table) -> tuple[list[str], list[dict[str, Any]]]:
    """Every number in a column of its own, named without what only the shown text needs."""
    columns: dict[str, None] = {}
    rows = []
    for block in table.blocks():
        names = [column.title.replace(SHOWN_INTERVAL, "") for column in block.columns]
        for place, name in enumerate(names):
            words = dict.fromkeys(word for line in block.lines for word, _ in line.cells[place].more)
            columns |= dict.fromkeys(f"{name} {word}".strip() for word in ("", *words))
        rows += [
            {
                f"{name} {word}".strip(): value
                for name, cell in zip(names, line.cells, strict=True)
                for word, value in (("", cell.value), *cell.more)
            }
            for line in block.lines
        ]
    return list(columns), rows


def plain_block(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Block:
    """A block of one group of columns whose rows have no heading."""
    return Block((Group(tuple(map(Column, columns))),), tuple(Line(tuple(row)) for row in rows))


def plain(columns: Sequence[str], rows: Sequence[Sequence[Cell]], notes: Sequence[str] = ()) -> Table:
    """A table of one block whose rows have no heading."""
    return Table((Section((plain_block(columns, rows),)),), tuple(notes))


def text(value: Any) -> Cell:
    """A cell of words."""
    return Cell(str(value), str(value))


def number(value: Any, form: str = ".2f", suffix: str = "") -> Cell:
    """A cell of a number; a dash where there is none."""
    known = value not in ("", None) and not math.isnan(float(value))
    return Cell(f"{unsigned_zero(float(value), form)}{suffix}", float(value)) if known else Cell(NOTHING, math.nan)


def unsigned_zero(value: float, form: str) -> str:
    """A number in a format; one that rounds to zero has no sign."""
    shown = f"{value:{form}}"
    return shown.removeprefix("-") if not shown.strip("-0.,") else shown


def with_interval(mean: Any, low: Any, high: Any, form: str = ".2f") -> Cell:
    """An estimate with its interval in brackets."""
    cell = number(mean, form)
    if NOTHING in (cell.text, number(low).text):
        return cell
    ends = ", ".join(unsigned_zero(float(end), form) for end in (low, high))
    return Cell(f"{cell.text} [{ends}]", cell.value, (("low", float(low)), ("high", float(high))))


def of_seeds(mean: Any, std: Any) -> Cell:
    """Mean ± SD over seeds; a dash where there is none."""
    cell = number(mean)
    if cell.text == NOTHING:
        return cell
    spread = float(std or "nan")
    return Cell(labels.mean_and_spread(cell.value, spread), cell.value, (("sd", spread),))


def p_value(value: Any) -> Cell:
    """Three digits, or below 0.001."""
    cell = number(value, ".3f")
    return Cell("< 0.001", cell.value) if cell.text == "0.000" else cell
