"""Timm backbones that end in a feature map: networks of convolutions as they are, all others brought to a grid."""

import copy
from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import NamedTuple

import timm
import torch
from timm.models._features import FeatureGetterNet
from torch import Tensor, nn

from kdml.common.errors import UserError
from kdml.learning.feature_maps import Source
from kdml.runs.settings import Backbone

# What timm and segmentation_models_pytorch raise on names and options that they do not know.
BUILD_ERRORS = (RuntimeError, TypeError, ValueError, LookupError, AttributeError, AssertionError)
USUAL_SIZE = 224  # pixels of a side, where a backbone takes any
REDUCTIONS = {"f1": 4, "f2": 8, "f3": 16}  # side of the image / side of the map


class Ending(NamedTuple):
    """How a backbone ends.

    Args:
        channels: of its feature map.
        convolution: name of the last convolution at that map's resolution, shortcuts aside; None where tokens come to a grid.
    """

    channels: int
    convolution: str | None


class OnGrid(nn.Module):
    """A backbone whose tokens, or channels-last maps, are brought to a grid (b, c, h, w).

    Tokens that stand for no place of the image, such as a class token, are left out: whoever reads the map pools over places.

    Args:
        model: of timm, which gives what is between its blocks by `forward_intermediates`.
        shapes: (c, h, w) between its blocks, of an image of `size` pixels a side.
        size: of that image.
    """

    def __init__(self, model: nn.Module, shapes: Sequence[tuple[int, int, int]], size: int):
        super().__init__()
        self.model = model
        for unused in {"head", "fc_norm"} & dict(model.named_children()).keys():  # come after the map
            setattr(model, unused, nn.Identity())
        self.levels = nn.Identity()  # gives the chosen maps, for whoever looks at them
        chosen = _levels(shapes, size)
        self._indices = sorted({*chosen.values(), len(shapes) - 1})
        self._places = {tap: self._indices.index(block) for tap, block in chosen.items()}
        self.columnar = len({shape[1:] for shape in shapes}) == 1

    @property
    def stages(self) -> dict[str, Source]:
        """f1..f3, as far as there are any, before the last normalisation."""
        return {tap: Source(self.levels, place) for tap, place in self._places.items()}

    def forward(self, images: Tensor) -> Tensor:
        """The last map (b, c, h, w), normalised as the backbone does it."""
        final, levels = self.model.forward_intermediates(images, indices=self._indices, output_fmt="NCHW")
        last = self.levels(levels)[-1]
        return _on_grid(final, last, getattr(self.model, "output_fmt", None) == "NHWC")


def _levels(shapes: Sequence[tuple[int, int, int]], size: int) -> dict[str, int]:
    """Number of the block after which f1..f3 are taken.

    They are the last maps at 1/4, 1/8 and 1/16 of the image. A backbone of one resolution has no such stages: a quarter, a half and
    three quarters of its blocks stand for them.
    """
    if len({shape[1:] for shape in shapes}) == 1:
        quarters = {tap: round(len(shapes) * quarter / 4) - 1 for quarter, tap in enumerate(REDUCTIONS, 1)}
        return {tap: block for tap, block in quarters.items() if block >= 0}
    by_reduction = {round(size / shape[2]): block for block, shape in enumerate(shapes)}
    return {tap: by_reduction[reduction] for tap, reduction in REDUCTIONS.items() if reduction in by_reduction}


def _on_grid(final: Tensor | Sequence[Tensor], last: Tensor, channels_last: bool) -> Tensor:
    """What a backbone ends in, as a map: `last`, that after its last block, where it ends in several or has no token per place."""
    batch, _, height, width = last.shape
    places = height * width
    if not isinstance(final, Tensor) or (final.ndim == 3 and final.shape[1] < places):
        return last
    if final.ndim == 4:
        return final.permute(0, 3, 1, 2) if channels_last else final
    return final[:, -places:].reshape(batch, height, width, -1).permute(0, 3, 1, 2)


def make_model(backbone: Backbone) -> nn.Module:
    """A timm backbone without head and, where it can be left out, without pooling.

    Raises:
        UserError: timm does not know it or its options.
    """
    try:
        return timm.create_model(backbone.timm, pretrained=False, num_classes=0, global_pool="", **backbone.options)
    except BUILD_ERRORS as error:
        reason = error
    try:  # some always pool at their end, which nothing here looks at
        return timm.create_model(backbone.timm, pretrained=False, num_classes=0, **backbone.options)
    except BUILD_ERRORS:
        raise cannot_build(backbone.timm, reason) from None


def make_backbone(backbone: Backbone) -> tuple[nn.Module, Ending]:
    """A backbone that ends in a feature map (b, c, h, w), and how it ends.

    Raises:
        UserError: timm does not know it or its options, or it ends in no map.
    """
    model = make_model(backbone)
    try:
        return with_map(model, image_size(model, backbone))
    except BUILD_ERRORS as error:
        raise cannot_build(backbone.timm, error) from None


