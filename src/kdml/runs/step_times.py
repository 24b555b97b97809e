"""How long a step of a training takes on a machine, measured once for all trainings of equal cost."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from kdml.common.errors import UserError
from kdml.common.files import read_json, write_json
from kdml.runs.settings import RunSettings


@dataclass(frozen=True)
class StepTime:
    """What was measured of trainings of one class of cost.

    Args:
        step: seconds of a training step, loading and augmentation included.
        validation: seconds that one image takes in validation.
        stages: of the training; each has all its epochs.
        parameters: of every network.
        device: that was measured on.
        example: name of the training that was measured.
        problem: why it could not be measured; empty if it could.
    """

    step: float
    validation: float
    stages: int
    parameters: Mapping[str, int]
    device: str
    example: str
    problem: str = ""


def cost_class(settings: RunSettings, size: int) -> str:
    """Name the class of trainings whose steps cost as much as those of a run: same networks, images, batch and machine settings.

    Which knowledge an edge carries is left out: beside forward and backward of whole networks it costs nothing to speak of.

    Args:
        settings: of the run.
        size: of its images, in pixels of a side.

    Returns:
        12 hex digits.
    """
    networks = {
        name: network.model_dump(mode="json", include={"backbone", "head", "decoder_channels", "block_like"})
        for name, network in settings.networks.items()
    }
    training = settings.training.model_dump(include={"batch_size", "precision", "device", "deterministic", "threads"})
    method = settings.method.model_dump(include={"name", "sha256", "options"}) if settings.method else None
    decided = [settings.kind, size, settings.teacher, networks, training, method]
    return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()[:12]


def write(path: Path, found: Mapping[str, StepTime]) -> None:
    """Write what was measured, by class of cost."""
    write_json(path, {key: asdict(one) for key, one in found.items()})


def read(path: Path) -> dict[str, StepTime]:
    """Read what was measured, by class of cost; nothing if nothing was.

    Raises:
        UserError: the file is damaged.
    """
    remedy = "measure again with `--calibrate`, or delete it"
    if not path.exists():
        return {}
    try:
        found = {key: StepTime(**one) for key, one in read_json(path, remedy).items()}
        for one in found.values():
            counts = (one.step, one.validation, one.stages, *one.parameters.values())
            if not all(isinstance(count, int | float) and count >= 0 for count in counts):
                raise TypeError("a value is no number")
    except (TypeError, AttributeError) as error:
        raise UserError(f"{path} holds no step times ({error}).", remedy) from None
    return found
