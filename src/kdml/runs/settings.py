"""Everything that decides one run's numbers, apart from its data: frozen, hashable, written into `run.json`."""

import hashlib
import json
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from kdml.common.command_line import mapping_argument
from kdml.common.errors import UserError
from kdml.runs.graph import Edge, Knowledge, SharingGraph, TeacherMode

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # seeds are multiplied, and torch takes them up to 64 bits
Kind = Literal["classification", "segmentation"]
StrideOn = Literal["3x3", "1x1"]
Mean = tuple[Fraction, Fraction, Fraction]
_Deviation = Annotated[float, Field(gt=0, le=1)]
Deviation = tuple[_Deviation, _Deviation, _Deviation]
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


def _of_timm(name: str) -> str:
    """A name of timm's own.

    Raises:
        ValueError: it names a model of a hub or a folder, which could hold anything.
    """
    if not re.fullmatch(r"\w+(\.\w+)?", name):
        raise ValueError(f"'{name}' is no name of timm's own, such as resnet18; hubs and folders are not looked into")
    return name


def _of_builder(options: dict[str, Any]) -> dict[str, Any]:
    """Options that change an architecture.

    Raises:
        ValueError: one of them has weights loaded, or settles what the program decides.
    """
    if taken := sorted(NO_OPTIONS & options.keys()):
        raise ValueError(f"`{taken[0]}` is no option of an architecture; weights are named under `weights`")
    return options


NO_OPTIONS = {
    "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_strict", "checkpoint_path", "cache_dir",
    "num_classes", "global_pool", "features_only", "model_name",
}  # fmt: skip
TimmName = Annotated[str, AfterValidator(_of_timm)]
BuilderOptions = Annotated[dict[str, Any], AfterValidator(_of_builder)]


class Model(BaseModel):
    """A model that is frozen and refuses unknown keys, numbers that are not finite, and true or false for a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_switches_for_numbers(cls, values: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Refuse what pydantic would take for 0 or 1; YAML has it for `yes`, `no`, `on` and `off` too."""
        made = validate(values)
        given = values.items() if isinstance(values, Mapping) else ()
        switches = [one for key, value in given for one in _switches(value, getattr(made, key), (key,))]
        if switches:
            kind = PydanticCustomError("switch_for_a_number", "input should be a number")
            details = [InitErrorDetails(type=kind, loc=place, input=value) for place, value in switches]
            raise ValidationError.from_exception_data(cls.__name__, details)
        return made


def _switches(given: Any, taken: Any, place: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], bool]]:
    """Place and value of what was given as true or false, but taken for a number."""
    if isinstance(given, bool):
        if not isinstance(taken, bool):
            yield place, given
    elif isinstance(given, Mapping) and isinstance(taken, Mapping):
        for key in given.keys() & taken.keys():
            yield from _switches(given[key], taken[key], (*place, key))
    elif isinstance(given, list | tuple) and isinstance(taken, list | tuple):
        for number, pair in enumerate(zip(given, taken, strict=False)):
            yield from _switches(*pair, (*place, number))


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
    timm: TimmName | None = None
    stride_on: StrideOn = "3x3"
    options: BuilderOptions = {}
    mean: Mean | None = None
    std: Deviation | None = None
    note: str = ""


class OwnEdge(Model):
    """One edge of an own variant."""

    source: str
    learner: str
    knowledge: Knowledge
    weight: Weight


class Backbone(Model):
    """A timm backbone with the options it is built with."""

    timm: TimmName
    options: BuilderOptions = {}


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
        trained: `all`, or the `head` alone: of a U-Net its decoder.
    """

    architecture: str
    backbone: Backbone
    weights_name: str | None = None
    weights: StartWeightsSettings | None = None
    normalisation: Literal["weights", "unit"] = "weights"
    head: Literal["paper", "linear"] = "paper"
    decoder_channels: tuple[Count, Count, Count, Count, Count] = (256, 128, 64, 32, 16)
    block_like: Backbone | None = None
    trained: Literal["all", "head"] = "all"


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
    supervised: Weight = 1.0
    kd: Weight = 0.0
    kd_temperature: Positive = 4.0


def outputs_of(kind: Kind, classes: Sequence[str]) -> int:
    """Number of output channels: one per class; of masks of one class a single foreground logit, of several the background, too.

    Args:
        kind: of a task.
        classes: of its labels, or what its masks mark.
    """
    if kind == "classification":
        return len(classes)
    return 1 if len(classes) == 1 else 1 + len(classes)


class RunSettings(Model):
    """One training: (protocol, task, pair, run, seed) and all its options."""

    protocol: str
    task: str
    kind: Literal["classification", "segmentation"]
    classes: tuple[str, ...]
    pair: str
    run: str
    seed: Seed
    balance: Literal["none", "resample", "class_weights"] = "none"
    teacher: TeacherMode
    supervised: dict[str, Weight]
    edges: tuple[OwnEdge, ...] = ()
    method: MethodSettings | None = None
    networks: dict[str, NetworkSettings]
    sharing: Sharing = Sharing()
    training: Training = Training()

    @property
    def outputs(self) -> int:
        """Number of output channels of its networks (`outputs_of`)."""
        return outputs_of(self.kind, self.classes)

    @property
    def graph(self) -> SharingGraph:
        """The run's sharing graph."""
        edges = tuple(Edge(edge.source, edge.learner, edge.knowledge, edge.weight) for edge in self.edges)
        return SharingGraph(self.teacher, self.supervised, edges)

    def to_json(self) -> str:
        """Canonical JSON: the same settings give the same text."""
        return canonical(self.model_dump(mode="json"))

    def digest(self) -> str:
        """First 16 hex digits of the SHA-256 of the canonical JSON."""
        return digest_of(self.model_dump(mode="json"))

    @classmethod
    def from_argument(cls, argument: str) -> "RunSettings":
        """Settings from JSON text, or from a file that holds them (a finished run's `run.json` too).

        Raises:
            UserError: neither, or not valid.
        """
        remedy = "pass what `python src/settings.py` prints, or the run.json of a finished run"
        content = mapping_argument(argument, "--settings", remedy=remedy)
        is_record = "settings" in content
        settings = settings_in(content["settings"] if is_record else content, f"--settings {argument[:60]}", remedy)
        if is_record and content.get("settings_hash") != digest_of(content["settings"]):
            raise UserError(
                f"--settings {argument[:60]}: the settings are not those of which it has the hash: it was edited.",
                "pass the settings alone, without the rest of the record, to train what they say",
            )
        return settings


def canonical(content: Any) -> str:
    """JSON text of settings as JSON has them: the same settings give the same text."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def digest_of(content: Any) -> str:
    """First 16 hex digits of the SHA-256 of the canonical JSON of settings."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()[:16]


def settings_in(content: Any, where: str, remedy: str) -> RunSettings:
    """Settings as JSON has them.

    Args:
        content: of the JSON.
        where: it was read, for the message.
        remedy: what to do if these are none.

    Raises:
        UserError: they are no settings of a run, or their sharing graph is none.
    """
    try:
        settings = RunSettings.model_validate(content)
        graph = settings.graph
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first["loc"] else first["msg"]
        raise UserError(f"{where}: these are not the settings of a run ({problem}).", remedy) from None
    except ValueError as error:
        raise UserError(f"{where}: the sharing graph of these settings is none ({error}).", remedy) from None
    if lacking := set(graph.networks) - settings.networks.keys():
        raise UserError(f"{where}: these settings say nothing of the network '{min(lacking)}'.", remedy)
    return settings
