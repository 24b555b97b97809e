"""Mistakes in a configuration in plain words, unknown names with the nearest known one."""

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from kdml.runs.methods import METHODS


def describe(mistake: Mapping[str, Any], model: type[BaseModel]) -> str:
    """One of pydantic's errors in plain words.

    Args:
        mistake: an entry of `ValidationError.errors()`.
        model: that was validated; an unknown key comes with the nearest one that it knows.
    """
    location = [str(part) for part in mistake["loc"] if not str(part).startswith(("function-", "literal", "lax-or"))]
    where = ".".join(location)
    if mistake["type"] == "extra_forbidden":
        known = _keys_at(model, mistake["loc"][:-1])
        return f"{where}: unknown key{nearest(location[-1], known)}"
    if mistake["type"] == "missing":
        return f"{where}: this key is required"
    if mistake["type"] == "value_error":
        reason = str(mistake["ctx"]["error"])
        return f"{where}: {reason}" if where else reason
    return f"{where}: {mistake['msg'].lower()}, not {mistake['input']!r}"


def _keys_at(model: type[BaseModel], location: tuple) -> list[str]:
    """Names of the keys allowed at a place of the configuration."""
    schema = model.model_json_schema()
    node: Mapping[str, Any] = schema
    for part in location:
        node = _resolve(node, schema)
        named = node.get("properties", {}).get(part)
        any_name = next(iter(node.get("patternProperties", {}).values()), None) or node.get("additionalProperties")
        node = named or any_name or node.get("items") or {}
    return list(_resolve(node, schema).get("properties", {}))


def _resolve(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def not_finite(content: Any, place: str = "") -> Iterator[str]:
    """Places of numbers that are not finite, wherever they stand in a configuration: options of methods and of backbones are free.

    Args:
        content: mappings, lists and values.
        place: of it.
    """
    if isinstance(content, float) and not math.isfinite(content):
        yield f"{place}: {content}"
    elif isinstance(content, Mapping | list):
        entries = content.items() if isinstance(content, Mapping) else enumerate(content)
        for key, value in entries:
            yield from not_finite(value, f"{place}.{key}" if place else str(key))


def not_a_method(method: str) -> str:
    """What is wrong with the name of a method that there is not."""
    if "/" in method or method.endswith(".py"):
        return f"`method: {method}` names a file without its class; write it as {method}:Class"
    return f"'{method}' is not a method{nearest(method, METHODS)}; one of your own is written as file.py:Class"


def nearest(name: str, known: Iterable[Any]) -> str:
    """The known name that is most like one which is not known, as the end of a message; all of them if none is like it."""
    names = [str(one) for one in known]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f"; known are: {', '.join(names)}"
