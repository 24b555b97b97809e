"""What the methods for segmentation share.

Shapes: `b` images, `K` classes, `c` channels, `h`, `w` pixels, `n` = `h` x `w` positions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from kdml.learning.methods.base import Layers, Method, Setting, Shape, is_positive_number, refusal, tap_shapes

GUARD = 1e-12  # vectors shorter than this count as zero
CLASSES = 2  # background and foreground, where masks have one class


class SegmentationMethod(Method):
    """A method whose terms are computed in float32 or better, without gradient to the teacher."""

    def forward(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """Loss terms by name, before weighting.

        Args:
            student: of the network that learns.
            teacher: of the network that teaches.
            targets: masks (b, 1, h, w); pixels above the last class are ignored.
        """
        # Fourth powers, norms and affinities overflow half precision, or lose what distinguishes two networks.
        with torch.autocast(student.logits.device.type, enabled=False):
            return self.terms(in_full_precision(student), in_full_precision(teacher.detached()), targets)

    def terms(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """What `forward` returns, from values in full precision and a detached teacher."""
        raise NotImplementedError


def in_full_precision(layers: Layers) -> Layers:
    """Values of a network in float32, or float64 where they are that already."""

    def full(tensor: Tensor) -> Tensor:
        return tensor.to(torch.promote_types(tensor.dtype, torch.float32))

    return Layers({tap: full(maps) for tap, maps in layers.maps.items()}, full(layers.logits))


def positive(method: type[Method], options: Mapping[str, Any], name: str) -> float:
    """The value of an option that has to be a number above zero.

    Raises:
        UserError: it is none.
    """
    if not is_positive_number(options[name]):
        raise refusal(method, name, options[name], "a finite number above zero")
    return float(options[name])


def tap_names(method: type[Method], setting: Setting, names: Any, at_least: int = 1) -> tuple[str, ...]:
    """The value of the option `taps`: names of maps that both networks have.

    Raises:
        UserError: it is no list, names too few taps, or one that is not there.
    """
    if isinstance(names, str) or not isinstance(names, Sequence) or len(names) < at_least:
        raise refusal(method, "taps", names, f"a list of at least {at_least} names of taps")
    for name in names:
        tap_shapes(method, setting, name)
    return tuple(names)


def tap_name(method: type[Method], setting: Setting, name: str) -> tuple[str, Shape, Shape]:
    """The value of the option `tap`, with the student's and the teacher's shape there.

    Raises:
        UserError: one of the two networks has no such tap.
    """
    return name, *tap_shapes(method, setting, name)


def class_logits(logits: Float[Tensor, "b K h w"]) -> Float[Tensor, "b classes h w"]:
    """Logits of every class: those of several as they are; of a single one [0, z], whose softmax is [1 - sigmoid(z), sigmoid(z)] at
    every temperature."""
    if logits.shape[1] > 1:
        return logits
    return torch.cat([torch.zeros_like(logits), logits], dim=1)


def unit(vectors: Tensor, dim: int, floor: float = GUARD) -> Tensor:
    """Vectors along `dim` divided by their 2-norm; those shorter than `floor` become zero and pass no gradient.

    Dividing by max(norm, floor), as is usual, has the same value at zero, but multiplies the gradient by 1 / floor.
    """
    squares = vectors.square().sum(dim, keepdim=True)
    # "not shorter" instead of "longer": NaN must stay NaN.
    long_enough = ~(squares <= floor**2)
    return vectors * long_enough / torch.where(long_enough, squares, 1).sqrt()


def attention_map(maps: Float[Tensor, "b c h w"], exponent: float) -> Float[Tensor, "b n"]:
    """Mean over channels of |F|^exponent, as one unit vector over positions per image.

    The result does not depend on the scale of F. Each image is therefore divided by its largest value first, lest high
    powers overflow, or vanish for small values.
    """
    largest = maps.detach().abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(torch.finfo(maps.dtype).tiny)
    return unit((maps / largest).abs().pow(exponent).mean(dim=1).flatten(1), dim=1)


def labels_at(targets: Int[Tensor, "b 1 H W"], size: tuple[int, int]) -> Int[Tensor, "b h w"]:
    """Masks at the size of a tap, by nearest neighbour."""
    return F.interpolate(targets.float(), size=size, mode="nearest").squeeze(1).long()


def class_masks(labels: Int[Tensor, "b h w"], classes: int, dtype: torch.dtype) -> Float[Tensor, "b K n"]:
    """1 where a position belongs to a class, else 0; positions with any other label are 0 for all classes."""
    numbers = torch.arange(classes, device=labels.device)
    return (labels.flatten(1).unsqueeze(1) == numbers.view(1, -1, 1)).to(dtype)


def class_means(maps: Float[Tensor, "b c h w"], masks: Float[Tensor, "b K n"]) -> Float[Tensor, "b K c"]:
    """Mean vector of every class in every image; zero for a class that the image does not have."""
    return masks @ maps.flatten(2).mT / (masks.sum(dim=2, keepdim=True) + 1e-6)
