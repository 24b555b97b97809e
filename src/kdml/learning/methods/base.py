"""What every method is: a loss module with its adaptors, fed with what student and teacher gave for a batch."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from kdml.common.errors import UserError

Shape = tuple[int, int, int]  # channels, height, width
NORM_FLOOR = 1e-12  # keeps all-zero rows at zero instead of 0/0


@dataclass(frozen=True)
class Layers:
    """What one network gave for a batch.

    Args:
        maps: feature maps (b, c, h, w) by the name of their tap: f1..f4, or e1..e5 and d0..d4.
        logits: (b, K); for segmentation (b, 1, h, w), or (b, K, h, w) of several classes and the background.
        pooled: globally pooled last map (b, c); None for segmentation.
    """

    maps: Mapping[str, Tensor]
    logits: Tensor
    pooled: Tensor | None = None

    def detached(self) -> "Layers":
        """Copy of the layers without gradient, as a teacher's have to be."""
        maps = {tap: map_.detach() for tap, map_ in self.maps.items()}
        return Layers(maps, self.logits.detach(), None if self.pooled is None else self.pooled.detach())


class Shapes(dict[str, Shape]):
    """Shapes of a network's maps by tap; a tap that is not there is refused with those that student and teacher share.

    Args:
        mine: of the network.
        other: of the network that it is compared with.
    """

    def __init__(self, mine: Mapping[str, Shape], other: Mapping[str, Shape]):
        super().__init__(mine)
        self.shared = sorted(mine.keys() & other.keys())

    def __missing__(self, tap: str) -> Shape:
        raise _not_shared("The method", tap, self.shared)


@dataclass(frozen=True)
class Setting:
    """What a method is built for.

    Args:
        student: (channels, height, width) of the student's maps by tap, as `Shapes`.
        teacher: (channels, height, width) of the teacher's maps by tap.
        batch_size: images per step.
        classifier: the teacher's classifier, everything after the pooled vector; its parameters are frozen.
        options: of the method, as the configuration gives them.
        outputs: of both networks: classes, or 1 for a foreground logit.
    """

    student: Mapping[str, Shape]
    teacher: Mapping[str, Shape]
    batch_size: int
    classifier: nn.Module | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1

    def __post_init__(self) -> None:
        student, teacher = Shapes(self.student, self.teacher), Shapes(self.teacher, self.student)
        object.__setattr__(self, "student", student)
        object.__setattr__(self, "teacher", teacher)


@dataclass(frozen=True)
class Stage:
    """What a student learns from during one stage of its training.

    Args:
        supervised: weight of the task's loss.
        kd: weight of plain distillation in the stage's first epoch, moving linearly to
        kd_end: in its last.
        kd_temperature: of its softmax.
        terms: whether the method's own terms take part.
        scored: whether the student's outputs are of use yet; if not, the stage's loss on the validation part chooses weights,
            schedule and stop, in place of the score.
    """

    supervised: float = 1.0
    kd: float = 0.0
    kd_end: float | None = None
    kd_temperature: float = 4.0
    terms: bool = True
    scored: bool = True

    def kd_at(self, share: float) -> float:
        """Weight of plain distillation after a share of the stage's epochs."""
        return self.kd if self.kd_end is None else self.kd + share * (self.kd_end - self.kd)


