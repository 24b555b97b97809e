"""The configuration as Snakemake takes it: files laid over each other, and what its command line says of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from kdml.common.errors import UserError


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
        files: of the configuration.
        values: laid over them.
        directory: to work in.
    """

    files: Sequence[Path] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    directory: Path = Path()


def call_of(words: Sequence[str]) -> Call:
    """Read a command line of Snakemake: `--configfile`, `--config`, `--directory` and `--profile`.

    Args:
        words: that follow `snakemake`.

    Raises:
        UserError: Snakemake does not take them.
    """
    from snakemake.cli import CliException, parse_args, parse_config  # takes two seconds

    try:
        _, arguments = parse_args(list(words))
        values = parse_config(arguments.config)
    except (CliException, WorkflowError, ValueError, OSError) as error:
        raise UserError(f"Snakemake does not take {' '.join(words)} ({error}).", "give what you give to it") from None
    return Call(arguments.configfile, values, Path(arguments.directory or ""))
