"""Files that appear whole or not at all, and their checksums."""

import csv
import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError, faults_told
from kdml.common.json_text import parse_json
from kdml.common.locks import alone_at

MAKE_AGAIN = "delete it and let the workflow make it again"  # what to do about a table that cannot be used


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it to `path` if the block succeeds, remove it if not.

    The temporary name keeps the suffix, because numpy and others choose the format by it. It is always the same, so what a killed
    process left of it goes away with the next write.

    Raises:
        MachineError: the disk is full or fails, or another process writes the file.
        UserError: the folder cannot be made or written to.
    """
    path = Path(path)
    temporary = partial_of(path)
    with faults_told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with alone_at(temporary, path):
            try:
                yield temporary
                _flush(temporary)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise


def partial_of(path: Path) -> Path:
    """The name that a file has while it is written."""
    return path.with_name(f".{path.stem}.partial{path.suffix}")


def _flush(path: Path) -> None:
    """Wait until a file is on the disk: some file systems say only then that they are full."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path, remedy: str) -> Any:
    """Read a JSON file.

    Raises:
        UserError: the file is missing, cannot be read, or is not JSON; `remedy` says what to do.
    """
    try:
        return parse_json(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", remedy) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).", remedy) from None
    except ValueError as error:  # of JSON and of the encoding, too
        raise UserError(f"{path} is not valid JSON ({error}).", remedy) from None


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> None:
    """Write rows as CSV under the columns of all of them, whole or not at all.

    Args:
        path: to write.
        rows: of the table.
        columns: that come first, and stand there even if there is no row.
    """
    columns = list(dict.fromkeys([*columns, *(column for row in rows for column in row)]))
    with written_whole(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(
    path: Path, remedy: str, columns: Sequence[str] = (), numbers: Sequence[str] = (), counts: Sequence[str] = ()
) -> list[dict[str, str]]:
    """Read a CSV file.

    Args:
        path: of the file.
        remedy: what to do if it cannot be used.
        columns: that it must have.
        numbers: columns of finite numbers, which it must have.
        counts: columns of whole numbers from 0 on, which it must have.

    Raises:
        UserError: the file is missing, cannot be read, has no header, lacks a column, or a line does not fit the header or holds
            something else than a number.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:  # spreadsheets put a mark of the encoding first
            return [row for _, row in csv_rows(file, str(path), remedy, columns, numbers, counts)]
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", remedy) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}).", remedy) from None


def csv_rows(
    lines: Iterable[str],
    name: str,
    remedy: str,
    columns: Sequence[str] = (),
    numbers: Sequence[str] = (),
    counts: Sequence[str] = (),
) -> list[tuple[int, dict[str, str]]]:
    """Rows of a CSV text, each with the line where it ends; lines without any content are left out.

    Args:
        lines: of the text.
        name: of the text, for messages.
        remedy, columns, numbers, counts: as `read_csv` has them.

    Raises:
        UserError: as `read_csv`.
    """
    reader = csv.DictReader(lines, restkey=_BEYOND, restval=_MISSING)
    try:
        rows = [
            (reader.line_num, row) for row in reader if any(value and value is not _MISSING for value in row.values())
        ]
        found = reader.fieldnames or ()
    except csv.Error as error:
        raise UserError(f"{name} cannot be read ({error}).", remedy) from None
    if not found:
        raise UserError(f"{name} is empty.", remedy)
    for column in (*columns, *numbers, *counts):
        if column not in found:
            raise UserError(f"{name} lacks the column '{column}'; its first line is '{','.join(found)}'.", remedy)
    if twice := [column for number, column in enumerate(found) if column in found[:number]]:
        raise UserError(f"{name} has the column '{twice[0]}' twice.", remedy)
    for line, row in rows:
        if _MISSING in row.values():
            raise UserError(f"{name}, line {line}, is incomplete: the first line has more columns.", remedy)
        if _BEYOND in row:
            raise UserError(f"{name}, line {line}, has more values than the first line has columns.", remedy)
        for column in (*numbers, *counts):
            _check_number(row[column], column in counts, f"{name}, line {line}: '{row[column]}' in {column}", remedy)
        for column in MEASURES & row.keys():
            _check_measure(row[column], column in WHOLE, f"{name}, line {line}: '{row[column]}' in {column}", remedy)
    return rows


def _check_measure(text: str, is_count: bool, where: str, remedy: str) -> None:
    """Refuse a word where our tables have a number; what is undefined is empty or `nan` there."""
    try:
        if text:
            int(text) if is_count else float(text)
    except ValueError:
        raise UserError(f"{where} is no {'whole ' if is_count else ''}number.", remedy) from None


# Columns that hold numbers, or nothing, in whichever of our tables they stand.
WHOLE = frozenset({"seeds", "groups", "cases", "parameters"})
MEASURES = WHOLE | {"estimate", "low", "high", "p", "p_holm", "mean", "std", "upper_mean", "value", "score", "saved"}
_BEYOND = "more values than columns"
_MISSING: Any = object()


def _check_number(text: str, is_count: bool, where: str, remedy: str) -> None:
    try:
        value: float = int(text) if is_count else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (is_count and value < 0):
        raise UserError(f"{where} is no {'whole number from 0 on' if is_count else 'finite number'}.", remedy)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
