"""IFVD: how much the features of each pixel resemble those of its class, as the teacher has it."""

from jaxtyping import Float, Int
from torch import Tensor

from kdml.learning.methods.base import Layers, Setting, pool_to_smaller
from kdml.learning.methods.dense import CLASSES, SegmentationMethod, class_masks, class_means, labels_at, tap_name, unit


def class_similarity(maps: Float[Tensor, "b c h w"], masks: Float[Tensor, "b K n"]) -> Float[Tensor, "b n"]:
    """Cosine between each position's vector and the mean vector of its class in its own image; 0 where it has no class.

    Args:
        maps: of one network.
        masks: of the classes, at the maps' size.
    """
    prototypes = unit(class_means(maps, masks), dim=2)
    cosines = prototypes @ unit(maps.flatten(2), dim=1)
    return (cosines * masks).sum(dim=1)


def class_variation(
    student: Float[Tensor, "b c h w"],
    teacher: Float[Tensor, "b d h w"],
    labels: Int[Tensor, "b h w"],
    classes: int = CLASSES,
) -> Float[Tensor, ""]:
    """Squared difference of the two networks' similarities of pixels to their class, mean over labelled pixels.

    Gradients go through the pixels' vectors and the class means alike. Each image is seen by itself.

    Args:
        student: maps; channels may differ.
        teacher: maps; detach them before.
        labels: class of every position; those of `classes` and above are ignored, as they would only compare with
            themselves.
        classes: number of them.

    Reference: Wang, Zhou, Jiang, Bai, Xu. Intra-class Feature Variation Distillation for Semantic Segmentation.
        ECCV 2020.
    """
    masks = class_masks(labels, classes, student.dtype)
    difference = class_similarity(student, masks) - class_similarity(teacher, masks)
    return difference.square().sum() / masks.sum().clamp_min(1)


class IFVD(SegmentationMethod):
    """Intra-class feature variation distillation at one map.

    The publication adds a pixel-wise and an adversarial term, those of SKD; this is its own term alone.

    Args:
        setting: option `tap` names the map.
    """

    key = "ifvd"
    title = "IFVD"
    place_in_table_10 = 9
    kind = "segmentation"
    taps = ("d2",)
    weights = {"variation": 200.0}
    defaults = {"tap": "d2"}
    departures = ("no adversarial term",)
    published_kd = 1.0

    def __init__(self, setting: Setting):
        super().__init__()
        self.taps = tap_name(type(self), setting, self.configure(setting)["tap"])[:1]
        if self.taps != ("d4",):
            self.departures = (
                *self.departures,
                f"similarities at {self.taps[0]}, not at the map before the last layer",
            )

    def terms(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """The term `variation`."""
        maps = pool_to_smaller(student.maps[self.taps[0]], teacher.maps[self.taps[0]])
        labels = labels_at(targets, maps[0].shape[2:])
        return {"variation": class_variation(*maps, labels, max(CLASSES, student.logits.shape[1]))}
