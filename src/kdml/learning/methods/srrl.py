"""SRRL: the student's features shall work in the teacher's classifier (softmax regression representation learning)."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from kdml.common.errors import UserError
from kdml.learning.methods.base import Layers, Method, Setting, frozen_classifier, tap_shapes


def representation_losses(
    adapted: Float[Tensor, "b c"],
    pooled: Float[Tensor, "b c"],
    logits: Float[Tensor, "b K"],
    classifier: nn.Module,
) -> dict[str, Float[Tensor, ""]]:
    """Mean squared errors between pooled features and between the logits that the teacher's classifier makes of them.

    Args:
        adapted: the student's pooled vector in the teacher's space.
        pooled: the teacher's pooled vector; detach it before.
        logits: of the teacher; detach them before.
        classifier: the teacher's, its parameters frozen; the student's gradient passes through it.

    Reference: Yang, Martinez, Bulat, Tzimiropoulos. Knowledge Distillation via Softmax Regression Representation
        Learning. ICLR 2021.
    """
    return {"features": F.mse_loss(adapted, pooled), "regression": F.mse_loss(classifier(adapted), logits)}


class SRRL(Method):
    """Softmax regression representation learning at the last stage.

    The teacher's f4 has to be the map that it pools and classifies. The student is tested with its own classifier.

    Args:
        setting: option `pooling` is `after` the connector, as the authors have it, or `before` it; the connector's BatchNorm
            then sees one vector per image, and no batch may hold a single one.
    """

    key = "srrl"
    title = "SRRL"
    place_in_table_10 = 4
    kind = "classification"
    taps = ("f4",)
    weights = {"features": 1.0, "regression": 1.0}
    defaults = {"pooling": "after"}
    choices = {"pooling": ("after", "before")}

    def __init__(self, setting: Setting):
        super().__init__()
        self.pooling = self.configure(setting)["pooling"]
        if self.pooling == "before":
            self._take_no_single_image(setting.batch_size)
        student, teacher = tap_shapes(type(self), setting, "f4")
        self.connector = _connector(student[0], teacher[0])
        # In a tuple, hence not registered: it is the teacher's, which checkpoints it and keeps it in eval mode.
        self._classifier = (frozen_classifier(type(self), setting),)

    def _take_no_single_image(self, batch_size: int) -> None:
        if batch_size < 2:
            raise UserError(
                f"SRRL cannot normalise batches of {batch_size} with `pooling: before`",
                "use `pooling: after`, or at least 2 images",
            )
        self.whole_batches = True
        self.departures = ("pooled before the connector, not after",)

    def forward(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """The terms `features` and `regression`."""
        teacher = teacher.detached()
        return representation_losses(self.adapt(student), teacher.pooled, teacher.logits, self._classifier[0])

    def adapt(self, student: Layers) -> Float[Tensor, "b c"]:
        """The student's pooled vector in the teacher's space."""
        map_ = student.maps["f4"]
        if self.pooling == "before":
            map_ = map_.mean(dim=(2, 3), keepdim=True)
        return self.connector(map_).mean(dim=(2, 3))


def _connector(student: int, teacher: int) -> nn.Sequential:
    convolution = nn.Conv2d(student, teacher, kernel_size=1, bias=False)
    nn.init.kaiming_normal_(
        convolution.weight, mode="fan_out", nonlinearity="relu"
    )  # variance 2 / (kernel area * channels)
    return nn.Sequential(convolution, nn.BatchNorm2d(teacher), nn.ReLU())
