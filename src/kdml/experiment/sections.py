"""Sections of the configuration, a frozen model for each."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from kdml.experiment.datasets import ClassNames
from kdml.runs.graph import STRATEGIES, STUDENT_NAME, TECHNIQUES, Edge, SharingGraph, TeacherMode
from kdml.runs.settings import (
    BuilderOptions,
    Count,
    Deviation,
    Fraction,
    Kind,
    Mean,
    Model,
    Once,
    OwnEdge,
    Positive,
    Seed,
    StartWeightsSettings,
    StrideOn,
    TimmName,
    Weight,
    outputs_of,
)

if TYPE_CHECKING:  # a type checker reads no values that only running the program gives
    Technique = str
    Strategy = str
else:
    Technique = Literal[tuple(TECHNIQUES)]
    Strategy = Literal[tuple(STRATEGIES)]

Protocol = Literal["paper", "grouped"]
BY_IMAGE, BY_GROUP = get_args(Protocol)


class RunChoice(Model):
    """Choice of what runs, by lists: a configuration file that is merged over another one replaces a list as a whole."""

    tasks: Once[str] = Field(min_length=1, description="keys of `tasks`")
    pairs: Once[str] = Field(min_length=1, description="keys of `pairs`")
    techniques: Once[Technique] = Field(
        list(TECHNIQUES), description="of the paper: who teaches whom, and when the teacher trains"
    )
    strategies: Once[Strategy] = Field(list(STRATEGIES), description="of the paper: what knowledge passes on each edge")
    own_variants: Once[str] = Field([], description="keys of `variants`")
    variants_for: dict[str, Once[str]] = Field(
        {},
        description="variants of one task (`lgg`) or task and pair (`lgg/resnet50-resnet18`), in place of techniques x strategies",
    )
    baselines: bool = Field(True, description="train every network alone, too")
    methods: Once[str] = Field(
        [], description="published methods, or names from `methods`: each is run at the places below"
    )
    methods_at: Once[Annotated[str, Field(pattern=r"^[^/]+/[^/]+$")]] = Field(
        [],
        description="task/pair at which methods are run, those of its kind of task; left out where task or pair is not run",
    )
    protocols: Once[Protocol] = Field(
        ["paper"], min_length=1, description="paper: split by image; grouped: by patient, lesion or slide"
    )
    seeds: Once[Seed] = Field([0, 1, 2], min_length=1, description="repetitions; a seed pairs the runs of all variants")


class Similarity(Model):
    """How CKA is measured on the test images; memory grows with the batch, precision too."""

    batch: Annotated[int, Field(ge=4)] = Field(
        256, description="images per batch; all test images where they are fewer"
    )
    passes: Count = Field(1, description="over the test images, each in another order")


class NonInferiority(Model):
    """When a student is good enough to take the place of its teacher, or of one alone; set it before the results are seen."""

    margin: Annotated[float, Field(gt=0, lt=100)] = Field(
        2.0, description="percentage points of the primary metric that the student may be worse by"
    )


class Task(Model):
    """A dataset with a kind of target."""

    dataset: str = Field(description="key of `datasets`")
    kind: Kind = Field(description="of target: a class per image, or a mask")
    classes: ClassNames = Field(
        min_length=1, description="their names: of the labels 0, 1, ..., or what the mask marks (segmentation)"
    )
    title: str = Field(description="in tables and figures")
    balance: Literal["none", "resample", "class_weights"] = Field(
        "none",
        description="of the training images: each class of images drawn as often, or weighed in the loss (classification)",
    )
    protocols: Once[Protocol] | None = Field(
        None,
        min_length=1,
        description="how its splits are made, in place of `run: protocols`; grouped if not given where its dataset has a `group`",
    )
    head: Literal["paper", "linear"] = Field("paper", description="of a classifier: the paper's three layers, or one")
    training: dict[str, Any] = Field({}, description="keys of `training` that differ for this task")

    @property
    def outputs(self) -> int:
        """Number of output channels of its networks."""
        return outputs_of(self.kind, self.classes)


class NetworkEntry(Model):
    """An architecture: a timm backbone, with a classification head or as the encoder of a U-Net."""

    timm: TimmName = Field(description="name of the backbone in timm")
    title: str = Field(description="in tables and figures")
    weights: str = Field("none", description="key of `weights`, or none for a random start")
    options: BuilderOptions = Field({}, description="options of the timm builder")
    decoder_channels: tuple[Count, Count, Count, Count, Count] = Field(
        (256, 128, 64, 32, 16), description="of the U-Net, from its deepest block"
    )
    normalisation: Literal["weights", "unit"] = Field(
        "weights", description="weights: with the mean and std of its weights' images; unit: divide by 255 only"
    )
    stands_for: Literal["resnet50", "resnet18", "mobilenet"] | None = Field(
        None, description="the paper's architecture that it takes loss weights from and is compared with"
    )
    trained: Literal["all", "head"] = Field(
        "all",
        description="head: the backbone keeps its start weights, only what follows it (of a U-Net the decoder) is trained",
    )

    @model_validator(mode="after")
    def _has_something_to_keep(self) -> "NetworkEntry":
        if self.trained == "head" and self.weights == "none":
            raise ValueError("trained: `head` keeps the start weights of the backbone; name them as `weights`")
        return self


class WeightsEntry(Model):
    """Where the start weights of a backbone come from, and what they were trained with."""

    timm: TimmName | None = Field(None, description="timm tag to download, for example resnet50.tv_in1k")
    path: Path | None = Field(None, description="safetensors file with timm's parameter names")
    stride_on: StrideOn = Field(
        "3x3", description="1x1: ResNet v1, the stride sits on each stage's first 1x1 convolution"
    )
    options: BuilderOptions = Field(
        {}, description="builder options the weights need, for example pad_type: same, bn_eps: 0.001"
    )
    mean: Mean | None = Field(None, description="of the images they were trained with, in 0..1; needed with `path`")
    std: Deviation | None = Field(None, description="standard deviation of these images; needed with `path`")
    note: str = Field("", description="a remark for readers")

    @model_validator(mode="after")
    def _one_source(self) -> "WeightsEntry":
        if (self.timm is None) == (self.path is None):
            raise ValueError("give either `timm` (a tag to download) or `path` (a safetensors file)")
        if self.path is not None and (self.mean is None or self.std is None):
            raise ValueError("weights by `path` need `mean` and `std`: what their images were normalised with")
        return self

    def settings(self) -> StartWeightsSettings:
        """What a run's settings say of the weights: all but where a local file lies, which may be moved."""
        source: Literal["timm", "file"] = "timm" if self.path is None else "file"
        return StartWeightsSettings(source=source, **self.model_dump(exclude={"path"}))


