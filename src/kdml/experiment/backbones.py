"""What timm's backbones can be built as, and of which images: known at planning from a table, because timm itself needs torch."""

import csv
from collections.abc import Collection, Mapping, Sequence
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
EXAMPLES: Mapping[Kind, str] = {
    "classification": "resnet18, convnext_tiny, vit_tiny_patch16_224 or swin_tiny_patch4_window7_224",
    "segmentation": "resnet18, convnext_tiny, pvt_v2_b0 or swin_tiny_patch4_window7_224",
}
# What `kdml.learning.networks` calls the maps of a network.
TAPS: Mapping[Kind, Sequence[str]] = {
    "classification": ("f1", "f2", "f3", "f4"),
    "segmentation": ("e1", "e2", "e3", "e4", "e5", "d0", "d1", "d2", "d3", "d4"),
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
        lacks: those of f1 to f3 of a classifier, and of e1 of a U-Net, that it does not have.
        tensors: hash of the names and shapes of its tensors.
    """

    family: str
    classifier: str
    unet: bool
    sized: bool
    step: int
    lacks: frozenset[str]
    tensors: str

    def can_be(self, kind: Kind) -> bool:
        """Whether it serves a kind of task."""
        return self.unet if kind == "segmentation" else bool(self.classifier)

    def sizes_near(self, size: int, kind: Kind) -> str:
        """Sizes that it takes, in words, those next to a side of `size` pixels; of a U-Net multiples of 32."""
        step = lcm(self.step, U_NET_STEP) if kind == "segmentation" else self.step
        below = max(step, size // step * step)
        return f"{below} or {below + step}, multiples of {step}"

    def taps(self, kind: Kind) -> list[str]:
        """Names of the maps that methods can read from it."""
        return [name for name in TAPS[kind] if name not in self.lacks]


@cache
def known() -> Mapping[str, Known]:
    """Every backbone of the timm that is pinned, by its name."""
    with open(TABLE, encoding="utf-8", newline="") as file:
        return {row["name"]: _known(row) for row in csv.DictReader(file)}


def _known(row: Mapping[str, str]) -> Known:
    return Known(
        family=row["family"],
        classifier=row["classifier"],
        unet=row["unet"] == "1",
        sized=row["img_size"] == "1",
        step=int(row["step"]),
        lacks=frozenset(row["lacks"].split()),
        tensors=row["tensors"],
    )


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
    """What is wrong with start weights that timm knows under the name of another network; None where they fit.

    Args:
        timm: name of the backbone.
        weights: tag of its start weights.
    """
    mine, other = name_of(timm), name_of(weights)
    if not {mine, other} <= known().keys() or known()[mine].tensors == known()[other].tensors:
        return None
    return f"'{weights}' has tensors of other names or shapes than '{mine}'; set `timm: {other}`, or take weights of '{mine}'"


def lacking(timm: str, options: Mapping[str, Any], kind: Kind, taps: Collection[str]) -> list[str]:
    """Taps that a backbone does not have; none where its options may change them, which building it tells.

    Args:
        timm: name of the backbone.
        options: of its builder, as the configuration gives them.
        kind: of the task.
        taps: names of the maps that are to be read.
    """
    if options.keys() - {IMG_SIZE}:
        return []
    return sorted(set(taps) - set(known()[name_of(timm)].taps(kind)))


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
