"""Sections of the configuration, a frozen model for each."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, model_validator

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
)


class Content(NamedTuple):
    """What a dataset's archives hold, and the channel that pictures of it show in grey; in colour if None."""

    labels: int
    has_masks: bool
    grey: int | None = None


DATASETS: Mapping[str, Content] = {
    "hcd": Content(labels=2, has_masks=False),
    "lgg": Content(labels=2, has_masks=True, grey=1),  # before contrast agent, FLAIR, after it
    "ham10000": Content(labels=7, has_masks=True),
}

if TYPE_CHECKING:  # a type checker reads no values that only running the program gives
    Technique = str
    Strategy = str
else:
    Technique = Literal[tuple(TECHNIQUES)]
    Strategy = Literal[tuple(STRATEGIES)]

Protocol = Literal["paper", "grouped"]


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


OWN_KEYS = (
    "source", "classes", "table", "image", "label", "mask", "group", "window", "mask_above", "licence", "format", "axis", "slice",
)  # fmt: skip


def _words(value: Any) -> Any:
    """Whole numbers of a list as texts: classes may be called 0 and 1."""
    return [str(one) if type(one) is int else one for one in value] if isinstance(value, list) else value


Percentage = Annotated[float, Field(ge=0, le=100)]


class Window(Model):
    """Which values of pictures with 16 bits become black and white: two values, or two percentiles of each picture."""

    limits: tuple[float, float] | None = Field(None, description="the two values, for example [0, 4095]")
    percentiles: tuple[Percentage, Percentage] | None = Field(
        None, description="the two percentiles, for example [1, 99]"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "Window":
        if (self.limits is None) == (self.percentiles is None):
            raise ValueError("give either `limits` or `percentiles`")
        low, high = self.limits or self.percentiles or (0, 0)
        if low >= high:
            raise ValueError(f"the first number must be below the second: {low:g} is not below {high:g}")
        return self


class Dataset(Model):
    """How a dataset is prepared; of one of your own, how it lies, too."""

    image_size: Count = Field(description="side in pixels that images are scaled to")
    subset: Count | None = Field(
        None, description="size of the balanced random subset (HCD), drawn once with `subset_seed`"
    )
    subset_seed: Seed = Field(0, description="of that draw")
    limit: Count | None = Field(None, description="keep about so many images, for small trial runs")
    slides: Path | None = Field(
        None, description="CSV with the columns id and wsi: the slide of each patch, for the grouped protocol (HCD)"
    )
    demo_images: Count = Field(400, description="how many look-alike images to draw when `archives: demo`")
    source: Path | None = Field(
        None, description="of your own: folder or zip with the pictures, relative to the project"
    )
    classes: Annotated[Once[str], BeforeValidator(_words)] = Field(
        [],
        description="of your own: values of the column `label`, or folders of pictures, in the order of labels 0, 1, ...",
    )
    table: Path | None = Field(
        None,
        description="of your own: CSV or Parquet, relative to the project or within `source`, a row for each picture",
    )
    image: str | None = Field(None, description="column of the table: file of the picture")
    label: str | None = Field(None, description="column of the table: its class")
    mask: str | None = Field(None, description="column of the table: file of its mask")
    group: str | None = Field(
        None, description="column of the table: its patient, lesion or slide; makes `grouped` the protocol of its tasks"
    )
    window: Window | None = Field(
        None,
        description="of your own: what of pictures with 16 bits becomes black and white: `{limits: [0, 4095]}`, or"
        " `{percentiles: [1, 99]}` of each",
    )
    mask_above: Annotated[int, Field(ge=0, le=254)] = Field(
        127, description="of your own: grey values of masks above it are marked; 0 for masks of 0 and 1"
    )
    licence: str = Field(
        "",
        description="of your own: its terms of use, for the model card of `snakemake export`: as Hugging Face names them"
        " (`cc-by-4.0`), or in words",
    )

    format: Literal["pictures", "dicom", "nifti"] = Field(
        "pictures",
        description="of your own: `dicom` files, a picture each, or `nifti` volumes, whose slices are the pictures; both need the"
        " extra `medical` and make `grouped` the protocol of its tasks",
    )
    axis: Annotated[int, Field(ge=0, le=2)] = Field(
        2, description="of volumes: 0 sagittal, 1 coronal, 2 axial slices, in the orientation RAS"
    )
    slice: str | None = Field(
        None, description="column of the table: number of the slice, from 0; all slices of a volume if not given"
    )

    @property
    def has_groups(self) -> bool:
        """Whether it is known, or can be read off its files, which pictures belong together."""
        return self.group is not None or self.format != "pictures"

    @property
    def columns(self) -> dict[str, str | None]:
        """Columns of the table, by what they hold."""
        return {"image": self.image, "label": self.label, "mask": self.mask, "group": self.group, "slice": self.slice}

    def own_keys(self) -> list[str]:
        """Keys that are given and for datasets of the user's own alone."""
        return [key for key in OWN_KEYS if key in self.model_fields_set]

    def content(self) -> Content:
        """What a dataset of the user's own holds, by what is said of it."""
        has_masks = self.mask is not None if self.table is not None else not self.classes
        return Content(labels=len(self.classes) or 2, has_masks=has_masks)

    def check_own(self) -> None:
        """Refuse what contradicts itself in a dataset of the user's own.

        Raises:
            ValueError: names the keys.
        """
        named = [key for key, column in self.columns.items() if column is not None]
        if self.table is None and named:
            raise ValueError(f"{named[0]}: names a column, but there is no `table`")
        if self.table is not None and self.image is None:
            raise ValueError("image: name the column of the table that holds the files of pictures")
        if self.table is not None and self.label is None and self.mask is None:
            raise ValueError("table: name its column `label`, `mask`, or both")
        if len({self.columns[key] for key in named}) < len(named):
            raise ValueError(f"{' and '.join(named)} must be different columns of the table")
        if (self.label is not None) != bool(self.classes) and self.table is not None:
            raise ValueError("classes: the column `label` needs the list of its values, and nothing else does")
        if self.format != "nifti" and (volumes := self.model_fields_set & {"axis", "slice"}):
            raise ValueError(f"{sorted(volumes)[0]}: is for volumes, `format: nifti`")
        if self.format == "nifti" and self.window is None:
            raise ValueError("window: say which values of the volumes become black and white")
        if len(self.classes) == 1:
            raise ValueError(f"classes: '{self.classes[0]}' is the only one; a classifier needs two or more")
        if self.subset is not None or self.slides is not None:
            raise ValueError(
                f"{'slides' if self.slides else 'subset'}: is for hcd; use `limit`, and `group` of a table"
            )


class Similarity(Model):
    """How CKA is measured on the test images; memory grows with the batch, precision too."""

    batch: Annotated[int, Field(ge=4)] = Field(
        256, description="images per batch; all test images where they are fewer"
    )
    passes: Count = Field(1, description="over the test images, each in another order")


class Task(Model):
    """A dataset with a kind of target."""

    dataset: str = Field(description="key of `datasets`")
    kind: Kind = Field(description="of target: a class per image, or a mask")
    classes: Once[str] = Field(
        min_length=1, description="their names: of the labels 0, 1, ..., or what the mask marks (segmentation)"
    )
    title: str = Field(description="in tables and figures")
    balance: Literal["none", "resample", "class_weights"] = Field(
        "none", description="of the training images: each class drawn as often, or weighed in the loss (classification)"
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
        """Number of output channels: one per class, or a single foreground logit."""
        return len(self.classes) if self.kind == "classification" else 1


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

    Beta and gamma share the rest as in the paper's weights for the variant; those are tried too where the grid lacks them.
    Where the paper has none, they share it as in the configured ones.
    """

    alpha: Once[Annotated[float, Field(gt=0, lt=1)]] = Field(
        [0.1, 0.2, 0.4], min_length=1, description="weights of the labels that are tried for each student"
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
