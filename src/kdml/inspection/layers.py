"""What a network is made of, read off its modules: the rows of tables 6 and 7, which so cannot drift from the code."""

from collections.abc import Iterator, Mapping
from itertools import groupby

import torch
from torch import nn

from kdml.inspection.cka import backbone_layers, backbone_of, channels_last, side_of
from kdml.learning.networks import Classifier, Network

Rows = dict[tuple[str, str], str]  # (part, output size) -> layers


def layers_in(module: nn.Module) -> list[str]:
    """Layers of a block in their order: convolutions as `3×3, 64`, those of shortcuts left out and depthwise ones marked; attention
    with its heads; dense layers outside of attention."""
    found: dict[str, str] = {}
    attention: tuple[str, ...] = ()
    for name, part in module.named_modules():
        if name.startswith(attention):
            continue
        if isinstance(heads := getattr(part, "num_heads", None), int) and any(part.children()) and name:
            found[name] = f"attention, {heads} heads"
            attention = (*attention, f"{name}.")
        elif isinstance(part, nn.Conv2d) and "downsample" not in name:
            depthwise = " dw" if part.groups > 1 else ""
            found[name] = f"{part.kernel_size[0]}×{part.kernel_size[1]}{depthwise}, {part.out_channels}"
        elif isinstance(part, nn.Linear):
            found[name] = f"dense {part.out_features}"
    return list(found.values())


@torch.inference_mode()
def _output_sides(network: Network, modules: Mapping[str, nn.Module], size: int) -> dict[str, int]:
    """Side of each module's output for an image of `size` pixels; 0 where that is several tensors or the module does not run."""
    sides = dict.fromkeys(modules, 0)
    last = channels_last(backbone_of(network.body))
    mine = set(backbone_of(network.body).modules())

    def note(name: str):
        def noted(module: nn.Module, _, output) -> None:
            sides[name] = side_of(output, last and module in mine) if isinstance(output, torch.Tensor) else 0

        return noted

    handles = [module.register_forward_hook(note(name)) for name, module in modules.items()]
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
    backbone = backbone_of(body)
    blocks = backbone_layers(backbone)
    sides = _output_sides(network, blocks, size)
    rows: Rows = {}
    for module in _before(backbone, blocks):
        if layers_in(module):
            rows["stem", f"{_side_after(network, module, size)}"] = "; ".join(layers_in(module))
    blocks.pop("stem", None)
    for side, group in groupby(blocks, key=sides.__getitem__):
        rows["encoder", f"{side}"] = " | ".join(_repeated(["; ".join(layers_in(blocks[name])) for name in group]))
    return rows | (_classifier(body, sides) if isinstance(body, Classifier) else _decoder(network, size))


def _before(backbone: nn.Module, blocks: Mapping[str, nn.Module]) -> Iterator[nn.Module]:
    """Modules that run before the first block."""
    first = next((name.partition(".")[0] for name in blocks if name != "stem"), "")
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
        rows["extra block", f"{min(sides.values())}"] = "; ".join(layers_in(body.block))
    dense = [module for module in body.head if isinstance(module, nn.Linear)]
    return rows | {("head", "1"): "average pool; " + "; ".join(f"dense {layer.out_features}" for layer in dense)}


def _decoder(network: Network, size: int) -> Rows:
    blocks = {f"d{place}": block for place, block in enumerate(network.body.unet.decoder.blocks)}
    sides = _output_sides(network, blocks, size)
    rows = {("decoder", f"{sides[name]}"): "; ".join(layers_in(block)) for name, block in blocks.items()}
    return rows | {("head", f"{size}"): "; ".join(layers_in(network.body.unet.segmentation_head))}
