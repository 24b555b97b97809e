"""What scripts are given on the command line beyond words and numbers: JSON, and files by name."""

import math
from argparse import ArgumentTypeError
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import read_json
from kdml.common.json_text import parse_json


def positive(text: str) -> int:
    """A number of 1 or more, for argparse."""
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(f"{text} is not 1 or more")
    return number


def minutes(text: str) -> float:
    """A time of 0 or more, for argparse."""
    number = float(text)
    if not 0 <= number < math.inf:
        raise ArgumentTypeError(f"{text} is no time of 0 or more")
    return number


def auto_or_count(text: str) -> str:
    """`auto`, or a number of 0 or more, for argparse."""
    if text != "auto" and int(text) < 0:
        raise ArgumentTypeError(f"{text} is neither auto nor 0 or more")
    return text


def list_argument(text: str, option: str, keys: Sequence[str]) -> list[dict[str, Any]]:
    """A list of mappings, such as the contents of a page.

    Args:
        text: JSON, or the name of a file that holds it.
        option: that it was passed with.
        keys: that every entry must have.

    Raises:
        UserError: it is no such list, it is empty, or an entry lacks a key.
    """
    remedy = f"pass a JSON list, or a file of it, whose entries have the keys {', '.join(keys)}"
    entries = _read(text, option, remedy)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{option} is not a list of mappings.", remedy)
    if not entries:
        raise UserError(f"{option} is an empty list.", remedy)
    for number, entry in enumerate(entries, start=1):
        _check_keys(entry, keys, f"{option}, entry {number},", remedy)
    return entries


def mapping_argument(text: str, option: str, keys: Sequence[str] = (), remedy: str = "") -> dict[str, Any]:
    """A mapping, such as the titles of networks.

    Args:
        text: JSON, or the name of a file that holds it.
        option: that it was passed with.
        keys: that it must have.
        remedy: what to do if it is no such mapping; to pass one, if not given.

    Raises:
        UserError: it is no mapping, or lacks a key.
    """
    needed = f" with the keys {', '.join(keys)}" if keys else ""
    remedy = remedy or f"pass a JSON object{needed}, or a file of it"
    found = _read(text, option, remedy)
    if not isinstance(found, dict):
        raise UserError(f"{option} is not a mapping.", remedy)
    _check_keys(found, keys, option, remedy)
    return found


def labelled_files(entries: Iterable[str], option: str) -> list[tuple[str, Path]]:
    """Files by name, in their order; a name may come more than once.

    Args:
        entries: `NAME=FILE` each.
        option: that they were passed with.

    Raises:
        UserError: an entry lacks its name or its file.
    """
    parted = [(entry, *entry.partition("=")) for entry in entries]
    for entry, name, _, file in parted:
        if not name or not file:
            raise UserError(f"{option} {entry} is not NAME=FILE.", f"write for example {option} resnet18=path/to/file")
    return [(name, Path(file)) for _, name, _, file in parted]


def _read(text: str, option: str, remedy: str) -> Any:
    try:
        return parse_json(text) if text.lstrip().startswith(("[", "{")) else read_json(Path(text), remedy)
    except ValueError as error:
        raise UserError(f"{option} is not valid JSON ({error}).", remedy) from None
    except UserError as error:
        raise UserError(f"{option}: {error.problem}", remedy) from None


def _check_keys(entry: dict[str, Any], keys: Sequence[str], where: str, remedy: str) -> None:
    missing = [key for key in keys if key not in entry]
    if missing:
        raise UserError(f"{where} lacks the key '{missing[0]}'.", remedy)
