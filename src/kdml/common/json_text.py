"""JSON that people or other programs may have edited: read strictly, so that nothing of it is lost in silence."""

import json
from collections.abc import Sequence
from typing import Any


def parse_json(text: str) -> Any:
    """Content of a JSON text.

    Raises:
        ValueError: it is none; a mapping has a key twice, of which Python would take the last; a number is not finite.
    """
    try:
        return json.loads(text, object_pairs_hook=_each_key_once, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _each_key_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"the key '{twice}' stands there twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")
