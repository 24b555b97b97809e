"""A call that rebuilds from a pack: which pack, where to, and what must agree before anything is planned."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError, faults_told
from kdml.packs import configuration
from kdml.packs.reading import Pack, read_pack
from kdml.packs.repeats import check_one_experiment

FROM, WITH = KEYS = ("results_from", "compare_with")  # of `--config`, which name packs
FOLDER = "rebuilt"  # below the working directory


@dataclass(frozen=True)
class Rebuilding:
    """What a call rebuilds.

    Args:
        pack: that it is rebuilt from.
        folder: of its own, which all paths of the workflow are relative to.
        config: the pack's configuration, as the workflow takes it.
        other: the pack that it is compared with, if one is named.
    """

    pack: Pack
    folder: Path
    config: Mapping[str, Any]
    other: Pack | None = None


def asked_for(config: Mapping[str, Any], root: Path) -> Rebuilding | None:
    """Open the packs that a call names; None if it names none.

    What the configuration of a pack reads is unpacked into a folder of its own, named after experiment and content of the pack, so
    that no two packs meet in one.

    Args:
        config: of the call.
        root: of the project, which names of files are relative to.

    Raises:
        UserError: a pack cannot be used, the call has other settings than the pack, or names a pack to compare with and none else,
            or one of another experiment; or the folder cannot be made.
    """
    if FROM not in config:
        if WITH in config:
            raise UserError(f"`{WITH}` is given without `{FROM}`.", f"name the first of the two packs by `{FROM}`")
        return None
    pack, *others = (read_pack(_path(config[key], key, root)) for key in KEYS if key in config)
    over = {key: value for key, value in config.items() if key not in KEYS}
    configuration.check_nothing_else(over, pack.about["configuration"], pack.path)
    for other in others:
        check_one_experiment(pack, other)
    folder = Path.cwd() / FOLDER / f"{pack.experiment}-{pack.sha256[:8]}"
    pack.unpack([name for name in pack.members if name.startswith(f"{configuration.FOLDER}/")], folder)
    with faults_told(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return Rebuilding(pack, folder, configuration.unpacked(pack.about["configuration"], folder), *others)


def both(rebuilding: Rebuilding | None) -> tuple[Pack, Pack]:
    """The two packs of a comparison.

    Args:
        rebuilding: what the call names.

    Raises:
        UserError: it does not name two packs.
    """
    if rebuilding is None or rebuilding.other is None:
        raise UserError("Two packs are needed for a comparison.", f"name them: --config {FROM}=FILE {WITH}=FILE")
    return rebuilding.pack, rebuilding.other


def _path(value: Any, key: str, root: Path) -> Path:
    if not isinstance(value, str) or not value:
        raise UserError(
            f"`{key}: {value}` names no file.", f"write --config {key}=FILE, a zip that `snakemake publish` wrote"
        )
    if "://" in value:
        raise UserError(f"`{key}: {value}` is an address.", "download the pack, and name the file")
    return root / Path(value).expanduser()


def unpack(pack: Pack, given: Callable[[list[str]], list[str]]) -> list[str]:
    """Unpack into the working directory what nothing there makes.

    Args:
        pack: to unpack.
        given: chooses, among names of its files, those that nothing makes.

    Returns:
        Names of the files.
    """
    names = given([name for name in pack.members if name.startswith("results/")])
    pack.unpack(names, Path())
    return names