class Pair(Model):
    """Teacher and student architecture, and the tasks that they are run on."""

    teacher: str = Field(description="key of `networks`")
    student: str = Field(description="key of `networks`; of both students")
    tasks: Once[str] | None = Field(None, description="only these tasks; all if not given")


class OwnVariant(Model):
    """A user's own sharing graph."""

    teacher: TeacherMode = Field(
        description="none; frozen: one that was trained before; online: it learns in the same step"
    )
    supervised: dict[Annotated[str, Field(pattern=f"^{STUDENT_NAME}$")], Weight] = Field(
        min_length=1, description="students s1, s2, ... and the weight of the labels in the loss of each"
    )
    edges: list[OwnEdge] = Field([], description="who learns what from whom")

    def graph(self) -> SharingGraph:
        """Sharing graph of the variant; an online teacher learns from the labels with weight 1."""
        teacher = {"teacher": 1.0} if self.teacher is TeacherMode.ONLINE else {}
        edges = tuple(Edge(edge.source, edge.learner, edge.knowledge, edge.weight) for edge in self.edges)
        return SharingGraph(self.teacher, teacher | self.supervised, edges)

    @model_validator(mode="after")
    def _is_a_graph(self) -> "OwnVariant":
        self.graph()
        return self


class MethodChoice(Model):
    """How a method is run: a method of the package under its own or another name, or a user's own."""

    method: str | None = Field(
        None,
        description="a method of the package, or file.py:Class relative to the project; the entry's own name if not given",
    )
    title: str = Field("", description="in tables; the method's own if not given")
    tasks: Once[str] | None = Field(None, description="only these tasks; all of its kind if not given")
    options: dict[str, Any] = Field({}, description="of the method, its loss weights as weight_<term> among them")
    supervised: Weight | None = Field(None, description="weight of the task's loss")
    kd: Weight | None = Field(None, description="weight of plain distillation beside the method")
    kd_temperature: Positive = Field(4.0, description="of plain distillation")


class GridSearch(Model):
    """Which loss weights `snakemake grid_search` tries for every variant: all alphas of S1 with all of S2.

    Beta and gamma share the rest as in the paper's weights for the variant, or in shares that are tried too; the paper's own
    setting is tried as well where the grid lacks it. Where the paper has none, they share the rest as in the configured weights.
    """

    alpha: Once[Annotated[float, Field(gt=0, lt=1)]] = Field(
        [0.1, 0.2, 0.4], min_length=1, description="weights of the labels that are tried for each student"
    )
    beta_shares: Once[Annotated[float, Field(gt=0, lt=1)]] = Field(
        [],
        description="shares that beta takes of what alpha leaves, tried for both students alike where one learns from the teacher"
        " and its peer (KD + ML); empty: as in the paper's weights alone",
    )
    seeds: Once[Seed] = Field([0], min_length=1, description="of the trials")


class Split(Model):
    """Shares of training, validation and test, and whether all seeds see one split."""

    fractions: tuple[Fraction, Fraction, Fraction] = Field((0.75, 0.10, 0.15), description="training, validation, test")
    seed: Seed = Field(0, description="of the split, where there is one for all seeds")
    per_seed: bool = Field(False, description="a split of its own for every seed, in place of one for all")

    @model_validator(mode="after")
    def _sums_to_one(self) -> "Split":
        if abs(sum(self.fractions) - 1) > 1e-9 or min(self.fractions) <= 0:
            raise ValueError("the three fractions must be above 0 and add up to 1")
        return self
