"""Keys of the configuration that had another name in an older version, so that its files can still be used."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from kdml.common.errors import UserError
from kdml.common.project import ROOT

OLD = {"run.rivals": "run.methods", "run.rivals_at": "run.methods_at", "rivals": "methods"}  # of version 0.1
SINCE = "0.2"


def renamed(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration under today's names, with a line on stderr for every old one.

    Where a key stands under both names and the new one is as `config.yaml` has it, an old file was laid over `config.yaml`: the old
    name counts.

    Args:
        config: as read from YAML, files laid over each other.

    Raises:
        UserError: a key stands there under both names, and the new one is not that of `config.yaml`.
    """
    found = {key: dict(value) if isinstance(value, Mapping) else value for key, value in config.items()}
    for old, new in OLD.items():
        *parents, old_key = old.split(".")
        section: Any = found
        for parent in parents:
            section = section.get(parent)
        new_key = new.rpartition(".")[2]
        if not isinstance(section, dict) or old_key not in section:
            continue
        if new_key in section and section[new_key] != _default([*parents, new_key]):
            raise UserError(
                f"{old} is the old name of {new}, and the configuration has both.",
                f"move what {old} says to {new}",
            )
        print(f"{old} is called {new} since {SINCE}: please rename it", file=sys.stderr)
        section[new_key] = section.pop(old_key)
    return found


def _default(keys: Sequence[str]) -> Any:
    value = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    for key in keys:
        value = value.get(key, {})
    return value
