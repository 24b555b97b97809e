"""How far a training has come: a small file beside its outputs while it is unfinished, for whoever wants to look."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kdml.common.files import write_json
from kdml.common.json_text import parse_json

NAME = "progress.json"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Position:
    """How far a training had come when it last said so.

    Args:
        epoch: finished epochs.
        epochs: of the whole training, at most; 0 before the first is finished.
        scores: validation score (fraction) of every learner after the last of them.
        step: steps done.
        steps: of the whole training, at most.
        seconds_left: at most; None if not known yet.
    """

    epoch: int = 0
    epochs: int = 0
    scores: Mapping[str, float] = field(default_factory=dict)
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None


class ProgressFile:
    """Tells how far a training has come in a file that always appears whole.

    Nothing reads it but people's tools, so a training does not end because it cannot be written.

    Args:
        folder: of the run.
        continues: whether the training goes on from a checkpoint; else what an earlier try said is no longer true.
    """

    def __init__(self, folder: Path, continues: bool):
        self.path = folder / NAME
        if not continues:
            self.remove()
        self.position = read(folder) or Position()
        self._warned = False

    def tell(self, **said: object) -> None:
        """Write what is new, fields of `Position`, beside what was said before."""
        self.position = Position(**(asdict(self.position) | said))
        try:
            write_json(self.path, asdict(self.position))
        except OSError as error:
            if not self._warned:
                log.warning("%s cannot be written (%s); the training goes on", self.path, error.strerror)
            self._warned = True

    def remove(self) -> None:
        """Remove it: a finished run has its record."""
        self.path.unlink(missing_ok=True)


def read(folder: Path) -> Position | None:
    """Read how far the training in a folder has come; None if it has not said so, or nothing that can be read."""
    try:
        content = parse_json((folder / NAME).read_text(encoding="utf-8"))
        position = Position(**content)
        return position if _is_sound(position) else None
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _is_sound(position: Position) -> bool:
    """Whether fields have their types: the file may be anybody's."""
    counts = (position.epoch, position.epochs, position.step, position.steps)
    numbers = (*position.scores.values(), 0.0 if position.seconds_left is None else position.seconds_left)
    return all(isinstance(count, int) for count in counts) and all(isinstance(one, int | float) for one in numbers)


def duration(seconds: float) -> str:
    """Seconds as `1 h 23 min`, `4 min` or `12 s`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