def with_map(model: nn.Module, size: int) -> tuple[nn.Module, Ending]:
    """A timm model, on a grid where it does not end in a map by itself, and how it ends.

    Args:
        model: of timm, without head.
        size: of the image in pixels.

    Raises:
        ValueError: it ends in no map; of images that it cannot take it raises others of `BUILD_ERRORS`.
    """
    if (patch := patch_side(model)) and size % patch:
        raise ValueError(f"images of {size} pixels do not divide into patches of {patch}")
    if found := ending(model, size):
        return model, found
    if not hasattr(model, "forward_intermediates"):
        raise ValueError("it does not give what is between its blocks")
    grid, shape = _brought_to_a_grid(model, size)
    if len(shape) != 4:
        raise ValueError(f"it ends in the shape {tuple(shape)}, not in a map (b, c, h, w)")
    return grid, Ending(shape[1], None)


def patch_side(model: nn.Module) -> int | None:
    """Side of the patches that a timm model cuts images into, in pixels; None if it cuts none, or lets them overlap."""
    embedding = getattr(model, "patch_embed", None)
    convolution, patch = getattr(embedding, "proj", None), getattr(embedding, "patch_size", None)
    if isinstance(convolution, nn.Conv2d) and convolution.kernel_size != convolution.stride:
        return None
    side = patch[0] if isinstance(patch, tuple | list) else patch
    return side if isinstance(side, int) else None


def image_size(model: nn.Module, backbone: Backbone) -> int:
    """Pixels of a side of an image that a backbone takes.

    Args:
        model: of timm.
        backbone: what it was made from.
    """
    given = backbone.options.get("img_size")
    if given is not None:
        return int(given) if isinstance(given, int) else int(given[0])
    record = getattr(model, "pretrained_cfg", {})
    return record["input_size"][-1] if record.get("fixed_input_size") else USUAL_SIZE


def _of_shapes(module: nn.Module) -> nn.Module:
    """A copy whose tensors have shapes and no values: what a network keeps from a forward stays in the copy."""
    tensors = (*module.parameters(), *module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor.detach().to("meta") for tensor in tensors}).eval()


def _empty(size: int) -> Tensor:
    return torch.empty(1, 3, size, size, device="meta")


@torch.inference_mode()
def ending(model: nn.Module, size: int) -> Ending | None:
    """Find out how a network of convolutions ends, by a forward that computes shapes alone.

    Args:
        model: of timm, without head and pooling.
        size: of the image in pixels.

    Returns:
        None where it ends in no feature map (b, c, h, w), as transformers do.
    """
    shapes: dict[str, torch.Size] = {}
    probe = _of_shapes(model)
    convolutions = {key: module for key, module in probe.named_modules() if isinstance(module, nn.Conv2d)}
    for key, module in convolutions.items():
        module.register_forward_hook(lambda _, __, output, key=key: shapes.update({key: output.shape}))
    output = probe(_empty(size))
    if not isinstance(output, Tensor) or getattr(model, "output_fmt", None) == "NHWC":
        return None
    shape = output.shape
    if len(shape) != 4 or shape[1] not in (model.num_features, model.head_hidden_size):
        return None
    last = [key for key in convolutions if "downsample" not in key and shapes.get(key, ())[2:] == shape[2:]]
    return Ending(shape[1], last[-1] if last else None)


@torch.inference_mode()
def _brought_to_a_grid(model: nn.Module, size: int) -> tuple[OnGrid, torch.Size]:
    """A backbone of tokens or channels-last maps on a grid, and the shape of its map."""
    _, between = _of_shapes(model).forward_intermediates(_empty(size), output_fmt="NCHW")
    grid = OnGrid(model, [tuple(one.shape[1:]) for one in between], size)
    return grid, _of_shapes(grid)(_empty(size)).shape


def timm_part(backbone: nn.Module) -> nn.Module:
    """The timm model itself, which start weights are for, within a backbone or the encoder of a U-Net."""
    return backbone.model if isinstance(backbone, OnGrid | FeatureGetterNet) else backbone


def stages_of(backbone: nn.Module) -> Mapping[str, Source]:
    """f1..f3 of a backbone: its last maps at 1/4, 1/8 and 1/16 of the image, as far as there are any."""
    if isinstance(backbone, OnGrid):
        return backbone.stages
    levels = {info["reduction"]: info["module"] for info in backbone.feature_info}
    modules = {tap: levels[reduction] for tap, reduction in REDUCTIONS.items() if reduction in levels}
    return {tap: Source(backbone.get_submodule(name)) for tap, name in modules.items()}


def cannot_build(name: str, reason: object) -> UserError:
    """The error to raise where a backbone cannot be built or used."""
    close = ", ".join(timm.list_models(f"{name[:6]}*")[:5])
    remedy = f"mend `networks: timm:` or its `options`; timm has for example {close or 'resnet18'}"
    return UserError(f"The backbone '{name}' cannot be built: {shorten(str(reason), 200)}.", remedy)
