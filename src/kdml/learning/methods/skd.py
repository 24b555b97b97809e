"""SKD: pixels, pairs of regions, and score maps that a discriminator cannot tell from the teacher's."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import spectral_norm

from kdml.learning.methods.base import Layers, Setting, is_positive_integer, refusal
from kdml.learning.methods.dense import SegmentationMethod, class_logits, in_full_precision, positive, tap_name, unit

SCORE_SIZE = 64  # pixels of a side of the maps that the discriminator takes
WIDTHS = (64, 128, 256, 512)


def pixel_cross_entropy(student: Float[Tensor, "b K h w"], teacher: Float[Tensor, "b K h w"]) -> Float[Tensor, ""]:
    """Cross-entropy of the student's class probabilities with the teacher's, mean over pixels of all images.

    Its gradient is that of KL(teacher, student).

    Args:
        student: logits of at least two classes.
        teacher: those of the teacher; detach them before.

    Reference: Liu, Chen, Liu, Qin, Luo, Wang. Structured Knowledge Distillation for Semantic Segmentation. CVPR 2019.
        Its code divides by the pixels of one image, but not by the number of images.
    """
    return -(F.softmax(teacher, dim=1) * F.log_softmax(student, dim=1)).sum(dim=1).mean()


def pair_distance(
    student: Float[Tensor, "b c h w"], teacher: Float[Tensor, "b d H W"], grid: int = 2
) -> Float[Tensor, ""]:
    """Mean squared difference of the cosines between all pairs of the nodes of a grid.

    Args:
        student: maps; channels may differ, since only nodes of one network are compared.
        teacher: maps; detach them before.
        grid: nodes per side. A node is the maximum of each channel over its part of the map.

    Reference: as `pixel_cross_entropy`.
    """
    return F.mse_loss(_affinities(student, grid), _affinities(teacher, grid))


def _affinities(maps: Float[Tensor, "b c h w"], grid: int) -> Float[Tensor, "b nodes nodes"]:
    part = tuple(-(-side // grid) for side in maps.shape[2:])
    nodes = unit(F.max_pool2d(maps, kernel_size=part, stride=part, ceil_mode=True).flatten(2), dim=1)
    return nodes.mT @ nodes


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"], seed: int
) -> Float[Tensor, ""]:
    """Squared distance of the critic's slope from 1 at a random point between an image's two maps; mean over images.

    Args:
        critic: gives one number per image.
        first: maps.
        second: maps of the same shape.
        seed: of the random points; drawn on the CPU, so that they do not depend on the device.

    Reference: Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville. Improved Training of Wasserstein GANs. NeurIPS 2017.
    """
    share = torch.rand(len(first), 1, 1, 1, generator=torch.Generator().manual_seed(seed)).to(first)
    between = torch.lerp(first.detach(), second.detach(), share).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (torch.linalg.vector_norm(slope.flatten(1), dim=1) - 1).square().mean()


def critic_loss(
    critic: Callable[[Tensor], Tensor],
    student: Float[Tensor, "b c h w"],
    teacher: Float[Tensor, "b c h w"],
    seed: int,
    penalty: float = 10.0,
) -> Float[Tensor, ""]:
    """WGAN-GP: the critic is to score the teacher's maps high and the student's low, with slope 1 between them.

    Args:
        critic: gives one number per image.
        student: maps; detach them before.
        teacher: those of the teacher.
        seed: of the points where the slope is taken.
        penalty: weight of the slope's term.

    Reference: as `pixel_cross_entropy` and `gradient_penalty`.
    """
    distance = critic(student).mean() - critic(teacher).mean()
    return distance + penalty * gradient_penalty(critic, teacher, student, seed)


class SelfAttention(nn.Module):
    """Self-attention over positions, added to its input by a learnt share that starts at zero.

    Args:
        channels: of the maps.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.query = nn.Conv2d(channels, channels // 8, kernel_size=1)
        self.key = nn.Conv2d(channels, channels // 8, kernel_size=1)
        self.value = nn.Conv2d(channels, channels, kernel_size=1)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Maps of the same shape."""
        query, key, value = (layer(maps).flatten(2) for layer in (self.query, self.key, self.value))
        attention = (query.mT @ key).softmax(dim=2)
        return self.gamma * (value @ attention.mT).view_as(maps) + maps


class Discriminator(nn.Module):
    """Scores two-channel maps of 64 x 64 pixels; 3.17 M parameters."""

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = [nn.BatchNorm2d(2)]
        for inside, outside in zip((2, *WIDTHS), WIDTHS, strict=False):
            convolution = nn.Conv2d(inside, outside, kernel_size=4, stride=2, padding=1)
            layers += [spectral_norm(convolution), nn.LeakyReLU(0.1)]
            layers += [SelfAttention(outside)] if outside in WIDTHS[2:] else []
        self.layers = nn.Sequential(*layers, nn.Conv2d(WIDTHS[-1], 1, kernel_size=4))

    def forward(self, maps: Float[Tensor, "b 2 64 64"]) -> Float[Tensor, " b"]:
        """One number per image; higher means more like the teacher's."""
        return self.layers(maps).flatten()


class SKD(SegmentationMethod):
    """Structured knowledge distillation: pixel-wise, pair-wise and adversarial ("holistic").

    Its discriminator is no submodule, so that the student's optimiser does not get it. The engine trains and
    checkpoints it through `adversary` and `adversary_step`, after the student's step, with `adversary_adam`. It follows
    the method to its device and mode. Users of the published code report NaN with all three terms; hence the clipped gradients.

    Args:
        setting: options `tap` and `grid` of the pair-wise term, `discriminator_scale` and `gradient_penalty` of the
            discriminator's loss, `clip` for the largest norm of the gradients of a step. With `weight_adversarial: 0` there
            is no discriminator.
    """

    key = "skd"
    title = "SKD"
    place_in_table_10 = 8
    kind = "segmentation"
    one_class = True  # its discriminator scores maps of two channels
    taps = ("d2",)
    weights = {"pixel": 10.0, "pair": 0.5, "adversarial": 0.1}
    defaults = {"tap": "d2", "grid": 2, "discriminator_scale": 0.1, "gradient_penalty": 10.0, "clip": 10.0}
    adversary_adam: ClassVar[dict[str, Any]] = {"lr": 4e-4, "betas": (0.9, 0.99)}

    def __init__(self, setting: Setting):
        super().__init__()
        options = self.configure(setting)
        self.taps = (self._checked_tap(setting, options["tap"], options["grid"]),)
        self.grid = options["grid"]
        self.discriminator_scale = positive(type(self), options, "discriminator_scale")
        self.penalty = positive(type(self), options, "gradient_penalty")
        self._clip = positive(type(self), options, "clip")
        # Past nn.Module's own attributes, which would register it as a submodule.
        self.__dict__["discriminator"] = Discriminator() if self.weights["adversarial"] else None
        self.departures = tuple(self._departures())

    def _departures(self) -> Iterator[str]:
        yield "pixel term averaged over pixels and images, not over pixels alone"
        if self.taps != ("d4",):
            yield f"pairs of {self.taps[0]}, not of the map before the last layer"
        yield f"gradients of norm {self.clip:g} at most"
        if self.discriminator is None:
            yield "no adversarial term"
        else:
            yield "gradient penalty of the discriminator along the logit alone"
            yield "its optimiser Adam, not SGD"

    def _checked_tap(self, setting: Setting, tap: str, grid: Any) -> str:
        tap, *shapes = tap_name(type(self), setting, tap)
        sides = {side for shape in shapes for side in shape[1:]}
        if not is_positive_integer(grid) or grid < 2 or any(side % grid for side in sides):
            listed = ", ".join(map(str, sorted(sides)))
            raise refusal(type(self), "grid", grid, f"2 or more, dividing the sides of `{tap}` ({listed} pixels)")
        return tap

    @property
    def clip(self) -> float:
        """Largest norm of the gradient of a step, of the student and of the discriminator."""
        return self._clip

    @property
    def adversary(self) -> Discriminator | None:
        """The discriminator; None without the adversarial term."""
        return self.discriminator

    def train(self, mode: bool = True) -> "SKD":
        """Set the mode of the discriminator as well."""
        if self.discriminator is not None:
            self.discriminator.train(mode)
        return super().train(mode)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "SKD":
        """Take the discriminator along to another device; nn.Module does all such moves through this."""
        if self.discriminator is not None:
            self.discriminator._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def terms(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """The terms `pixel`, `pair` and, unless its weight is 0, `adversarial`; the discriminator gets no gradient."""
        terms = {
            "pixel": pixel_cross_entropy(class_logits(student.logits), class_logits(teacher.logits)),
            "pair": pair_distance(student.maps[self.taps[0]], teacher.maps[self.taps[0]], self.grid),
        }
        if self.discriminator is not None:
            frozen = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
            scores = functional_call(self.discriminator, frozen, (class_logits(_score_map(student.logits)),))
            terms["adversarial"] = -scores.mean()
        return terms

    def adversary_step(self, student: Layers, teacher: Layers, seed: int) -> Float[Tensor, ""]:
        """The discriminator's loss for a batch, on detached maps and in float32.

        Args:
            student: what the student gave; from the same forward as its own step.
            teacher: what the teacher gave for the same images.
            seed: of the gradient penalty's random points: one and the same for a step whenever it is repeated.
        """
        with torch.autocast(student.logits.device.type, enabled=False):
            maps = [_score_map(in_full_precision(layers.detached()).logits) for layers in (student, teacher)]
            return self.discriminator_scale * critic_loss(self._score, *maps, seed, self.penalty)

    def _score(self, logits: Float[Tensor, "b 1 64 64"]) -> Float[Tensor, " b"]:
        """Score of [0, z] as a function of z.

        The gradient penalty then sees z alone. The constant channel has no variance, so the BatchNorm at the input
        would multiply the slope along it by 1 / sqrt(1e-5), although no map ever moves in that direction.
        """
        return self.discriminator(class_logits(logits))


def _score_map(logits: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 64 64"]:
    """Logits in float32, at the size that the discriminator takes."""
    return F.interpolate(logits.float(), size=(SCORE_SIZE, SCORE_SIZE), mode="bilinear", align_corners=False)
