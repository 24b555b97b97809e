"""RKD: the images of a batch shall be as far from each other as they are for the teacher.

Reference: Park, Kim, Lu, Cho. Relational Knowledge Distillation. CVPR 2019.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdml.learning.methods.base import Layers, Method, Setting, tap_shapes


def distances(map_: Tensor) -> Tensor:
    """Distances between all pairs of images (b, c, h, w) after pooling, in units of their mean."""
    found = F.pdist(map_.mean(dim=(2, 3)))
    return found / found.mean().clamp_min(torch.finfo(found.dtype).tiny)


class RKD(Method):
    """Distance-wise relational distillation at one map; teacher and student may differ in channels and size.

    Args:
        setting: option `tap` names the map.
    """

    taps = ("f4",)
    weights = {"distance": 25.0}
    defaults = {"tap": "f4"}
    whole_batches = True  # a single image has no distances

    def __init__(self, setting: Setting):
        super().__init__()
        self.taps = (self.configure(setting)["tap"],)
        tap_shapes(type(self), setting, self.taps[0])  # refuses a tap that the networks do not have

    def forward(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """The term `distance`."""
        tap = self.taps[0]
        return {"distance": F.smooth_l1_loss(distances(student.maps[tap]), distances(teacher.detached().maps[tap]))}
