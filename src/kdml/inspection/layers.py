"""What a network is made of, read off its modules: the rows of tables 6 and 7, which so cannot drift from the code."""

from collections.abc import Iterator, Mapping
from itertools import groupby

import torch
from torch import nn

from kdml.inspection.cka import backbone_layers
from kdml.learning.networks import Classifier, Network

Rows = dict[tuple[str, str], str]  # (part, output size) -> layers


def convolutions(module: nn.Module) -> list[str]:
    """Convolutions of a block in their order, as `3×3, 64`; those of shortcuts left out, depthwise ones marked."""
    found = [m for name, m in module.named_modules() if isinstance(m, nn.Conv2d) and "downsample" not in name]
    return [f"{m.kernel_size[0]}×{m.kernel_size[1]}{' dw' if m.groups > 1 else ''}, {m.out_channels}" for m in found]


@torch.inference_mode()
def _output_sides(network: Network, modules: Mapping[str, nn.Module], size: int) -> dict[str, int]:
    """Side of each module's output map for an image of `size` pixels."""
    sides: dict[str, int] = {}
    handles = [
        module.register_forward_hook(lambda _, __, output, name=name: sides.update({name: output.shape[-1]}))
        for name, module in modules.items()
    ]
    network.eval()(torch.zeros(1, 3, size, size))
    for handle in handles:
        handle.remove()
    return sides


def describe(network: Network, size: int) -> Rows:
    """Layers by part and output size.

    Args:
        network: to describe.
        size: of the image in pixels.
    """
    body = network.body
    backbone = body.backbone if isinstance(body, Classifier) else body.unet.encoder.model
    blocks = backbone_layers(backbone)
    sides = _output_sides(network, blocks, size)
    stem = next(iter(blocks))
    rows: Rows = {}
    for module in _before(backbone, blocks):
        if convolutions(module):
            rows["stem", f"{_side_after(network, module, size)}"] = "; ".join(convolutions(module))
    blocks.pop(stem)
    for side, group in groupby(blocks, key=sides.__getitem__):
        rows["encoder", f"{side}"] = " | ".join(_repeated(["; ".join(convolutions(blocks[name])) for name in group]))
    return rows | (_classifier(body, sides) if isinstance(body, Classifier) else _decoder(network, size))


def _before(backbone: nn.Module, blocks: Mapping[str, nn.Module]) -> Iterator[nn.Module]:
    """Modules that run before the first block."""
    first = next(name for name in blocks if name != "stem").partition(".")[0]
    for name, child in backbone.named_children():
        if name == first:
            return
        yield child


def _side_after(network: Network, module: nn.Module, size: int) -> int:
    return _output_sides(network, {"": module}, size)[""]


def _repeated(descriptions: list[str]) -> list[str]:
    """Equal neighbours as `[...] × n`."""
    return [f"[{text}] × {len(list(same))}" for text, same in groupby(descriptions)]


def _classifier(body: Classifier, sides: Mapping[str, int]) -> Rows:
    rows: Rows = {}
    if not isinstance(body.block, nn.Identity):
        rows["extra block", f"{min(sides.values())}"] = "; ".join(convolutions(body.block))
    dense = [module for module in body.head if isinstance(module, nn.Linear)]
    return rows | {("head", "1"): "average pool; " + "; ".join(f"dense {layer.out_features}" for layer in dense)}


def _decoder(network: Network, size: int) -> Rows:
    blocks = {f"d{place}": block for place, block in enumerate(network.body.unet.decoder.blocks)}
    sides = _output_sides(network, blocks, size)
    rows = {("decoder", f"{sides[name]}"): "; ".join(convolutions(block)) for name, block in blocks.items()}
    return rows | {("head", f"{size}"): "; ".join(convolutions(network.body.unet.segmentation_head))}
