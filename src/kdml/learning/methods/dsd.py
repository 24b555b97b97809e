"""DSD: how attention moves from layer to layer, and how the classes' score maps resemble each other."""

from collections.abc import Sequence
from itertools import combinations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from kdml.learning.methods.base import Layers, Setting, pool_down
from kdml.learning.methods.dense import SegmentationMethod, attention_map, class_logits, positive, tap_names, unit


def residual_attention(maps: Sequence[Float[Tensor, "b _ h w"]]) -> Float[Tensor, "pairs b n"]:
    """Differences of the attention maps of every pair of layers, as unit vectors.

    Where two layers attend alike, the difference is rounding noise; it becomes zero, not a unit vector of noise.

    Args:
        maps: of one network, all of one spatial size; channels may differ.
    """
    attention = [attention_map(layer, exponent=2) for layer in maps]
    residuals = torch.stack([later - earlier for earlier, later in combinations(attention, 2)])
    return unit(residuals, dim=2, floor=4 * torch.finfo(residuals.dtype).eps)


def pixel_similarity(
    student: Sequence[Float[Tensor, "b _ h w"]], teacher: Sequence[Float[Tensor, "b _ h w"]]
) -> Float[Tensor, ""]:
    """Mean squared difference of the two networks' residual attention maps, over pairs of layers, images and positions.

    Args:
        student: maps of at least two layers, all of one spatial size.
        teacher: those of the teacher; detach them before.

    Reference: Feng, Sun, Diao, Li, Gao. Double Similarity Distillation for Semantic Image Segmentation. IEEE TIP 30,
        2021. It comes without code; details follow the re-implementation of Yang et al. (Cross-Image Relational KD,
        CVPR 2022).
    """
    return F.mse_loss(residual_attention(student), residual_attention(teacher))


def category_similarity(
    student: Float[Tensor, "b K h w"], teacher: Float[Tensor, "b K h w"], temperature: float = 4.0
) -> Float[Tensor, ""]:
    """Mean squared difference of the two networks' inner products between the classes' maps.

    Each map is a softmax over positions. The inner products are of the order of one over the number of positions, so
    the value is tiny.

    Args:
        student: logits of at least two classes; one would leave a single number per image.
        teacher: those of the teacher; detach them before.
        temperature: divides both before the softmax.

    Reference: as `pixel_similarity`.
    """
    return F.mse_loss(_class_products(student, temperature), _class_products(teacher, temperature))


def _class_products(logits: Float[Tensor, "b K h w"], temperature: float) -> Float[Tensor, "b K K"]:
    pooled = F.avg_pool2d(logits, kernel_size=2, ceil_mode=True)
    distributions = F.softmax(pooled.flatten(2) / temperature, dim=2)
    return distributions @ distributions.mT


class DSD(SegmentationMethod):
    """Double similarity distillation of decoder maps and the logits.

    Args:
        setting: options `taps` (at least two; averaged down to the smallest of them) and `temperature` of the class
            similarity.
    """

    key = "dsd"
    title = "DSD"
    place_in_table_10 = 11
    kind = "segmentation"
    taps = ("d1", "d2", "d3")
    # With two classes at 256 pixels the published weight leaves `category` without effect. It is kept, and the logged
    # terms show it.
    weights = {"pixel": 1000.0, "category": 10.0}
    defaults = {"taps": ("d1", "d2", "d3"), "temperature": 4.0}
    departures = ("decoder maps, not auxiliary head, last map and logits",)

    def __init__(self, setting: Setting):
        super().__init__()
        options = self.configure(setting)
        self.taps = tap_names(type(self), setting, options["taps"], at_least=2)
        self.temperature = positive(type(self), options, "temperature")

    def terms(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """The terms `pixel` and `category`."""
        sizes = [network.maps[tap].shape[2:] for network in (student, teacher) for tap in self.taps]
        smallest = tuple(map(min, zip(*sizes, strict=True)))
        maps = [[pool_down(network.maps[tap], smallest) for tap in self.taps] for network in (student, teacher)]
        classes = (class_logits(student.logits), class_logits(teacher.logits))
        return {"pixel": pixel_similarity(*maps), "category": category_similarity(*classes, self.temperature)}
