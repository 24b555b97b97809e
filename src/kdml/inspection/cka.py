"""Minibatch CKA: how alike the layers of two networks represent the same images.

Unbiased HSIC per batch, summed over batches before the ratio is taken, in float64. The Gram matrix of a layer is made inside
its forward hook, so that no activation outlives its layer: beyond the forward itself, n x n numbers per layer are kept, and a
copy of n x 65,536 features is made at a time.

Reference:
    Kornblith et al., ICML 2019 (CKA); Song et al., JMLR 2012 (unbiased estimator); Nguyen, Raghu, Kornblith, ICLR 2021
    (minibatches).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from math import isqrt

import torch
from jaxtyping import Float
from torch import Tensor, nn

from kdml.learning.backbones import OnGrid, timm_part
from kdml.learning.networks import Classifier, Network

SMALLEST_BATCH = 4  # the estimator divides by n (n - 3)
CHUNK = 65_536  # features at a time
ROUNDING = 16  # spacings of the features' precision within which a feature counts as the same for all images


def gram(features: Float[Tensor, "n ..."]) -> Float[Tensor, "n n"]:
    """Inner products of all images' features, less each feature's mean, all dimensions but the first flattened.

    CKA does not depend on the mean, but float32 does: large features that differ little would leave nothing but rounding. A
    feature that is the same for all images but for rounding counts as 0. Products are taken in the features' own precision, chunk
    by chunk, and added up in float64.
    """
    last = features.permute(0, 2, 3, 1) if features.ndim == 4 else features  # a view of a map that lies channels-last
    flat = last.flatten(1)
    total = torch.zeros(len(flat), len(flat), dtype=torch.float64, device=flat.device)
    for chunk in flat.split(CHUNK, dim=1):
        varying = chunk - chunk.mean(dim=0)
        same = varying.abs().amax(dim=0) <= ROUNDING * torch.finfo(chunk.dtype).eps * chunk.abs().amax(dim=0)
        varying.masked_fill_(same, 0)
        total += (varying @ varying.T).double()
    return total


def centred(kernel: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    """U-centred Gram matrix in float64: inner products of such matrices are unbiased HSIC times n (n - 3).

    Raises:
        ValueError: fewer than 4 images.

    Reference:
        Szekely and Rizzo, Annals of Statistics 2014.
    """
    n = len(kernel)
    if n < SMALLEST_BATCH:
        raise ValueError(f"unbiased CKA needs at least {SMALLEST_BATCH} images, not {n}")
    kernel = kernel.double().clone().fill_diagonal_(0)
    means = kernel.sum(dim=0) / (n - 2)
    means -= means.sum() / (2 * (n - 1))
    return (kernel - means[:, None] - means[None, :]).fill_diagonal_(0)


class Similarity:
    """CKA of all layers of one network with all layers of another, from batches of their centred Gram matrices."""

    def __init__(self) -> None:
        self._cross: Tensor | float = 0.0
        self._own: list[Tensor | float] = [0.0, 0.0]

    def update(self, left: Float[Tensor, "a n n"], right: Float[Tensor, "b n n"]) -> None:
        """Add a batch: what `centred` gave for every layer of both networks, on the same images."""
        n = left.shape[-1]
        factor = n * (n - 3)
        left, right = left.flatten(1), right.flatten(1)
        self._cross = self._cross + left @ right.T / factor
        for place, own in enumerate((left, right)):
            self._own[place] = self._own[place] + own.square().sum(dim=1) / factor

    def compute(self) -> Float[Tensor, "a b"]:
        """Ratio of sums; NaN for a layer that gives every image the same.

        Raises:
            ValueError: there was no batch.
        """
        if isinstance(self._cross, float):
            raise ValueError("CKA of no images")
        scales = [torch.where(own > 0, own, torch.nan).sqrt() for own in self._own]
        return self._cross / (scales[0][:, None] * scales[1][None, :])


@dataclass(frozen=True)
class Layer:
    """A layer whose representation is compared.

    Args:
        name: as it stands beside the heat map.
        upper: whether it belongs to the "higher layers" of the paper's figure 6: the last stage and what follows it in a
            classifier, the decoder and the logits in a U-Net. Of a backbone with one resolution, such as a ViT, the last quarter
            of its blocks stands for the last stage.
    """

    name: str
    upper: bool


def layers_of(network: Network) -> dict[str, nn.Module]:
    """Modules to look at, by the names of their layers: stem, every block, the teacher's extra block, pooled vector, logits;
    of a U-Net the encoder's stem and blocks, the decoder's blocks and the logits."""
    body = network.body
    found = backbone_layers(backbone_of(body))
    if isinstance(body, Classifier):
        extra = {} if isinstance(body.block, nn.Identity) else {"extra block": body.block}
        return found | extra | {"pooled": body.head[0], "logits": body.head}
    blocks = {f"d{place}": block for place, block in enumerate(body.unet.decoder.blocks)}
    return found | blocks | {"logits": body.unet.segmentation_head}


def backbone_layers(backbone: nn.Module) -> dict[str, nn.Module]:
    """The last module before the first block, and every block; parts of the backbone where it is not made of blocks in a row."""
    found: dict[str, nn.Module] = {}
    stem: nn.Module | None = None
    for name, child in backbone.named_children():
        blocks = dict(_blocks(name, child))
        if blocks:
            if not found and stem is not None:
                found["stem"] = stem
            found |= blocks
        elif not found:
            stem = child
    return found or {name: child for name, child in backbone.named_children() if any(child.children())}


def _blocks(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Composite modules within nested sequences, and within stages that hold `blocks`; a sequence of single layers, like a deep
    stem, holds none."""
    if isinstance(inner := getattr(module, "blocks", None), nn.Sequential | nn.ModuleList):
        yield from _blocks(f"{name}.blocks", inner)
        return
    if not isinstance(module, nn.Sequential | nn.ModuleList):
        return
    for key, child in module.named_children():
        if isinstance(child, nn.Sequential | nn.ModuleList) or dict(_blocks("", child)):
            yield from _blocks(f"{name}.{key}", child)
        elif any(child.children()) and not isinstance(child, nn.BatchNorm2d):
            yield f"{name}.{key}", child


