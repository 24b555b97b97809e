"""What every backbone of timm can be built as: the table that planning reads, which loads no torch.

What a family can be, a family being a module of timm, one of its smallest backbones tells; which maps a backbone has and which
start weights fit it, itself. `python -m kdml.inspection.backbones --out FILE` writes the table anew for the timm that is installed.
"""

import argparse
import csv
import hashlib
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
from torch import nn

from kdml.common.errors import UserError
from kdml.learning.backbones import BUILD_ERRORS, REDUCTIONS, OnGrid, make_model, patch_side, with_map
from kdml.runs.settings import Backbone

COLUMNS = ("name", "family", "classifier", "unet", "img_size", "step", "lacks", "tensors")
SIZES = (64, 96)  # tried, in pixels of a side
U_NET_STEP = 32
REFUSALS = (*BUILD_ERRORS, NotImplementedError, UserError)
# Parts of names, from small networks to large ones.
ORDER = (
    "test",
    "atto",
    "femto",
    "pico",
    "nano",
    "xx",
    "tiny",
    "_ti",
    "mini",
    "small",
    "xs",
    "_s",
    "medium",
    "_m",
    "base",
    "_b",
)


class Facts(NamedTuple):
    """What can be built of the backbones of a family.

    Args:
        classifier: `map` if it ends in a map by itself, `grid` if its tokens or channels-last maps are brought to one, else empty.
        unet: 1 if it can be the encoder of a U-Net.
        img_size: 1 if it is built for a size of images.
        step: the side of images is a multiple of it, in pixels; 1 where nothing is known of it before a network is built.
        columnar: whether the maps between its blocks have one size, so that a share of the blocks stands for a stage.
    """

    classifier: str = ""
    unet: int = 0
    img_size: int = 0
    step: int = 1
    columnar: bool = False


def _model(name: str, **options: Any) -> nn.Module:
    """A timm model whose tensors have shapes and no values, as far as it can be built so."""
    backbone = Backbone(timm=name, options=options)
    try:
        with torch.device("meta"):
            return make_model(backbone)
    except REFUSALS:
        return make_model(backbone)


def _as_classifier(name: str, size: int, sized: bool) -> nn.Module | None:
    """A backbone with a map of images of this size; None if it takes none such."""
    try:
        return with_map(_model(name, img_size=size) if sized else _model(name), size)[0]
    except REFUSALS:
        return None


def _is_encoder(name: str, size: int, sized: bool) -> bool:
    """Whether segmentation_models_pytorch makes a U-Net of a backbone."""
    import segmentation_models_pytorch as smp

    try:
        with torch.inference_mode():
            unet = smp.Unet(f"tu-{name}", encoder_weights=None, **({"img_size": size} if sized else {}))
            return unet.eval()(torch.zeros(1, 3, size, size)).shape == (1, 1, size, size)
    except REFUSALS:
        return False


def facts(name: str) -> Facts:
    """What can be built of a backbone, found by building it."""
    model = _model(name)
    learned = any(
        "pos_embed" in key for key, _ in model.named_parameters()
    )  # else they would be stretched in every step
    patch = patch_side(model) or 1
    sizes = SIZES if SIZES[1] % patch == SIZES[0] % patch == 0 else (8 * patch, 10 * patch)
    for sized in (True, False) if learned else (False, True):
        built = [_as_classifier(name, size, sized) for size in sizes]
        if all(built):
            kind = "grid" if isinstance(built[0], OnGrid) else "map"
            one_grid = isinstance(built[0], OnGrid) and built[0].columnar
            step = patch if one_grid or not sized else U_NET_STEP  # stages with windows halve five times
            return Facts(kind, int(_is_encoder(name, SIZES[0], sized)), int(sized), step, one_grid)
    record = timm.get_pretrained_cfg(name, allow_unregistered=True)
    size = record.input_size[-1] if record else 224
    own = _as_classifier(name, size, sized=False)
    if own is None:
        return Facts()
    size = max(size // U_NET_STEP, 1) * U_NET_STEP
    kind, one_grid = ("grid", own.columnar) if isinstance(own, OnGrid) else ("map", False)
    return Facts(kind, int(_is_encoder(name, size, sized=False)), columnar=one_grid)


def lacks(model: nn.Module, found: Facts) -> str:
    """Names of the usual maps that a backbone does not have: f1 to f3 of a classifier, e1 of the encoder of a U-Net.

    Args:
        model: the backbone.
        found: what can be built of its family.
    """
    reductions = {info["reduction"] for info in getattr(model, "feature_info", ())}
    of_classifier = REDUCTIONS if found.classifier and not found.columnar else {}
    of_encoder = {"e1": 2} if found.unet else {}
    return " ".join(name for name, times in {**of_classifier, **of_encoder}.items() if times not in reductions)


def tensors(model: nn.Module) -> str:
    """A short hash of the names and shapes of a backbone's tensors: start weights of another fit where it is the same."""
    shapes = sorted((name, tuple(tensor.shape)) for name, tensor in model.state_dict().items())
    return hashlib.sha256(repr(shapes).encode()).hexdigest()[:8]


def _rank(name: str) -> tuple[int, int, str]:
    """Where a backbone stands among those of its family, small ones first, as far as names tell."""
    place = next((place for place, part in enumerate(ORDER) if part in name), len(ORDER))
    return place, int(next(iter(re.findall(r"\d+", name)), 0)), name


def rows(families: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Any]]:
    """A row of the table for every backbone.

    Args:
        families: names of backbones by the module of timm that they come from.
    """
    for family, members in families.items():
        smallest = min(members, key=_rank)
        found = facts(smallest)
        logging.info("%s (%d), by %s: %s", family, len(members), smallest, found)
        yield from (_row(name, family, found) for name in members)


def _row(name: str, family: str, found: Facts) -> dict[str, Any]:
    patch = re.search(r"patch(\d+)|_p(\d+)_", name)
    step = int(patch[1] or patch[2]) if patch and found.step not in (1, U_NET_STEP) else found.step
    model = _model(name)
    facts = (found.classifier, found.unet, found.img_size, step)
    return dict(zip(COLUMNS, (name, family, *facts, lacks(model, found), tensors(model)), strict=True))


def main() -> None:
    """Look at every family, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="CSV to write")
    parser.add_argument("--families", nargs="*", help="timm's modules, in place of all")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    warnings.filterwarnings("ignore")
    families = {family: timm.list_models(module=family) for family in arguments.families or timm.list_modules()}
    found = sorted(rows(families), key=lambda row: row["name"])
    with open(arguments.out, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


if __name__ == "__main__":
    main()
