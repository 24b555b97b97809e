"""SimKD: the student's encoder, a projector, and the teacher's classifier reused."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from kdml.rivals.base import (
    Layers,
    Rival,
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


class SimKD(Rival):
    """The last map alone is learnt: neither labels nor the teacher's probabilities enter (their weights are 0).

    The student's own head is never trained: predict by `infer`, in eval mode. Projector and classifier are part of the
    student; both are registered here, to be saved, reloaded and counted. The teacher's f4 has to be the map that it
    pools and classifies.

    Args:
        setting: option `reduction` divides the teacher's channels inside the projector; 2, 4 and 8 are published.
    """

    taps = ("f4",)
    weights = {"projection": 1.0}
    defaults = {"reduction": 2}

    def __init__(self, setting: Setting):
        super().__init__()
        reduction = self.configure(setting)["reduction"]
        student, teacher = tap_shapes(type(self), setting, "f4")
        if not is_positive_integer(reduction) or teacher[0] % reduction:
            raise refusal(type(self), "reduction", reduction, f"a divisor of the teacher's {teacher[0]} channels")
        self.teacher_size = teacher[1:]
        self.projector = _projector(student[0], teacher[0], teacher[0] // reduction)
        self.classifier = frozen_classifier(type(self), setting)

    def train(self, mode: bool = True) -> "SimKD":
        """Set the projector's mode; the classifier stays in eval mode, whatever is asked."""
        super().train(mode)
        self.classifier.eval()
        return self

    def forward(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """The term `projection`."""
        projected = self.project(student)
        return {"projection": projection_loss(projected, pool_down(teacher.detached().maps["f4"], projected.shape[2:]))}

    def project(self, student: Layers) -> Float[Tensor, "b c h w"]:
        """The student's last map in the teacher's channels; a map larger than the teacher's is pooled first."""
        return self.projector(pool_down(student.maps["f4"], self.teacher_size))

    def infer(self, student: Layers) -> Float[Tensor, "b K"]:
        """The student's logits: the teacher's classifier on the spatial mean of the projected map."""
        return self.classifier(self.project(student).mean(dim=(2, 3)))


def _projector(student: int, teacher: int, inner: int) -> nn.Sequential:
    """1x1, 3x3 and 1x1 convolution, each without bias and followed by BatchNorm and ReLU."""
    return nn.Sequential(
        *_convolution(student, inner, kernel_size=1),
        *_convolution(inner, inner, kernel_size=3),
        *_convolution(inner, teacher, kernel_size=1),
    )


def _convolution(inside: int, outside: int, kernel_size: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inside, outside, kernel_size, padding=kernel_size // 2, bias=False)
    return convolution, nn.BatchNorm2d(outside), nn.ReLU()
