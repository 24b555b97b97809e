"""Everything that decides one run's numbers, apart from its data: frozen, hashable, written into `run.json`."""

import hashlib
import json
from typing import Any, Literal

from pydantic import ValidationError

from kdml.arguments import mapping_argument
from kdml.config import Model, OwnEdge, Sharing, Training, Weights
from kdml.errors import UserError
from kdml.sharing import Edge, SharingGraph, TeacherMode


class Backbone(Model):
    """A timm backbone with the options it is built with."""

    timm: str
    options: dict[str, Any] = {}


class NetworkSettings(Model):
    """How one network of a run is built.

    Args:
        architecture: key of the network in the configuration.
        backbone: the timm backbone.
        weights_name: key of its start weights; None for a random start.
        weights: where they come from and what they were trained with.
        normalisation: `weights` or `unit` (divide by 255 only).
        head: the paper's three layers or a single linear one (classification).
        decoder_channels: of the U-Net (segmentation).
        block_like: backbone whose width the teacher's extra 1x1 block takes; None for no block.
    """

    architecture: str
    backbone: Backbone
    weights_name: str | None = None
    weights: Weights | None = None
    normalisation: Literal["weights", "unit"] = "weights"
    head: Literal["paper", "linear"] = "paper"
    decoder_channels: tuple[int, int, int, int, int] = (256, 128, 64, 32, 16)
    block_like: Backbone | None = None


class RivalSettings(Model):
    """A published method, or a user's own, in place of a sharing graph's edges.

    Args:
        method: as the registry of rivals names it.
        sha256: of the file of a user's own method.
        options: of the method.
        supervised: weight of the task's loss.
        kd: weight of plain distillation beside the method (Hinton et al. 2015), at
        kd_temperature.
    """

    method: str
    sha256: str | None = None
    options: dict[str, Any] = {}
    supervised: float = 1.0
    kd: float = 0.0
    kd_temperature: float = 4.0


class RunSettings(Model):
    """One training: (protocol, task, pair, run, seed) and all its options."""

    protocol: str
    task: str
    kind: Literal["classification", "segmentation"]
    classes: tuple[str, ...]
    pair: str
    run: str
    seed: int
    balance: Literal["none", "resample", "class_weights"] = "none"
    teacher: TeacherMode
    supervised: dict[str, float]
    edges: tuple[OwnEdge, ...] = ()
    rival: RivalSettings | None = None
    networks: dict[str, NetworkSettings]
    sharing: Sharing = Sharing()
    training: Training = Training()

    @property
    def outputs(self) -> int:
        """Number of output channels: one per class, or a single foreground logit."""
        return len(self.classes) if self.kind == "classification" else 1

    @property
    def graph(self) -> SharingGraph:
        """The run's sharing graph."""
        edges = tuple(Edge(edge.source, edge.learner, edge.knowledge, edge.weight) for edge in self.edges)
        return SharingGraph(self.teacher, self.supervised, edges)

    def to_json(self) -> str:
        """Canonical JSON: the same settings give the same text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """First 16 hex digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    @classmethod
    def from_argument(cls, argument: str) -> "RunSettings":
        """Settings from JSON text, or from a file that holds them (a finished run's `run.json` too).

        Raises:
            UserError: neither, or not valid.
        """
        remedy = "pass what `python src/settings.py` prints, or the run.json of a finished run"
        content = mapping_argument(argument, "--settings", remedy=remedy)
        try:
            return cls.model_validate(content.get("settings", content))
        except ValidationError as error:
            raise UserError(
                f"--settings {argument[:60]}: these are not the settings of a run ({error}).", remedy
            ) from None
