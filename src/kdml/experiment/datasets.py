"""Section of the configuration on data sets: the paper's, which are described here, and those of the user's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from kdml.common.texts import composed
from kdml.runs.settings import Count, Model, Once, Seed


class Content(NamedTuple):
    """What a dataset's archives hold, the channel that pictures show in grey (in colour if None), and the names of its labels."""

    labels: int
    has_masks: bool
    grey: int | None = None
    mask_classes: tuple[str, ...] = ()  # of masks that have several
    classes: tuple[str, ...] = ()  # in the order of the labels, where files or tables name them


HCD = "hcd"  # whose archive names no slides, and of which a balanced subset is drawn

DATASETS: Mapping[str, Content] = {
    HCD: Content(labels=2, has_masks=False, classes=("normal", "metastasis")),
    "lgg": Content(
        labels=2, has_masks=True, grey=1, classes=("no_lesion", "lesion")
    ),  # before contrast agent, FLAIR, after it
    "ham10000": Content(labels=7, has_masks=True, classes=("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")),
}

OWN_KEYS = (
    "source", "classes", "table", "image", "label", "mask", "group", "window", "mask_above", "mask_values", "licence",
    "format", "axis", "slice", "spacing",
)  # fmt: skip


BACKGROUND = "background"  # of masks that have several classes
MOST_MASK_CLASSES = 32  # with the background; a table of cases has a column for each pair of them


def _words(value: Any) -> Any:
    """Whole numbers of a list as texts: classes may be called 0 and 1. What YAML reads `yes` and `no` as is told."""
    if isinstance(value, list) and any(type(one) is bool for one in value):
        raise ValueError("YAML reads yes, no, on and off as true and false: quote them, as in ['yes', 'no']")
    return [str(one) if type(one) is int else one for one in value] if isinstance(value, list) else value


