"""SP: images that are alike for the teacher shall be alike for the student (similarity preserving)."""

from jaxtyping import Float
from torch import Tensor

from kdml.learning.methods.base import Layers, Method, Setting, gram, tap_shapes, unit_rows

PUBLISHED_WEIGHT = 3000.0
PUBLISHED_BATCH = 64


def similarity_loss(student: Float[Tensor, "b c h w"], teacher: Float[Tensor, "b c2 h2 w2"]) -> Float[Tensor, ""]:
    """Squared Frobenius distance of the two row-normalised similarity matrices (b, b), divided by b^2.

    Rows are unit vectors, so the value is at most 4/b: it depends on the batch size.

    Args:
        student: map of the student.
        teacher: map of the teacher, of any channels and size; detach it before.

    Reference: Tung, Mori. Similarity-Preserving Knowledge Distillation. ICCV 2019.
    """
    return (unit_rows(gram(teacher)) - unit_rows(gram(student))).square().mean()


class SP(Method):
    """Similarity preserving at the last stage; no adaptor.

    Args:
        setting: option `weighting` is `batch_scaled`, which gives the published weight, tuned at 64 images, the same
            pull at this batch size, or `published`; `weight_similarity` replaces either.
    """

    key = "sp"
    title = "SP"
    place_in_table_10 = 3
    kind = "classification"
    taps = ("f4",)
    weights = {"similarity": PUBLISHED_WEIGHT * 8 / PUBLISHED_BATCH}  # at the paper's batch of 8
    defaults = {"weighting": "batch_scaled"}
    choices = {"weighting": ("batch_scaled", "published")}

    def __init__(self, setting: Setting):
        super().__init__()
        options = self.configure(setting)
        tap_shapes(type(self), setting, "f4")
        if "weight_similarity" not in setting.options:
            scales = {"batch_scaled": setting.batch_size / PUBLISHED_BATCH, "published": 1.0}
            self.weights = {"similarity": PUBLISHED_WEIGHT * scales[options["weighting"]]}
        if (weight := self.weights["similarity"]) != PUBLISHED_WEIGHT:
            self.departures = (f"weight {weight:g} at batch {setting.batch_size}, not 3000 at 64",)

    def forward(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """The term `similarity`."""
        return {"similarity": similarity_loss(student.maps["f4"], teacher.detached().maps["f4"])}
