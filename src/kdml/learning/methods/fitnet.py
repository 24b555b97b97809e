"""FitNet: the student's middle layer regresses the teacher's (hint learning)."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from kdml.common.errors import UserError
from kdml.learning.methods.base import Layers, Method, Setting, Shape, Stage, tap_shapes


def hint_loss(regressed: Float[Tensor, "b c h w"], hint: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """Mean squared error over all elements between the regressed student map and the teacher's.

    Args:
        regressed: the student's map after its regressor.
        hint: the teacher's map; detach it before.

    Reference: Romero, Ballas, Kahou, Chassang, Gatta, Bengio. FitNets: Hints for Thin Deep Nets. ICLR 2015. The
        publication writes half the sum of squares; the toolboxes' weights belong to the mean.
    """
    return F.mse_loss(regressed, hint)


class FitNet(Method):
    """Hint loss at one stage of a classifier, to be added to the supervised loss.

    Trained so from the first step, this is the toolboxes' one-stage form. The published procedure has two: first the student up
    to `guided_tap` learns from this loss alone, until its value on the validation part improves no more; then the whole student
    learns from labels and from the teacher's predictions, whose weight falls linearly from 4 to 1, at temperature 3. The
    weight of the labels is the configured one; that of the teacher's predictions belongs to the procedure.

    Args:
        setting: option `tap` names the stage of the network, `stages` is 1 or 2.
    """

    key = "fitnet"
    title = "FitNet"
    place_in_table_10 = 1
    kind = "classification"
    taps = ("f2",)
    weights = {"hint": 100.0}
    defaults = {"tap": "f2", "stages": 1}
    choices = {"stages": (1, 2)}

    def __init__(self, setting: Setting):
        super().__init__()
        options = self.configure(setting)
        self.taps, self.two_stages = (options["tap"],), options["stages"] == 2
        if not self.two_stages:
            self.departures = ("hints and labels in one stage, not two", *self.departures)
        self.regressor = self.build_regressor(*tap_shapes(type(self), setting, self.guided_tap))

    def stages(self, usual: Stage) -> tuple[Stage, ...]:
        """One stage as configured, or the two that were published.

        Raises:
            UserError: plain distillation is configured, and the second stage has its own.
        """
        if not self.two_stages:
            return (usual,)
        if (usual.kd, usual.kd_temperature) != (Stage.kd, Stage.kd_temperature):
            raise UserError(
                "FitNet: with `stages: 2` the weight of plain distillation falls from 4 to 1, at temperature 3",
                "leave out `kd` and `kd_temperature`, or set `stages: 1`",
            )
        hints = Stage(supervised=0.0, scored=False)
        return hints, Stage(usual.supervised, kd=4.0, kd_end=1.0, kd_temperature=3.0, terms=False)

    @property
    def guided_tap(self) -> str:
        """The student's tap up to which hints train it."""
        return self.taps[0]

    @staticmethod
    def build_regressor(student: Shape, teacher: Shape) -> nn.Module:
        """Convolution to the teacher's shape, BatchNorm, and ReLU because the hint comes after one."""
        return nn.Sequential(_resizing_convolution(student, teacher), nn.BatchNorm2d(teacher[0]), nn.ReLU())

    def forward(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """The term `hint`."""
        regressed = self.regressor(student.maps[self.guided_tap])
        return {"hint": hint_loss(regressed, teacher.detached().maps[self.guided_tap])}


class SegmentationFitNet(FitNet):
    """Hint loss at one map of a U-Net, through a bare 1x1 convolution: decoder maps have one shape in both networks.

    Args:
        setting: option `tap` names the map.
    """

    kind = "segmentation"
    taps = ("d0",)
    weights = {"hint": 10.0}
    departures = ("hints at d0, not at the map before the last layer",)
    published_kd = 1.0
    defaults = {"tap": "d0", "stages": 1}

    @staticmethod
    def build_regressor(student: Shape, teacher: Shape) -> nn.Module:
        """1x1 convolution without bias.

        Raises:
            UserError: the maps differ in size.
        """
        if student[1:] != teacher[1:]:
            raise _unfit(student, teacher)
        return nn.Conv2d(student[0], teacher[0], kernel_size=1, bias=False)


def _resizing_convolution(student: Shape, teacher: Shape) -> nn.Module:
    """The convolution that maps one shape to the other; without bias, for BatchNorm follows."""
    channels, size, goal = (student[0], teacher[0]), student[1:], teacher[1:]
    if size == goal:
        return nn.Conv2d(*channels, kernel_size=1, bias=False)
    if size == _doubled(goal):
        return nn.Conv2d(*channels, kernel_size=3, stride=2, padding=1, bias=False)
    if _doubled(size) == goal:
        return nn.ConvTranspose2d(*channels, kernel_size=4, stride=2, padding=1, bias=False)
    kernel = (size[0] - goal[0] + 1, size[1] - goal[1] + 1)
    if min(kernel) < 1:
        raise _unfit(student, teacher)
    return nn.Conv2d(*channels, kernel_size=kernel, bias=False)


def _doubled(size: tuple[int, int]) -> tuple[int, int]:
    return size[0] * 2, size[1] * 2


def _unfit(student: Shape, teacher: Shape) -> UserError:
    shapes = f"{student} of the student, {teacher} of the teacher (channels, height, width)"
    return UserError(f"FitNet has no regressor between these maps: {shapes}", "choose another `tap`")
