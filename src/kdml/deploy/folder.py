"""An exported folder: what it says of itself, and the bytes of its graphs."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdml.deploy.onnx_file import properties
from kdml.deploy.problems import Problem

FACTS = "export.json"
NEEDED = (
    "name", "protocol", "task", "pair", "kind", "classes", "size", "models", "files", "training_pictures",
)  # fmt: skip
AGAIN = "unpack the zip again, or make the folder anew with `snakemake export`"


class Folder:
    """An exported folder, and one of its graphs.

    Args:
        path: of what `snakemake export` made.
        which: `student` or `ensemble`; the ensemble if there is one, where it is not given.
        int8: take the graph in 8-bit integers.

    Raises:
        Problem: the folder is none, has no such graph, or the graph is not the one that it speaks of, by its checksum or by what it
            says of itself.
    """

    def __init__(self, path: Path, which: str | None = None, int8: bool = False):
        self.facts = _facts(path)
        models: Mapping[str, Any] = self.facts["models"]
        self.which = which or ("ensemble" if "ensemble" in models else "student")
        if self.which not in models:
            raise Problem(f"{path} has no {self.which}, only {', '.join(models)}.", "choose one of these")
        said = models[self.which]
        if int8 and "int8" not in said:
            raise Problem(f"{path} has no {self.which} in 8-bit integers.", f"{AGAIN}; or leave out --int8")
        said = said["int8"] if int8 else said
        self.graph = _content(path / said["file"], said["sha256"])
        _check_task(path / said["file"], self.graph, about(self.facts, models[self.which]))
        self.title = self.which + (" in 8-bit integers" if int8 else "")
        self.students = len(models[self.which]["networks"])


def about(facts: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, str]:
    """What a graph says of itself, which must be what its folder says of it.

    Args:
        facts: `kind`, `classes`, `size`, `protocol`, `task` and `pair` of the folder.
        model: `run`, `seed` and `networks` of the graph.
    """
    place = f"{facts['protocol']}/{facts['task']}/{facts['pair']}"
    return {
        "kind": str(facts["kind"]),
        "classes": ", ".join(facts["classes"]),
        "size": str(facts["size"]),
        "run": f"{place}/{model['run']}/seed-{model['seed']}",
        "networks": ", ".join(model["networks"]),
    }


def _check_task(path: Path, graph: bytes, expected: Mapping[str, str]) -> None:
    """Refuse a graph of another task, run or network, whatever checksum stands beside it.

    Raises:
        Problem: names what differs.
    """
    try:
        said = properties(graph)
    except ValueError as error:
        raise Problem(f"{path} is no ONNX file ({error}).", AGAIN) from None
    for name, value in expected.items():
        if name not in said:
            raise Problem(f"{path} does not say of which {name} it is; a version before this one made it.", AGAIN)
        if said[name] != value:
            raise Problem(
                f"{path} is of another task or run than {FACTS} describes: {name} is '{said[name]}', not '{value}'.",
                AGAIN,
            )


def _content(path: Path, sha256: str) -> bytes:
    """Bytes of a graph."""
    if not path.is_file():
        raise Problem(f"{path} does not exist.", AGAIN)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Problem(f"{path} is not the graph whose checksum {FACTS} has.", AGAIN)
    return content


def _facts(folder: Path) -> dict[str, Any]:
    """What the folder says of itself."""
    path = folder / FACTS
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Problem(f"{folder} is no folder of exported students: it has no {FACTS}.", AGAIN) from None
    except (OSError, ValueError) as error:
        raise Problem(f"{path} cannot be read ({error}).", AGAIN) from None
    missing = [name for name in NEEDED if not isinstance(facts, dict) or name not in facts]
    if missing:
        raise Problem(f"{path} does not say '{missing[0]}'.", AGAIN)
    return facts
