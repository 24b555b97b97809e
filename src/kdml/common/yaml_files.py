"""YAML that people write: read strictly, so that nothing of it is lost in silence."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from kdml.common.errors import UserError
from kdml.common.json_text import parse_json

MEND = "mend the file"
TEMPLATE = re.compile(r"^__use_yte__\s*:", re.M)


class _EachKeyOnce(yaml.SafeLoader):
    """Refuses a mapping that has a key twice, of which YAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Content of a mapping.

        Raises:
            yaml.constructor.ConstructorError: a key stands there twice.
        """
        places: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if (key.tag, key.value) in places:
                first = places[key.tag, key.value] + 1
                problem = f"the key '{key.value}' stands here and in line {first} already"
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key.start_mark)
            places[key.tag, key.value] = key.start_mark.line
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping; an empty one holds an empty mapping.

    Raises:
        UserError: it cannot be read, is no YAML or no mapping, or a mapping in it has a key twice.
    """
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), _EachKeyOnce)  # a safe loader, in spite of the name
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).", "name an existing file") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # of the encoding, of dates; nested too deeply
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise UserError(f"{path}{where} is not valid YAML: {reason}.", MEND) from None
    if not isinstance(content, dict | None):
        raise UserError(f"{path} holds no mapping of keys to values.", MEND)
    return content or {}


def check_read(path: Path) -> None:
    """Refuse a configuration file in which a key stands twice: Snakemake has read it and taken the last in silence.

    Args:
        path: of a file in YAML or JSON, which Snakemake takes under any name; a YTE template is left to it.

    Raises:
        UserError: as `read_yaml`.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    if TEMPLATE.search(text):
        return
    try:
        parse_json(text)
    except ValueError:
        read_yaml(path)