ClassNames = Annotated[Once[Annotated[str, AfterValidator(composed)]], BeforeValidator(_words)]
Column = Annotated[str, AfterValidator(composed)]
Millimetres = Annotated[float, Field(gt=0, allow_inf_nan=False)]
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
    subset_seed: Seed = Field(0, description="of that draw, and of which images `limit` keeps")
    limit: Count | None = Field(None, description="keep about so many images, for small trial runs")
    slides: Path | None = Field(
        None, description="CSV with the columns id and wsi: the slide of each patch, for the grouped protocol (HCD)"
    )
    demo_images: Count = Field(400, description="how many look-alike images to draw when `archives: demo`")
    source: Path | None = Field(
        None, description="of your own: folder or zip with the pictures, relative to the project"
    )
    classes: ClassNames = Field(
        [],
        description="of your own: values of the column `label`, or folders of pictures, in the order of labels 0, 1, ...;"
        " of a column `label` the `classes` of the tasks on it if not given",
    )
    table: Path | None = Field(
        None,
        description="of your own: CSV or Parquet, relative to the project or within `source`, a row for each picture",
    )
    image: Column | None = Field(None, description="column of the table: file of the picture")
    label: Column | None = Field(None, description="column of the table: its class")
    mask: Column | None = Field(None, description="column of the table: file of its mask")
    group: Column | None = Field(
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
    mask_values: dict[
        Annotated[str, AfterValidator(composed), Field(min_length=1)], Annotated[int, Field(ge=0, lt=2**16)]
    ] = Field(
        {},
        description="of your own: the classes of masks that have several, and the value of each: grey, or the place in a palette,"
        " for example `{core: 1, oedema: 2}`; the `background` is 0 if not given",
    )
    licence: str = Field(
        "",
        description="of your own: its terms of use, for the model card of `snakemake export`: as Hugging Face names them, or in"
        " words. That `cc-by-nc-*`, `cc-by-nc-sa-*` and `cc-by-nc-nd-*` forbid commercial use is understood, and that `cc0-1.0`,"
        " `cc-by-*`, `cc-by-sa-*`, `cc-by-nd-*`, `mit`, `apache-2.0`, `odc-by`, `pddl` and `odbl` allow it; of others the card says"
        " that it is not recorded",
    )

    format: Literal["pictures", "dicom", "nifti"] = Field(
        "pictures",
        description="of your own: `dicom` files, a picture each, or `nifti` volumes, whose slices are the pictures; both need the"
        " extra `medical` and make `grouped` the protocol of its tasks",
    )
    axis: Annotated[int, Field(ge=0, le=2)] = Field(
        2, description="of volumes: 0 sagittal, 1 coronal, 2 axial slices, in the orientation RAS"
    )
    slice: Column | None = Field(
        None, description="column of the table: number of the slice, from 0; all slices of a volume if not given"
    )

    spacing: Millimetres | tuple[Millimetres, Millimetres] | Column | None = Field(
        None,
        description="of your own: millimetres from one pixel of the files to the next: a number, two of them (down, across), or the"
        " column of the table that says it; what DICOM and NIfTI files say if not given. Distances between outlines are in"
        " millimetres where it is known of every picture, else in pixels",
    )

    @property
    def has_groups(self) -> bool:
        """Whether it is known, or can be read off its files, which pictures belong together."""
        return self.group is not None or self.format != "pictures"

    @property
    def columns(self) -> dict[str, str | None]:
        """Columns of the table, by what they hold."""
        named = {key: getattr(self, key) for key in ("image", "label", "mask", "group", "slice")}
        return named | {"spacing": self.spacing if isinstance(self.spacing, str) else None}

    def own_keys(self) -> list[str]:
        """Keys that are given and for datasets of the user's own alone."""
        return [key for key in OWN_KEYS if key in self.model_fields_set]

    def content(self) -> Content:
        """What a dataset of the user's own holds, by what is said of it."""
        has_masks = self.mask is not None if self.table is not None else not self.classes
        return Content(
            len(self.classes) or 2,
            has_masks,
            mask_classes=tuple(self.values_of_masks())[1:],
            classes=tuple(self.classes),
        )

    def values_of_masks(self) -> dict[str, int]:
        """The background and the classes of masks that have several, in the order of their numbers, with their values in files."""
        if not self.mask_values:
            return {}
        others = {name: value for name, value in self.mask_values.items() if name != BACKGROUND}
        return {BACKGROUND: self.mask_values.get(BACKGROUND, 0)} | others

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
            raise ValueError(
                "classes: the column `label` needs the list of its values, here or as `classes` of all tasks on it, and nothing"
                " else does"
            )
        self._check_masks()
        if self.format != "nifti" and (volumes := self.model_fields_set & {"axis", "slice"}):
            raise ValueError(f"{sorted(volumes)[0]}: is for volumes, `format: nifti`")
        if self.format == "nifti" and self.window is None:
            raise ValueError("window: say which values of the volumes become black and white")
        if len(self.classes) == 1:
            raise ValueError(f"classes: '{self.classes[0]}' is the only one; a classifier needs two or more")
        if "demo_images" in self.model_fields_set:
            raise ValueError(
                "demo_images: is for the paper's data sets, look-alikes of which can be drawn; use `limit`"
            )

    def check_draw(self) -> None:
        """Refuse what decides nothing of a dataset that is not HCD.

        Raises:
            ValueError: names the key and what to do.
        """
        if self.subset is not None:
            raise ValueError("subset: is for hcd; use `limit`")
        if self.slides is not None:
            raise ValueError(
                "slides: is for hcd; groups of others are in their archive, or a column `group` of a table"
            )
        if self.limit is None and "subset_seed" in self.model_fields_set:
            raise ValueError("subset_seed: all images are kept, none are drawn; set `limit`, or leave it out")

    def _check_masks(self) -> None:
        if not self.content().has_masks and (said := self.model_fields_set & {"mask_values", "mask_above"}):
            raise ValueError(f"{sorted(said)[0]}: there are no masks; name the column `mask` of the table")
        if not self.mask_values:
            return
        values = self.values_of_masks()
        if "mask_above" in self.model_fields_set:
            raise ValueError("mask_values and mask_above: a mask has several classes or one; keep one of the two keys")
        if len(values) < 3:
            raise ValueError("mask_values: name two classes or more beside the background; for one, use `mask_above`")
        if twice := [name for name in values if list(values.values()).count(values[name]) > 1]:
            raise ValueError(f"mask_values: {' and '.join(twice)} have the same value, {values[twice[0]]}")
        if len(values) > MOST_MASK_CLASSES:
            raise ValueError(f"mask_values: more than {MOST_MASK_CLASSES - 1} classes of masks are not taken")
