"""Tables that people bring along, CSV or Parquet, as rows of texts; what their columns are called is theirs to say."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from kdml.common.errors import UserError
from kdml.common.metadata import UNKNOWN, known
from kdml.common.texts import composed
from kdml.data.unpacked import TABLES

COMMAS = "save it as CSV in UTF-8 with commas between the columns, the first line their names; or as Parquet"
Row = tuple[int, Mapping[str, str]]
"""Line and values of a row; rows of a Parquet file count from 1, lines of a CSV begin with that of the names."""


def read_table(content: bytes, name: str, columns: Sequence[str]) -> list[Row]:
    """Rows of a table, their names and values without spaces around them, and composed (`kdml.common.texts`).

    Columns without a name are passed over: those that spreadsheets leave at the end, and the numbers of rows that pandas writes.

    Args:
        content: of its file.
        name: of its file, for messages, too; the suffix says what it is.
        columns: that it must have.

    Raises:
        UserError: it is no such table, lacks a column, has one twice, or a line that does not fit the first.
    """
    if not name.lower().endswith(TABLES):
        raise UserError(f"{name} is neither a {' nor a '.join(TABLES)} file.", COMMAS)
    names, rows = _csv(content, name) if name.lower().endswith(TABLES[0]) else _parquet(content, name)
    names = [*map(composed, names)]
    if missing := [column for column in columns if column not in names]:
        raise UserError(
            f"{name} lacks the column '{missing[0]}'; it has {', '.join(names)}.", f"mend its first line, or {COMMAS}"
        )
    if twice := [column for place, column in enumerate(names) if column and column in names[:place]]:
        raise UserError(f"{name} has the column '{twice[0]}' twice.", "give one of them another name")
    return [
        (line, {column: composed(value) for column, value in zip(names, values, strict=True) if column})
        for line, values in rows
    ]


def _csv(content: bytes, name: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        rows = [(reader.line_num, [value.strip() for value in row]) for row in reader if any(map(str.strip, row))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{name} cannot be read ({error}).", COMMAS) from None
    if not rows:
        raise UserError(f"{name} is empty.", COMMAS)
    (_, names), *rows = rows
    for line, row in rows:
        if len(row) != len(names):
            raise UserError(
                f"{name}, line {line}, has {len(row)} values, but the first line {len(names)} columns.",
                "give every line a value for every column; one with a comma in it stands in quotes",
            )
    return names, rows


def _parquet(content: bytes, name: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(pyarrow.BufferReader(content))
    except (OSError, ValueError) as error:
        raise UserError(f"{name} is no readable Parquet file ({error}).", "write it again, or as CSV") from None
    columns = [
        _texts(table.column(place), f"{name}: the column '{one}'") for place, one in enumerate(table.column_names)
    ]
    return table.column_names, [(line, list(row)) for line, row in enumerate(zip(*columns, strict=True), 1)]


def _texts(column: Any, where: str) -> list[str]:
    """Values of a column of a Parquet file, which may hold what Python cannot: a date in the year 10000, letters that are none."""
    try:
        return list(map(_text, column.to_pylist()))
    except (ValueError, OverflowError) as error:
        raise UserError(
            f"{where} cannot be read ({str(error).splitlines()[0]}).", "save it as text, or leave it out"
        ) from None


def _text(value: Any) -> str:
    """A value as a CSV would have it; whole numbers that pandas made fractions, because others are missing, as such."""
    if value is None or value != value:
        return ""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()


def check_complete(
    rows: Sequence[tuple[int, Mapping[str, str]]], name: str, columns: Sequence[str], mask: str | None = None
) -> None:
    """Refuse a table without rows, and a row that lacks a value.

    Args:
        rows: each with its line.
        name: of the table.
        columns: that must have a value in every row.
        mask: the one of them that names masks.

    Raises:
        UserError: names table and line.
    """
    if not rows:
        raise UserError(f"{name} has no rows.", "check that it is whole")
    for line, row in rows:
        if empty := [column for column in columns if not row[column]]:
            hint = "; of a picture without anything to mark, a mask that is all black" if empty[0] == mask else ""
            problem = f"{name}, line {line}, is incomplete: '{empty[0]}' is empty."
            raise UserError(problem, f"every line needs {', '.join(columns)}{hint}")


def spacing_in(where: str, cell: str, column: str) -> tuple[float, float] | None:
    """Millimetres from one pixel to the next, down and across, as a cell says them; None where it says that they are unknown.

    Args:
        where: the line, for messages.
        cell: its text: one number for both directions, or two with a space between them.
        column: its name.

    Raises:
        UserError: it is neither.
    """
    if known(cell) == UNKNOWN:
        return None
    try:
        sizes = [float(word) for word in cell.split()]
        down, across = sizes * 2 if len(sizes) == 1 else sizes
    except ValueError:
        down = across = math.nan
    if not (0 < down < math.inf and 0 < across < math.inf):
        raise UserError(
            f"{where}: '{cell}' is no spacing of pixels.",
            f"write millimetres into the column '{column}': one number, two with a space between them (down, across), or `unknown`",
        )
    return down, across