def side_of(output: Tensor, channels_last: bool) -> int:
    """Side of what a layer gives, in pixels of its grid; 0 of a vector.

    Args:
        output: map (b, c, h, w) or (b, h, w, c), tokens (b, n, c), or vector (b, c).
        channels_last: whether it is (b, h, w, c).
    """
    if output.ndim == 4:
        return output.shape[1 if channels_last else 3]
    return isqrt(output.shape[1]) if output.ndim == 3 else 0


def backbone_of(body: nn.Module) -> nn.Module:
    """The timm model within a classifier or a U-Net."""
    return timm_part(body.backbone if isinstance(body, Classifier) else body.unet.encoder.model)


def channels_last(backbone: nn.Module) -> bool:
    """Whether the blocks of a timm model give maps (b, h, w, c), as those of Swin do."""
    return getattr(backbone, "output_fmt", None) == "NHWC"


class GramTaker:
    """Takes the centred Gram matrix of each layer of a network while it runs.

    Args:
        network: in eval mode.
    """

    def __init__(self, network: Network):
        self.network = network
        self.modules = layers_of(network)
        backbone = backbone_of(network.body)
        self._in_backbone = backbone_layers(backbone).keys()
        self._channels_last = channels_last(backbone)
        self._taken: dict[str, Tensor] = {}
        self._sides: dict[str, int] = {}

    @contextmanager
    def _hooked(self) -> Iterator[None]:
        handles = [self._hook(name, module) for name, module in self.modules.items()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _hook(self, name: str, module: nn.Module):
        # The pooled vector is no module's output but the head's input.
        if name == "pooled":
            return module.register_forward_pre_hook(lambda _, inputs: self._take(name, inputs[0]))
        return module.register_forward_hook(lambda _, __, output: self._take(name, output))

    def _take(self, name: str, output: Tensor) -> None:
        if not isinstance(output, Tensor):  # several at once, as of backbones that work on two grids side by side
            return
        self._sides[name] = side_of(output, self._channels_last and name in self._in_backbone)
        self._taken[name] = centred(gram(output.float()))

    def __call__(self, images: Tensor) -> Float[Tensor, "layers n n"]:
        """Centred Gram matrices of all layers for a batch (n, 3, h, w), ordered by depth."""
        with self._hooked(), torch.inference_mode():
            self.network(images)
        taken, self._taken = self._taken, {}
        return torch.stack(list(taken.values()))

    @property
    def layers(self) -> list[Layer]:
        """Layers in the order in which they ran, after a first call."""
        names = list(self._sides)
        if not isinstance(self.network.body, Classifier):
            return [Layer(name, name in ("logits",) or name.startswith("d")) for name in names]
        backbone = self.network.body.backbone
        if isinstance(backbone, OnGrid) and backbone.columnar:
            blocks = [name for name in names if name in self._in_backbone and name != "stem"]
            lower = {"stem", *blocks[: len(blocks) * 3 // 4]}
            return [Layer(name, name not in lower) for name in names]
        smallest = min(side for side in self._sides.values() if side > 0)
        return [Layer(name, self._sides[name] <= smallest) for name in names]


Pair = tuple[str, str]


@dataclass(frozen=True)
class Comparison:
    """Layers of two networks and the CKA of each with each, (first, second)."""

    first: Sequence[Layer]
    second: Sequence[Layer]
    values: Float[Tensor, "first second"]

    @property
    def upper_mean(self) -> float:
        """Mean over the region of the higher layers of both."""
        rows, columns = (
            [place for place, layer in enumerate(side) if layer.upper] for side in (self.first, self.second)
        )
        return float(self.values[rows][:, columns].mean())


def compare(networks: Mapping[str, Network], batches: Iterable[Tensor]) -> dict[Pair, Comparison]:
    """CKA between any two networks, on the same batches of images, one forward per network and batch.

    Args:
        networks: in eval mode, by name.
        batches: images (n, 3, h, w), each of at least 4.

    Raises:
        ValueError: no batch.
    """
    takers = {name: GramTaker(network) for name, network in networks.items()}
    similarities = {pair: Similarity() for pair in combinations(networks, 2)}
    for images in batches:
        taken = {name: taker(images) for name, taker in takers.items()}
        for (first, second), similarity in similarities.items():
            similarity.update(taken[first], taken[second])
    return {
        (first, second): Comparison(takers[first].layers, takers[second].layers, similarity.compute().cpu())
        for (first, second), similarity in similarities.items()
    }
