"""CWD: every channel's map, as a distribution over positions, is matched with the teacher's."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from kdml.learning.methods.base import Layers, Setting, pool_to_smaller
from kdml.learning.methods.dense import SegmentationMethod, positive, tap_name

FEATURES_WEIGHT = 50.0


def channelwise_divergence(
    student: Float[Tensor, "b c h w"], teacher: Float[Tensor, "b c h w"], temperature: float = 4.0
) -> Float[Tensor, ""]:
    """KL(teacher, student) of softmax over positions, times T^2, mean over images and channels.

    Args:
        student: maps or logits.
        teacher: those of the teacher, of the same shape; detach them before.
        temperature: divides both before the softmax.

    Reference: Shu, Liu, Gao, Yan, Shen. Channel-wise Knowledge Distillation for Dense Prediction. ICCV 2021.
    """
    # log(softmax) would be -inf where one position of a large map stands out.
    log_student, log_teacher = (F.log_softmax(maps.flatten(2) / temperature, dim=2) for maps in (student, teacher))
    return temperature**2 * (log_teacher.exp() * (log_teacher - log_student)).sum(dim=2).mean()


class CWD(SegmentationMethod):
    """Channel-wise distillation of the foreground logit, of several classes' logits, or of a map.

    The logit is taken alone, not as [0, z]: the constant channel would add nothing and halve the mean over channels.
    The loss does not see a constant offset of a map, so it needs the supervised loss beside it.

    Args:
        setting: options `variant` (`logits` or `features`), `tap` of the latter, and `temperature`. The default
            weight is 3 for logits and 50 for features.
    """

    key = "cwd"
    title = "CWD"
    place_in_table_10 = 10
    kind = "segmentation"
    weights = {"channelwise": 3.0}
    defaults = {"variant": "logits", "tap": "d2", "temperature": 4.0}
    choices = {"variant": ("logits", "features")}
    departures = ("one channel, the foreground's logit, not one per class",)

    def __init__(self, setting: Setting):
        super().__init__()
        options = self.configure(setting)
        self.temperature = positive(type(self), options, "temperature")
        self.adaptor: nn.Module = nn.Identity()
        if setting.outputs > 1:
            self.departures = ()
        if options["variant"] == "features":
            self._read_features(setting, options["tap"])

    def _read_features(self, setting: Setting, tap: str) -> None:
        tap, student, teacher = tap_name(type(self), setting, tap)
        self.taps = (tap,)
        self.departures = () if tap == "d4" else (f"channels of {tap}, not of the map before the last layer",)
        if "weight_channelwise" not in setting.options:
            self.weights = {"channelwise": FEATURES_WEIGHT}
        if student[0] != teacher[0]:
            self.adaptor = nn.Conv2d(student[0], teacher[0], kernel_size=1, bias=False)

    def terms(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """The term `channelwise`."""
        if not self.taps:
            return {"channelwise": channelwise_divergence(student.logits, teacher.logits, self.temperature)}
        maps = pool_to_smaller(self.adaptor(student.maps[self.taps[0]]), teacher.maps[self.taps[0]])
        return {"channelwise": channelwise_divergence(*maps, self.temperature)}
