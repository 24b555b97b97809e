"""The published methods, found in `kdml/learning/methods/`: a class there that names its `kind` of task is a use of one.

Everything about a method stands in its file; nothing here has to be edited for a new one.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdml.runs.method_source import FOLDER, assigned, assigned_in, parsed

FACTS = ("key", "title", "supervised", "kd", "place_in_table_10", "one_class")


@dataclass(frozen=True)
class PublishedMethod:
    """A published method.

    Args:
        title: as the paper's table 10 has it.
        classes: kind of task -> `module:class` below `kdml.learning.methods`.
        supervised: weight of the task's loss, unless the configuration gives one.
        kd: weight of plain distillation beside the method, unless the configuration gives one; where a publication has
            another, the method's departures say so.
        place_in_table_10: row of the paper's table; None for a method that the paper does not have.
        one_class: whether it is for masks of one class alone.
    """

    title: str
    classes: Mapping[str, str]
    supervised: float = 1.0
    kd: float = 0.0
    place_in_table_10: int | None = None
    one_class: bool = False


def published(folder: Path = FOLDER) -> dict[str, PublishedMethod]:
    """Published methods by key, in the order of table 10; those that the paper does not have follow by the alphabet.

    Args:
        folder: of the methods' files.

    Raises:
        ValueError: a use lacks a fact or has one that is not written out, or two uses of a method contradict each other.
    """
    uses: dict[str, dict[str, str]] = defaultdict(dict)
    facts: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.glob("*.py")):
        for name, kind in _uses_in(file):
            said = {fact: _written(file, name, fact, folder) for fact in FACTS}
            key = said.pop("key")
            if not key or not said["title"]:
                raise ValueError(f"{file}: {name} has a kind, but no key or no title")
            if kind in uses[key] or facts.setdefault(key, said) != said:
                raise ValueError(f"{file}: {name} contradicts another class of the key '{key}'")
            uses[key][kind] = f"{file.stem}:{name}"
    methods = {key: PublishedMethod(classes=dict(sorted(uses[key].items())), **said) for key, said in facts.items()}
    last = len(methods) + 1
    return dict(sorted(methods.items(), key=lambda item: (item[1].place_in_table_10 or last, item[0])))


def _uses_in(file: Path) -> Iterator[tuple[str, str]]:
    """Name and kind of task of every class that names one itself."""
    for node in parsed(file).body:
        if isinstance(node, ast.ClassDef) and (kind := assigned_in(node, "kind")) is not None:
            yield node.name, _literal(kind, f"{file}: {node.name}.kind")


def _written(file: Path, name: str, attribute: str, folder: Path) -> Any:
    value = assigned(file, name, attribute, folder)
    return None if value is None else _literal(value, f"{file}: {name}.{attribute}")


def _literal(value: ast.expr, where: str) -> Any:
    try:
        return ast.literal_eval(value)
    except ValueError:
        raise ValueError(f"{where} is not written out") from None


METHODS: Mapping[str, PublishedMethod] = published()
