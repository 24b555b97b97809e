"""EMKD: predictions, importance maps of two encoder stages, and how alike background and lesion look there."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from kdml.learning.losses import predictions_divergence
from kdml.learning.methods.base import Layers, Setting, refusal
from kdml.learning.methods.dense import (
    CLASSES,
    SegmentationMethod,
    attention_map,
    class_masks,
    class_means,
    labels_at,
    positive,
    tap_names,
    unit,
)


def softened_divergence(
    student: Float[Tensor, "b K h w"], teacher: Float[Tensor, "b K h w"], temperature: float = 4.0
) -> Float[Tensor, ""]:
    """KL(teacher, student) of the classes of each pixel, times T^2, mean over pixels.

    Args:
        student: logits of the classes, or of the foreground alone.
        teacher: those of the teacher; detach them before.
        temperature: divides both before the softmax.

    Reference: Qin, Bu, Liu, Shen, Zhou, Gu, Wang, Wu, Dai. Efficient Medical Image Segmentation Based on Knowledge
        Distillation. IEEE TMI 40, 2021.
    """
    return predictions_divergence(student, teacher, temperature, "source_first", scale_by_t2=True)


def importance_distance(
    student: Float[Tensor, "b c h w"], teacher: Float[Tensor, "b d H W"], exponent: float = 4.0
) -> Float[Tensor, ""]:
    """Squared difference of importance maps (mean over channels of |F|^exponent, unit length), summed over positions.

    Args:
        student: maps; resized bilinearly if the teacher's have another size.
        teacher: maps; detach them before.
        exponent: 4 in the published code.

    Reference: as `softened_divergence`.
    """
    if student.shape[2:] != teacher.shape[2:]:
        student = F.interpolate(student, size=teacher.shape[2:], mode="bilinear", align_corners=False)
    return (attention_map(student, exponent) - attention_map(teacher, exponent)).square().sum(dim=1).mean()


def region_affinity(
    maps: Float[Tensor, "b c h w"], labels: Int[Tensor, "b h w"], classes: int = CLASSES
) -> Float[Tensor, "b pairs"]:
    """Cosine between the mean vectors of every two classes of an image; 0 if one of them is absent.

    Args:
        maps: of one network.
        labels: class of every position; those of `classes` and above are ignored.
        classes: number of them.
    """
    means = unit(class_means(maps, class_masks(labels, classes, maps.dtype)), dim=2)
    first, second = torch.triu_indices(classes, classes, offset=1, device=maps.device)
    return (means @ means.mT)[:, first, second]


def region_distance(
    student: Float[Tensor, "b c h w"],
    teacher: Float[Tensor, "b d H W"],
    targets: Int[Tensor, "b 1 H0 W0"],
    classes: int = CLASSES,
) -> Float[Tensor, ""]:
    """Squared difference of the two networks' affinities between classes, mean over pairs and images.

    Images with a single class have affinity 0 in both networks: they give no signal, and count in the mean.

    Args:
        student: maps; channels and size may differ.
        teacher: maps; detach them before.
        targets: masks of any size.
        classes: number of them.

    Reference: as `softened_divergence`.
    """
    affinities = [region_affinity(maps, labels_at(targets, maps.shape[2:]), classes) for maps in (student, teacher)]
    return F.mse_loss(*affinities)


class EMKD(SegmentationMethod):
    """Efficient medical segmentation distillation: predictions, and two terms at a low and a high tap of the encoder.

    Args:
        setting: options `taps` (their losses are added), `temperature` of the predictions and `exponent` of the
            importance maps.
    """

    key = "emkd"
    title = "EMKD"
    place_in_table_10 = 12
    kind = "segmentation"
    taps = ("e1", "e3")
    weights = {"prediction": 0.1, "importance": 0.9, "region": 0.9}
    defaults = {"taps": ("e1", "e3"), "temperature": 4.0, "exponent": 4.0}
    departures = ("the task's own loss, not half focal and half Dice",)

    def __init__(self, setting: Setting):
        super().__init__()
        options = self.configure(setting)
        self.taps = tap_names(type(self), setting, options["taps"])
        self.temperature = positive(type(self), options, "temperature")
        self.exponent = positive(type(self), options, "exponent")
        if self.exponent < 1:  # the gradient at zero would be infinite
            raise refusal(type(self), "exponent", self.exponent, "1 or more")

    def terms(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """The terms `prediction`, `importance` and `region`."""
        pairs = [(student.maps[tap], teacher.maps[tap]) for tap in self.taps]
        classes = max(CLASSES, student.logits.shape[1])
        return {
            "prediction": softened_divergence(student.logits, teacher.logits, self.temperature),
            "importance": torch.stack([importance_distance(*pair, self.exponent) for pair in pairs]).sum(),
            "region": torch.stack([region_distance(*pair, targets, classes) for pair in pairs]).sum(),
        }
