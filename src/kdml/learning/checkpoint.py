"""A run's state on disk, so that it can be killed at any moment and continue to the same bits."""

import logging
from pathlib import Path
from typing import Any

import torch

from kdml.common.errors import MachineError, UserError, fault_of
from kdml.common.files import partial_of, written_whole
from kdml.learning.divergence import has_diverged

log = logging.getLogger(__name__)


def save(path: Path, state: dict[str, Any], fingerprint: str) -> None:
    """Write the state, whole or not at all: a reader finds the old one or the new one, never half of one.

    Args:
        path: of the checkpoint.
        state: nested tensors, numbers, strings and lists.
        fingerprint: of settings, data and code; `load` refuses another's.
    """
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        torch.save({"fingerprint": fingerprint, "state": state}, file)


def load(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """The state saved at `path`, or None if there is none, or only another training's that diverged.

    Raises:
        MachineError: the disk or the memory failed; the file may be sound.
        UserError: the file is damaged, or belongs to a run with other settings, data or code.
    """
    if not path.exists():
        return None
    remedy = f"delete or rename {path} to start this run anew"
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        saved, state = content["fingerprint"], content["state"]
    except Exception as error:  # torch raises many kinds for a damaged file
        if isinstance(fault := fault_of(error, path), MachineError):
            raise fault from None
        raise UserError(f"The checkpoint {path} cannot be read ({type(error).__name__}).", remedy) from None
    if saved != fingerprint and has_diverged(state):
        set_aside(path)
        return None
    if saved != fingerprint:
        raise UserError(f"The checkpoint {path} was made with other settings, data or code than this run has.", remedy)
    return state


def set_aside(path: Path) -> None:
    """Rename the checkpoint of a training that diverged, if there is one: its successor with mended settings starts anew."""
    if path.exists():
        kept = path.with_name(f"{path.stem}.diverged{path.suffix}")
        path.replace(kept)
        log.warning("%s is of a training that diverged: kept as %s", path, kept.name)


def remove(path: Path) -> None:
    """Remove what `save` wrote: a finished run leaves no checkpoint behind."""
    path.unlink(missing_ok=True)
    partial_of(path).unlink(missing_ok=True)
