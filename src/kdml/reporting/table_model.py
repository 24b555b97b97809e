"""The one model of a table: what its cells show, what is stored of them, and how they stand together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NOTHING = "–"
MINUS = "\u2212"

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
    """A column: what stands above it, and the key that it is stored under where that is another."""

    title: str
    key: str = ""

    @property
    def stored_as(self) -> str:
        """Name of the column in a file whose rows are these rows."""
        return self.key or self.title


@dataclass(frozen=True)
class Group:
    """Columns under one heading.

    Args:
        columns: of the group.
        title: above them.
        key: that it is stored under.
    """

    columns: tuple[Column, ...]
    title: str = ""
    key: str = ""


@dataclass(frozen=True)
class Line:
    """A row of cells, one per column; `title` is its heading, if it has one."""

    cells: tuple[Cell, ...]
    title: str = ""
    key: str = ""

    @property
    def has_paper(self) -> bool:
        """Tell whether the paper has a number for any cell."""
        return any(cell.paper for cell in self.cells)


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
    def numbers(self) -> tuple[bool, ...]:
        """Tell of every column whether it has numbers, which stand at the right; words stand at the left."""
        if self.headed:
            return (True,) * len(self.columns)
        return tuple(_has_numbers([line.cells[place] for line in self.lines]) for place in range(len(self.columns)))

    @property
    def has_groups(self) -> bool:
        """Tell whether a heading stands above columns."""
        return any(group.title for group in self.groups)


def _has_numbers(cells: Sequence[Cell]) -> bool:
    said = [cell for cell in cells if cell.text not in ("", NOTHING)]
    return bool(said) and not any(isinstance(cell.value, str) for cell in said)


@dataclass(frozen=True)
class Section:
    """Blocks under one heading, such as those of a protocol.

    Args:
        blocks: in their order.
        title: above them.
        key: that it is stored under.
        notes: what a reader must know about these blocks alone.
        place: names and values that are the same in all its rows, stored with each.
        stored_only: whether no reader is shown it.
    """

    blocks: tuple[Block, ...]
    title: str = ""
    key: str = ""
    notes: tuple[str, ...] = ()
    place: tuple[tuple[str, str], ...] = ()
    stored_only: bool = False


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
        return any(line.has_paper for block in self.blocks() for line in block.lines)

    @property
    def has_best(self) -> bool:
        """Tell whether a cell is marked as the best."""
        return any(cell.best_of_block or cell.best for cell in self.cells())

    def stored(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Columns and rows for a CSV: a row per cell where rows are headed, else a row per row."""
        return _tidy(self) if self.name else _wide(self)


TIDY = (
    *("table", "protocol", "block", "column", "network", "metric", "mean", "std", "low", "high", "n"),
    *("paper_mean", "paper_std"),
)


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
    """Every number in a column of its own."""
    columns: dict[str, None] = dict.fromkeys(name for section in table.sections for name, _ in section.place)
    rows = []
    for section in table.sections:
        for block in section.blocks:
            names = [column.stored_as for column in block.columns]
            for place, name in enumerate(names):
                words = dict.fromkeys(word for line in block.lines for word, _ in line.cells[place].more)
                columns |= dict.fromkeys(f"{name} {word}".strip() for word in ("", *words))
            rows += [dict(section.place) | _numbers_of(line, names) for line in block.lines]
    return list(columns), rows


def _numbers_of(line: Line, names: Sequence[str]) -> dict[str, Any]:
    return {
        f"{name} {word}".strip(): value
        for name, cell in zip(names, line.cells, strict=True)
        for word, value in (("", cell.value), *cell.more)
    }


def plain_block(columns: Sequence[str | Column], rows: Sequence[Sequence[Cell]]) -> Block:
    """A block of one group of columns whose rows have no heading."""
    named = tuple(column if isinstance(column, Column) else Column(column) for column in columns)
    return Block((Group(named),), tuple(Line(tuple(row)) for row in rows))


def plain(columns: Sequence[str | Column], rows: Sequence[Sequence[Cell]], notes: Sequence[str] = ()) -> Table:
    """A table of one block whose rows have no heading."""
    return Table((Section((plain_block(columns, rows),)),), tuple(notes))
