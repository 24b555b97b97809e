"""What timm's backbones can be built as, and of which images: known at planning from a table, because timm itself needs torch."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from math import lcm
from typing import Any

from kdml.common.project import ROOT
from kdml.runs.settings import Kind

TABLE = ROOT / "workflow" / "resources" / "backbones.csv"
IMG_SIZE = "img_size"  # option of the builders of networks whose positions are learned for one size
U_NET_STEP = 32  # a U-Net halves its images five times
# Families some of whose networks have tensors of the same names and shapes but for heads and positions: those of timm 1.0, of which
# every backbone was built and compared.
RELATED = ({"vision_transformer", "deit"}, {"vision_transformer", "eva"}, {"hiera", "hieradet_sam2"})
EXAMPLES: Mapping[Kind, str] = {
    "classification": "resnet18, convnext_tiny, vit_tiny_patch16_224 or swin_tiny_patch4_window7_224",
    "segmentation": "resnet18, convnext_tiny, pvt_v2_b0 or swin_tiny_patch4_window7_224",
}


@dataclass(frozen=True)
class Known:
    """What is known of a backbone; of the rest a training tells, before its first step.

    Args:
        family: module of timm that it is defined in.
        classifier: `map` if it ends in a map by itself, `grid` if its tokens or channels-last maps are brought to one, else empty.
        unet: whether it can be the encoder of a U-Net.
        sized: whether it is built for one size of images.
        step: the side of images is a multiple of it, in pixels.
    """

    family: str
    classifier: str
    unet: bool
    sized: bool
    step: int

    def can_be(self, kind: Kind) -> bool:
        """Whether it serves a kind of task."""
        return self.unet if kind == "segmentation" else bool(self.classifier)

    def sizes_near(self, size: int, kind: Kind) -> str:
        """Sizes that it takes, in words, those next to a side of `size` pixels; of a U-Net multiples of 32."""
        step = lcm(self.step, U_NET_STEP) if kind == "segmentation" else self.step
        below = max(step, size // step * step)
        return f"{below} or {below + step}, multiples of {step}"


@cache
def known() -> Mapping[str, Known]:
    """Every backbone of the timm that is pinned, by its name."""
    with open(TABLE, encoding="utf-8", newline="") as file:
        return {row["name"]: _known(row) for row in csv.DictReader(file)}


def _known(row: Mapping[str, str]) -> Known:
    return Known(row["family"], row["classifier"], row["unet"] == "1", row["img_size"] == "1", int(row["step"]))


def name_of(timm: str) -> str:
    """A backbone's name without the tag of weights that timm knows, which says nothing of the architecture."""
    return timm.partition(".")[0]


def options_for(timm: str, options: Mapping[str, Any], size: int) -> dict[str, Any]:
    """Options of a backbone's builder, with the size of the images where it is built for one.

    Args:
        timm: name of the backbone.
        options: that the configuration gives.
        size: side of the images in pixels.
    """
    found = known().get(name_of(timm))
    return {**options, IMG_SIZE: size} if found is not None and found.sized else dict(options)


def unknown(timm: str) -> str | None:
    """What is wrong with the name of a backbone that timm does not have, and which it has; None if it has it."""
    name = name_of(timm)
    if name in known():
        return None
    close = ", ".join(get_close_matches(name, known(), n=3, cutoff=0.5)) or EXAMPLES["classification"]
    return f"timm: timm has no backbone '{name}'; it has for example {close}"


def of_another(timm: str, weights: str) -> str | None:
    """What is wrong with start weights that timm knows under the name of another network; None where they may fit.

    Names differ of networks with the same tensors, but not so the families that share none; the rest making the weights tells.

    Args:
        timm: name of the backbone.
        weights: tag of its start weights.
    """
    mine, other = (known().get(name_of(one)) for one in (timm, weights))
    if mine is None or other is None or mine.family == other.family:
        return None
    if any({mine.family, other.family} <= families for families in RELATED):
        return None
    return f"'{weights}' are of the architecture {other.family}, not of {mine.family}, which '{name_of(timm)}' is of"


def misfit(timm: str, options: Mapping[str, Any], kind: Kind, dataset: str, size: int, raw_tap: bool) -> str | None:
    """What is wrong with a backbone for a task, and what would fit; None if it can be built.

    Args:
        timm: name of the backbone.
        options: of its builder, as the configuration gives them; they may change what it takes, which building it tells.
        kind: of the task.
        dataset: of the task.
        size: side of its images in pixels.
        raw_tap: whether features are taken from the last convolution of a classifier.
    """
    name, found = name_of(timm), known()[name_of(timm)]
    if not found.can_be(kind):
        what = (
            "be the encoder of a U-Net" if kind == "segmentation" else "be a classifier here, because it ends in no map"
        )
        return f"timm: '{name}' cannot {what}; what can is for example {EXAMPLES[kind]}"
    if options.get(IMG_SIZE, size) != size:
        given = options[IMG_SIZE]
        return f"options.{IMG_SIZE}: {given}, but images of '{dataset}' have {size} pixels; leave it out, it follows `image_size`"
    if not options.keys() - {IMG_SIZE} and size % found.step:
        return (
            f"timm: '{name}' does not take images of {size} pixels; set `datasets: {dataset}: image_size` to"
            f" {found.sizes_near(size, kind)}, or choose another backbone"
        )
    if raw_tap and kind == "classification" and found.classifier == "grid":
        return f"timm: '{name}' has no last convolution to take features from; use `sharing: classification_tap: stage`"
    return None
