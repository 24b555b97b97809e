"""Everything that decides one run's numbers, apart from its data: frozen, hashable, written into `run.json`."""

import hashlib
import json
from collections.abc import Hashable
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from kdml.common.command_line import mapping_argument
from kdml.common.errors import UserError
from kdml.runs.graph import Edge, Knowledge, SharingGraph, TeacherMode

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Kind = Literal["classification", "segmentation"]
StrideOn = Literal["3x3", "1x1"]
Channels = tuple[float, float, float]
KINDS: tuple[str, ...] = get_args(Kind)
T = TypeVar("T", bound=Hashable)


def _each_once(values: list[T]) -> list[T]:
    """A list whose values are run, or shown, one by one.

    Raises:
        ValueError: a value stands there twice.
    """
    twice = [value for number, value in enumerate(values) if value in values[:number]]
    if twice:
        raise ValueError(f"{twice[0]!r} is listed twice; list everything once")
    return values


Once = Annotated[list[T], AfterValidator(_each_once), Field(json_schema_extra={"uniqueItems": True})]


class Model(BaseModel):
    """A model that is frozen and refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Augmentation(Model):
    """Random changes of the training images; probabilities per image."""

    horizontal_flip: Fraction = 0.5
    vertical_flip: Fraction = 0.5
    transpose: Fraction = 0.5
    affine: Fraction = Field(0.5, description="probability of rotating, shifting and scaling at once")
    rotation: Annotated[float, Field(ge=0, le=180)] = Field(20, description="at most, in degrees")
    shift: Fraction = Field(0.1, description="at most, as a share of the side")
    scale: Annotated[float, Field(ge=0, lt=1)] = Field(0.2, description="at most, as a share of the size")


class Schedule(Model):
    """Learning rate on a plateau of the validation score; `factor: 1` keeps it constant."""

    factor: Annotated[float, Field(gt=0, le=1)] = 0.5
    patience: Annotated[int, Field(ge=0)] = 10
    floor: Annotated[float, Field(ge=0)] = 1e-7


class Training(Model):
    """How networks are trained.

    `threads` changes rounding on a CPU, so it is a setting and not what a scheduler happened to give.
    """

    epochs: Count = 200
    patience: Annotated[int, Field(ge=0)] = 40
    batch_size: Count = 8
    learning_rate: Positive = 1e-4
    schedule: Schedule = Schedule()
    augmentation: Augmentation = Augmentation()
    segmentation_loss: Literal["paper", "stock"] = "paper"
    focal_exponent: Annotated[float, Field(ge=0)] = 2.0
    focal_reduction: Literal["mean", "sum"] = "mean"
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    deterministic: bool = True
    threads: Count = 4


class Sharing(Model):
    """How knowledge is compared; see the open points of the paper."""

    temperature: Positive = 2.0
    kl_direction: Literal["learner_first", "source_first"] = "learner_first"
    scale_by_t2: bool = False
    swap_students: bool = False
    classification_tap: Literal["stage", "raw_convolution"] = "stage"
    segmentation_tap: Literal["first_convolution", "block"] = "first_convolution"
    teacher_block: Literal["inside", "none"] = "inside"


class StartWeightsSettings(Model):
    """What the start weights of a backbone are, wherever their file lies; its checksum is among the inputs in `run.json`.

    Args:
        source: `timm` for weights that timm downloads, `file` for a local safetensors file.
        timm: their tag, of the former.
        stride_on: `1x1` for ResNet v1, whose stride sits on each stage's first 1x1 convolution.
        options: of the timm builder that they need.
        mean: of the images they were trained with, in 0..1; None for timm's own record.
        std: standard deviation of these images.
        note: a remark for readers.
    """

    source: Literal["timm", "file"]
    timm: str | None = None
    stride_on: StrideOn = "3x3"
    options: dict[str, Any] = {}
    mean: Channels | None = None
    std: Channels | None = None
    note: str = ""


class OwnEdge(Model):
    """One edge of an own variant."""

    source: str
    learner: str
    knowledge: Knowledge
    weight: Annotated[float, Field(ge=0)]


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
        weights: what these are.
        normalisation: `weights` or `unit` (divide by 255 only).
        head: the paper's three layers or a single linear one (classification).
        decoder_channels: of the U-Net (segmentation).
        block_like: backbone whose width the teacher's extra 1x1 block takes; None for no block.
    """

    architecture: str
    backbone: Backbone
    weights_name: str | None = None
    weights: StartWeightsSettings | None = None
    normalisation: Literal["weights", "unit"] = "weights"
    head: Literal["paper", "linear"] = "paper"
    decoder_channels: tuple[int, int, int, int, int] = (256, 128, 64, 32, 16)
    block_like: Backbone | None = None


class MethodSettings(Model):
    """A published method, or a user's own, in place of a sharing graph's edges.

    Args:
        name: key of a published method, or a user's own as `file.py:Class`.
        sha256: of the file of a user's own method.
        options: of the method.
        supervised: weight of the task's loss.
        kd: weight of plain distillation beside the method (Hinton et al. 2015), at
        kd_temperature.
    """

    name: str
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
    method: MethodSettings | None = None
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
