"""The configuration as Snakemake takes it: files laid over each other, and what its command line says of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from configargparse import ConfigFileParserException
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.profiles import ProfileConfigFileParser
from snakemake.utils import update_config

from kdml.common.errors import UserError
from kdml.common.yaml_files import check_read


def merged(files: Iterable[Path], over: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Lay configurations over each other as Snakemake does: mappings merge deeply, everything else is replaced.

    Args:
        files: YAML or JSON, later ones laid over earlier ones.
        over: laid over all of them.

    Raises:
        UserError: a file cannot be read, or is none of a configuration.
    """
    config: dict[str, Any] = {}
    for path in files:
        update_config(config, _read(path))
    update_config(config, over or {})
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        check_read(path)
        return load_configfile(path)
    except (OSError, WorkflowError, yaml.YAMLError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(
            f"{path} cannot be read ({reason}).", "name an existing configuration file of keys and values"
        ) from None


@dataclass(frozen=True)
class Call:
    """What a command line of Snakemake says of the experiment.

    Args:
        files: `--configfile`.
        values: `--config`, `KEY=VALUE` each, laid over the files.
        directory: `--directory`, to work in.
    """

    files: Sequence[Path] = ()
    values: Sequence[str] = ()
    directory: Path | None = None

    def over(self, profile: str) -> "Call":
        """Add what a profile says where the command line says nothing.

        Snakemake's own command line is not loaded for it: that would ask the scheduler, and wait where this does not answer.

        Args:
            profile: a file, or a folder with config.yaml, here or where a user's or a machine's profiles lie.

        Raises:
            UserError: there is none, or it cannot be read.
        """
        said = _read_profile(profile)
        files, values = said.get("configfile", []), said.get("config", [])
        directory = said.get("directory") or ""
        files = [files] if isinstance(files, str) else files
        if not _are_words(files) or not _are_words(values) or not isinstance(directory, str):
            raise UserError(
                f"The profile {profile} names `configfile`, `config` or `directory` otherwise than in words.",
                "write for example `configfile: mine.yaml`",
            )
        return Call(
            self.files or list(map(Path, files)),
            self.values or values,
            self.directory or (Path(directory) if directory else None),
        )

    def config(self, defaults: Path) -> dict[str, Any]:
        """Lay the files and values over those of a project.

        Args:
            defaults: configuration of the project.

        Raises:
            UserError: a file cannot be read, or a value has no key.
        """
        return merged([defaults, *self.files], dict(map(_value, self.values)))


def _are_words(content: Any) -> bool:
    return isinstance(content, list) and all(isinstance(word, str) for word in content)


def _value(entry: str) -> tuple[str, Any]:
    """Key and value, read as Snakemake does: a number, True or False, else YAML whose words stay words."""
    key, sign, text = entry.partition("=")
    if not key or not sign:
        raise UserError(f"--config {entry} is not KEY=VALUE.", "write for example --config experiment=mine")
    if not text:
        return key, None
    for read in (int, float, {"True": True, "False": False}.__getitem__, _words):
        try:
            return key, read(text)
        except (ValueError, KeyError, yaml.YAMLError):
            continue
    return key, text


def _words(text: str) -> Any:
    return yaml.load(text, Loader=yaml.BaseLoader)


def _read_profile(name: str) -> Mapping[str, Any]:
    places = [Path(), Path.home() / ".config/snakemake", Path("/etc/xdg/snakemake")]
    found = (path for place in places for path in (place / name, place / name / "config.yaml") if path.is_file())
    remedy = "give the `--profile` that Snakemake is given"
    if (path := next(found, None)) is None:
        raise UserError(f"There is no profile {name} with a config.yaml.", remedy)
    try:
        with path.open(encoding="utf-8") as file:
            return ProfileConfigFileParser().parse(file)
    except (OSError, ConfigFileParserException, WorkflowError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}).", remedy) from None
