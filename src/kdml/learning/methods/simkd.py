"""SimKD: the student's encoder, a projector, and the teacher's classifier reused."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from kdml.learning.methods.base import (
    Layers,
    Method,
    Setting,
    frozen_classifier,
    is_positive_integer,
    pool_down,
    refusal,
    tap_shapes,
)


def projection_loss(projected: Float[Tensor, "b c h w"], teacher: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """Mean squared error over all elements between the projected student map and the teacher's.

    Args:
        projected: the student's last map after the projector.
        teacher: last map of the teacher; detach it before.

    Reference: Chen, Mei, Zhang, Wang, Feng, Chen. Knowledge Distillation with the Reused Teacher Classifier. CVPR 2022.
    """
    return F.mse_loss(projected, teacher)


class SimKD(Method):
    """The last map alone is learnt: neither labels nor the teacher's probabilities enter (their weights are 0).

    The student gets a projector and the teacher's frozen classifier in place of its own head (`adopt`); both are part of it
    from then on, trained, saved and counted with it, and no submodules of this. Its f4, the map that it pools, is then the
    projected one. The teacher's f4 has to be the map that it pools and classifies.

    Args:
        setting: option `reduction` divides the teacher's channels inside the projector; 2, 4 and 8 are published.
    """

    key = "simkd"
    title = "SimKD"
    place_in_table_10 = 6
    kind = "classification"
    supervised = 0.0
    taps = ("f4",)
    weights = {"projection": 1.0}
    defaults = {"reduction": 2}

    def __init__(self, setting: Setting):
        super().__init__()
        reduction = self.configure(setting)["reduction"]
        student, teacher = tap_shapes(type(self), setting, "f4")
        if not is_positive_integer(reduction) or teacher[0] % reduction:
            raise refusal(type(self), "reduction", reduction, f"a divisor of the teacher's {teacher[0]} channels")
        projector = Projector(student[0], teacher[0], teacher[0] // reduction, teacher[1:])
        # In a tuple, hence not registered: they belong to the student.
        self.end = (projector, frozen_classifier(type(self), setting))

    def adopt(self, student: nn.Module) -> None:
        """Give the student projector and classifier in place of its own end."""
        student.replace_end(*self.end)

    def forward(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """The term `projection`, of a student that has its projector."""
        projected = student.maps["f4"]
        return {"projection": projection_loss(projected, pool_down(teacher.detached().maps["f4"], projected.shape[2:]))}


class Projector(nn.Sequential):
    """The student's last map in the teacher's channels: 1x1, 3x3 and 1x1 convolution, each without bias, BatchNorm, ReLU.

    Args:
        student: channels of its map.
        teacher: channels of the teacher's.
        inner: channels in between.
        size: of the teacher's map; a larger one of the student is pooled down first.
    """

    def __init__(self, student: int, teacher: int, inner: int, size: tuple[int, int]):
        super().__init__(
            *_convolution(student, inner, kernel_size=1),
            *_convolution(inner, inner, kernel_size=3),
            *_convolution(inner, teacher, kernel_size=1),
        )
        self.size = size

    def forward(self, map_: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
        """The projected map."""
        return super().forward(pool_down(map_, self.size))


def _convolution(inside: int, outside: int, kernel_size: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inside, outside, kernel_size, padding=kernel_size // 2, bias=False)
    return convolution, nn.BatchNorm2d(outside), nn.ReLU()
