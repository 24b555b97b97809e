"""Keys of the configuration that had another name in an older version, so that its files can still be used."""

import sys
from collections.abc import Mapping
from typing import Any

from kdml.common.errors import UserError

OLD = {"run.rivals": "run.methods", "run.rivals_at": "run.methods_at", "rivals": "methods"}  # of version 0.1
SINCE = "0.2"


def renamed(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration under today's names, with a line on stderr for every old one.

    Args:
        config: as read from YAML.

    Raises:
        UserError: a key stands there under both names.
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
        if new_key in section:
            raise UserError(
                f"{old} is the old name of {new}, and the configuration has both.",
                f"move what {old} says to {new}, also where a default configuration file has it",
            )
        print(f"{old} is called {new} since {SINCE}: please rename it", file=sys.stderr)
        section[new_key] = section.pop(old_key)
    return found