class Method(nn.Module):
    """A published method: its taps, its weights, its adaptors, and its loss terms for a batch.

    Adaptors are ordinary submodules, so that they are optimised, checkpointed and counted; they are no part of the
    student. A method that builds none, and has no option to look at, needs no `__init__` of its own.

    Args:
        setting: what to configure it for; a subclass with an `__init__` leaves it out and calls `configure` itself.

    Attributes:
        key: of a published method, as configurations call it; this and the next six are read off the source by
            `kdml.runs.methods`, so they are written out.
        title: in tables.
        kind: of the task that the class is for; a class that names it is found, one for each kind of a method.
        supervised: weight of the task's loss, unless the configuration gives one.
        kd: weight of plain distillation beside the method, unless the configuration gives one.
        place_in_table_10: row of the paper's table; None where the paper does not have the method.
        one_class: whether it is for masks of one class alone.
        taps: names of the maps it reads from both networks.
        weights: weight of each loss term, 0 or more; an option `weight_<term>` replaces it.
        defaults: every other option of the method, with the value it has unless the configuration gives one.
        choices: the values an option can take, for those that are a choice.
        whole_batches: whether every batch must have the full size; the last short one of an epoch is left out then.
        departures: what it does differently from the publication, in a few words each.
        published_kd: weight of plain distillation that belongs to the publication, or to the code that the weights are from;
            None where nothing is said of it.
        adversary_adam: options of the adversary's Adam, where there is an adversary.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    kind: ClassVar[str]
    supervised: ClassVar[float] = 1.0
    kd: ClassVar[float] = 0.0
    place_in_table_10: ClassVar[int | None] = None
    one_class: ClassVar[bool] = False
    taps: ClassVar[tuple[str, ...]] = ()
    weights: ClassVar[Mapping[str, float]] = {}
    defaults: ClassVar[Mapping[str, Any]] = {}
    choices: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    whole_batches: ClassVar[bool] = False
    departures: ClassVar[tuple[str, ...]] = ()
    published_kd: ClassVar[float | None] = None
    adversary_adam: ClassVar[Mapping[str, Any]] = {}
    configured: ClassVar[bool] = False

    def __init__(self, setting: Setting | None = None):
        super().__init__()
        if setting is not None:
            self.configure(setting)

    def configure(self, setting: Setting) -> dict[str, Any]:
        """Set this object's weights, and give the method's other options with their defaults filled in.

        Raises:
            UserError: an option is unknown or has no valid value.
        """
        options = read_options(type(self), setting.options)
        self.weights = {term: float(options.pop(f"weight_{term}")) for term in type(self).weights}
        self.configured = True
        return options

    def stages(self, usual: Stage) -> tuple[Stage, ...]:
        """The stages of the training; `usual` is the single one of most methods."""
        return (usual,)

    def adopt(self, student: nn.Module) -> None:
        """Change the student's body (`kdml.learning.networks.Classifier`), where the method changes how the student predicts."""

    @property
    def clip(self) -> float | None:
        """Largest norm of the gradient of a step; None for no limit."""
        return None

    @property
    def adversary(self) -> nn.Module | None:
        """A network that is trained against the student, by an optimiser of its own; None where a method has none.

        It is no submodule, so the engine has to checkpoint it beside the method.
        """
        return None

    def adversary_step(self, student: Layers, teacher: Layers, seed: int) -> Tensor:
        """The adversary's loss for a batch, on detached maps.

        Args:
            student: what the student gave.
            teacher: what the teacher gave for the same images.
            seed: of all that it draws.
        """
        raise NotImplementedError

    def forward(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """Loss terms by name, before weighting."""
        raise NotImplementedError


def read_options(method: type[Method], given: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a method, the weights as `weight_<term>` among them: those given, defaults for the others.

    Raises:
        UserError: an option is unknown, not among its choices, or a weight that is not a finite number of 0 or more.
    """
    weights = {f"weight_{term}": weight for term, weight in method.weights.items()}
    defaults = {**method.defaults, **weights}
    known = ", ".join(sorted(defaults))
    for name, value in given.items():
        if name not in defaults:
            raise UserError(f"{method.__name__} has no option `{name}`", f"use its known options: {known}")
        if name in method.choices and not _is_one_of(value, method.choices[name]):
            raise refusal(method, name, value, f"one of {', '.join(map(str, method.choices[name]))}")
        if name in weights and not is_weight(value):
            raise refusal(method, name, value, "a finite number of 0 or more")
    return {**defaults, **given}


def refusal(method: type[Method], name: str, value: Any, expected: str) -> UserError:
    """The error for an option's value that is not what was `expected`."""
    return UserError(f"{method.__name__}: option `{name}` is {value!r}", f"set `{name}` to {expected}")


def _is_one_of(value: Any, choices: tuple[Any, ...]) -> bool:
    """Whether a value is among the choices; `True` is not 1."""
    return any(type(value) is type(choice) and value == choice for choice in choices)


def is_weight(value: Any) -> bool:
    """Whether a value can weigh a loss term: a finite number of 0 or more; `True` is none."""
    return _is_finite_number(value) and value >= 0


def _is_finite_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def is_positive_integer(value: Any) -> bool:
    """Whether an option's value is an integer above zero; `True` is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_positive_number(value: Any) -> bool:
    """Whether an option's value is a finite number above zero; `True` is none."""
    return _is_finite_number(value) and value > 0


def tap_shapes(method: type[Method], setting: Setting, tap: str) -> tuple[Shape, Shape]:
    """The student's and the teacher's shape at a tap.

    Raises:
        UserError: one of the two networks has no such tap.
    """
    shared = setting.student.shared
    if tap not in shared:
        raise _not_shared(method.__name__, tap, shared)
    return setting.student[tap], setting.teacher[tap]


def _not_shared(reader: str, tap: str, shared: Iterable[str]) -> UserError:
    return UserError(
        f"{reader} reads the tap `{tap}`, which student and teacher do not share", f"use {', '.join(shared)}"
    )


def frozen_classifier(method: type[Method], setting: Setting) -> nn.Module:
    """The teacher's classifier without gradients of its own and in eval mode; gradients still pass through it.

    Raises:
        UserError: the networks have none, as in segmentation.
    """
    if setting.classifier is None:
        remedy = "choose another method; this one is for classification"
        raise UserError(f"{method.__name__} needs the teacher's classifier, and there is none", remedy)
    return setting.classifier.requires_grad_(False).eval()


def unit_rows(matrix: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
    """Every row divided by its 2-norm; rows of zeros stay zeros."""
    return F.normalize(matrix, dim=1, eps=NORM_FLOOR)


def pool_down(map_: Float[Tensor, "b c h w"], size: tuple[int, int]) -> Float[Tensor, "b c h2 w2"]:
    """Average a map down to a size where it is larger; it is never blown up.

    Where one size divides the other, plain pooling gives the same bits as adaptive one, and on a GPU its backward is deterministic;
    to a single pixel adaptive pooling is a mean, which is, too.
    """
    height, width = (min(have, want) for have, want in zip(map_.shape[2:], size, strict=True))
    if map_.shape[2:] == (height, width):
        return map_
    if (height, width) != (1, 1) and map_.shape[2] % height == 0 and map_.shape[3] % width == 0:
        return F.avg_pool2d(map_, (map_.shape[2] // height, map_.shape[3] // width))
    return F.adaptive_avg_pool2d(map_, (height, width))


def pool_to_smaller(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Two maps (b, c, h, w) at one spatial size, that of the smaller."""
    return pool_down(first, second.shape[2:]), pool_down(second, first.shape[2:])


def gram(map_: Float[Tensor, "b c h w"]) -> Float[Tensor, "b b"]:
    """Inner products of the images' flattened maps, in float32 or better.

    They reach 1e4 to 1e6, more than half precision holds; hence autocast is off here.
    """
    rows = map_.flatten(1)
    with torch.autocast(rows.device.type, enabled=False):
        rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
        return rows @ rows.T
