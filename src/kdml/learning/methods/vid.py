"""VID: the teacher's maps are modelled as Gaussian given the student's (variational information distillation)."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from kdml.learning.methods.base import Layers, Method, Setting, pool_to_smaller, tap_shapes

VARIANCE_FLOOR = 1e-5
START_VARIANCE = 5.0


def variances(alpha: Float[Tensor, " c"]) -> Float[Tensor, " c"]:
    """Positive variances from unbounded parameters."""
    return F.softplus(alpha) + VARIANCE_FLOOR


def start_alpha(channels: int) -> Float[Tensor, " c"]:
    """Parameters whose variances are all the start variance."""
    return torch.full((channels,), math.log(math.expm1(START_VARIANCE - VARIANCE_FLOOR)))


def information_loss(
    mean: Float[Tensor, "b c h w"], teacher: Float[Tensor, "b c h w"], variance: Float[Tensor, " c"]
) -> Float[Tensor, ""]:
    """Negative log-likelihood of the teacher's map without its constant, mean over all elements; it may be negative.

    Args:
        mean: predicted from the student's map.
        teacher: map of the teacher; detach it before.
        variance: of each of the teacher's channels, the same at all positions.

    Reference: Ahn, Hu, Damianou, Lawrence, Dai. Variational Information Distillation for Knowledge Transfer. CVPR 2019.
    """
    per_channel = variance.reshape(1, -1, 1, 1)
    return (0.5 * ((mean - teacher).square() / per_channel + per_channel.log())).mean()


class VID(Method):
    """Variational information distillation at all stages, with a regressor and learnt variances for each.

    `alphas` are registered parameters, to be optimised with the regressors, without weight decay.

    Args:
        setting: no option but the weight.
    """

    key = "vid"
    title = "VID"
    place_in_table_10 = 5
    kind = "classification"
    taps = ("f1", "f2", "f3", "f4")
    weights = {"information": 1.0}

    def __init__(self, setting: Setting):
        super().__init__()
        self.configure(setting)
        shapes = {tap: tap_shapes(type(self), setting, tap) for tap in self.taps}
        self.regressors = nn.ModuleDict({tap: _regressor(s[0], t[0]) for tap, (s, t) in shapes.items()})
        self.alphas = nn.ParameterDict({tap: nn.Parameter(start_alpha(t[0])) for tap, (_, t) in shapes.items()})

    def forward(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """The term `information`, summed over the stages."""
        maps = teacher.detached().maps
        stages = [self._stage(tap, student.maps[tap], maps[tap]) for tap in self.taps]
        return {"information": torch.stack(stages).sum()}

    def _stage(self, tap: str, student: Tensor, teacher: Tensor) -> Tensor:
        student, teacher = pool_to_smaller(student, teacher)
        return information_loss(self.regressors[tap](student), teacher, variances(self.alphas[tap]))


def _regressor(student: int, teacher: int) -> nn.Sequential:
    """Three 1x1 convolutions without bias, ReLU between them."""
    return nn.Sequential(
        nn.Conv2d(student, teacher, kernel_size=1, bias=False),
        nn.ReLU(),
        nn.Conv2d(teacher, teacher, kernel_size=1, bias=False),
        nn.ReLU(),
        nn.Conv2d(teacher, teacher, kernel_size=1, bias=False),
    )
