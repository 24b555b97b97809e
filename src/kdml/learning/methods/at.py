"""AT: the student's maps of activation strength follow the teacher's (attention transfer)."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from kdml.common.errors import UserError
from kdml.learning.methods.base import Layers, Method, Setting, pool_to_smaller, tap_shapes, unit_rows

Form = Literal["code", "norm"]


def attention(map_: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n"]:
    """Mean square over the channels at each of the n = h*w positions, as a unit vector per image."""
    return unit_rows(map_.square().mean(dim=1).flatten(1))


def attention_loss(
    student: Float[Tensor, "b c h w"], teacher: Float[Tensor, "b c2 h2 w2"], form: Form = "code"
) -> Float[Tensor, ""]:
    """Distance between the attention of two maps, the larger one pooled down first.

    Args:
        student: map of the student.
        teacher: map of the teacher; detach it before.
        form: `code` is the mean square over images and positions, as the authors' code has it; `norm` the mean over
            images of the norm of the difference, as the equation has it. They differ by orders of magnitude.

    Reference: Zagoruyko, Komodakis. Paying More Attention to Attention: Improving the Performance of Convolutional
        Neural Networks via Attention Transfer. ICLR 2017.
    """
    first, second = (attention(map_) for map_ in pool_to_smaller(student, teacher))
    return _FORMS[form](first, second)


def _mean_norm(first: Tensor, second: Tensor) -> Tensor:
    return torch.linalg.vector_norm(first - second, dim=1).mean()


_FORMS = {"code": F.mse_loss, "norm": _mean_norm}


class AT(Method):
    """Attention transfer at all stages of a classifier; no adaptor.

    One term per tap, so that each is logged: in the form `code` the mean over positions makes 56x56 maps weigh 64 times
    less than 7x7 ones. All have one weight.

    Args:
        setting: option `form` as in `attention_loss`; `weight_attention` for all taps, which `form: norm` needs,
            because the published 1000 belongs to `code`.
    """

    key = "at"
    title = "AT"
    place_in_table_10 = 2
    kind = "classification"
    taps = ("f1", "f2", "f3", "f4")
    weights = {"attention": 1000.0}
    defaults = {"form": "code"}
    choices = {"form": ("code", "norm")}

    def __init__(self, setting: Setting):
        super().__init__()
        self.form: Form = self.configure(setting)["form"]
        if self.form == "norm" and "weight_attention" not in setting.options:
            problem = f"{type(self).__name__}: the default weight {self.weights['attention']:g} belongs to `form: code`"
            raise UserError(problem, "set `weight_attention` along with `form: norm`")
        if self.form == "code":
            self.departures = ("mean of squares as in the authors' code, not the equation's norm", *self.departures)
        for tap in self.taps:
            tap_shapes(type(self), setting, tap)
        self.weights = {f"attention_{tap}": self.weights["attention"] for tap in self.taps}

    def forward(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """A term `attention_<tap>` for every tap."""
        maps = teacher.detached().maps
        return {f"attention_{tap}": attention_loss(student.maps[tap], maps[tap], self.form) for tap in self.taps}


class SegmentationAT(AT):
    """Attention transfer at the decoder maps of a U-Net, whose many positions need a larger weight."""

    kind = "segmentation"
    taps = ("d0", "d1", "d2", "d3")
    weights = {"attention": 10000.0}
    departures = ("attention at d0 to d3, not at the map before the last layer alone",)
    published_kd = 1.0
