"""The configuration as a pack holds it: whole, with the files that it names, and without places of the machine it was run on."""

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.common.project import ROOT
from kdml.experiment.archives import DEMO

FOLDER = "configuration"  # of the files that it names, in the pack
WORDS = ("paper", "even")  # in place of a table of loss weights
# Keys that name places of the machine, which a pack keeps the last part of.
OF_THIS_MACHINE = (("weights", "path"), ("datasets", "slides"), ("datasets", "source"), ("datasets", "table"))
Config = Mapping[str, Any]


def packed(config: Config) -> tuple[dict[str, Any], dict[str, Path]]:
    """Make a configuration fit to be published.

    Args:
        config: as it was run, all keys.

    Returns:
        The same, naming tables of loss weights and methods of the user's own by their names in the pack, and without the folders of
        start weights, slides and the user's own data sets, which are not packed; and the files that are, by their names there.
    """
    config, files = copy.deepcopy(dict(config)), {}
    if config.get("archives") != DEMO:
        config["archives"] = None
    for entry, key, source, member in _files(config):
        files[member] = ROOT / Path(source).expanduser()
        entry[key] = entry[key].replace(source, member, 1)
    for section, key in OF_THIS_MACHINE:
        for entry in (config.get(section) or {}).values():
            if entry and entry.get(key):
                entry[key] = Path(entry[key]).name
    return config, files


def unpacked(config: Config, folder: Path) -> dict[str, Any]:
    """Make a pack's configuration fit to be used.

    Args:
        config: of the pack.
        folder: that the files which it names are unpacked to.
    """
    config = copy.deepcopy(dict(config))
    for entry, key, source, _ in _files(config):
        entry[key] = entry[key].replace(source, str(folder.resolve() / source), 1)
    return config


def check_nothing_else(over: Config, config: Config, path: Path) -> None:
    """Refuse keys of a call that say something else than the pack.

    Args:
        over: what the call says, without the keys that name packs.
        config: of the pack.
        path: of the pack.

    Raises:
        UserError: names the first such key.
    """
    for key in over:
        if not _agrees(over[key], config.get(key)):
            raise UserError(
                f"`{key}` is given otherwise than the configuration in {path} has it.",
                "leave it out: what is rebuilt from a pack has the pack's configuration",
            )


def _agrees(given: Any, packed: Any) -> bool:
    """Whether laying one value over the other would change nothing."""
    if isinstance(given, Mapping) and isinstance(packed, Mapping):
        return all(_agrees(value, packed.get(key)) for key, value in given.items())
    return given == packed


def _files(config: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str, str]]:
    """(mapping, key, file, name in the pack) of all that the configuration names and a plan reads."""
    table = config.get("hyperparameters", WORDS[0])
    if table not in WORDS:
        yield config, "hyperparameters", str(table), f"{FOLDER}/{Path(table).name}"
    for name, entry in (config.get("methods") or {}).items():
        method = (entry or {}).get("method") or ""
        if ":" in method:
            source = method.rpartition(":")[0]
            yield entry, "method", source, f"{FOLDER}/{name}/{Path(source).name}"
