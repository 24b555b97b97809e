"""Files that appear whole or not at all, and their checksums."""

import csv
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError, faults_told
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
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", remedy) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).", remedy) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
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


def read_csv(path: Path, remedy: str, columns: Sequence[str] = ()) -> list[dict[str, str]]:
    """Read a CSV file.

    Args:
        path: of the file.
        remedy: what to do if it cannot be used.
        columns: that it must have.

    Raises:
        UserError: the file is missing, cannot be read, has no header, or lacks a column.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows, found = list(reader), reader.fieldnames or ()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", remedy) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read ({error}).", remedy) from None
    missing = [name for name in columns if name not in found]
    if not found or missing:
        raise UserError(f"{path} " + (f"lacks the column '{missing[0]}'." if found else "is empty."), remedy)
    return rows


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
