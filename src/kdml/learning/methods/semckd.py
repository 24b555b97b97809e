"""SemCKD: every student stage learns from every teacher stage, as attention weighs them (semantic calibration)."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from kdml.common.errors import UserError
from kdml.learning.methods.base import (
    Layers,
    Method,
    Setting,
    gram,
    is_positive_integer,
    pool_to_smaller,
    refusal,
    tap_shapes,
    unit_rows,
)

EMBEDDING_DIVISOR = 4


def stage_attention(
    queries: Float[Tensor, "b i d"], keys: Float[Tensor, "b j d"], temperature: float = 1.0
) -> Float[Tensor, "b i j"]:
    """Weights of the teacher's stages j for the student's stages i, per image; they sum to 1 over j."""
    return (torch.einsum("bid,bjd->bij", queries, keys) / temperature).softmax(dim=2)


def calibrated_loss(weights: Float[Tensor, "b i j"], distances: Float[Tensor, "b i j"]) -> Float[Tensor, ""]:
    """Distances summed over the teacher's stages by their weights, mean over images and the student's stages.

    Args:
        weights: of stage pairs, by `stage_attention`.
        distances: mean squared error of each pair of maps, per image.

    Reference: Chen, Mei, Zhang, Wang, Wang, Feng, Chen. Cross-Layer Distillation with Semantic Calibration. AAAI 2021.
    """
    return (weights * distances).sum(dim=2).mean()


class SemCKD(Method):
    """Cross-layer distillation over all pairs of stages.

    The descriptor of an image is its row of the batch's similarity matrix, so the embeddings' width is the batch size:
    every batch needs exactly that many images. Two defaults deviate from the publication, because for ResNet50 to
    ResNet18 its projections hold 854 million parameters and because unnormalised similarities of early stages dwarf
    those of late ones.

    Args:
        setting: option `middle` caps the inner width of the projections, `full` for the published twice the teacher's
            channels; `normalise_similarities` divides each descriptor by its norm, false for the published form;
            `attention_temperature` divides the attention's scores.
    """

    key = "semckd"
    title = "SemCKD"
    place_in_table_10 = 7
    kind = "classification"
    kd = 1.0
    taps = ("f1", "f2", "f3", "f4")
    weights = {"calibration": 400.0}
    defaults = {"middle": 256, "normalise_similarities": True, "attention_temperature": 1.0}
    choices = {"normalise_similarities": (True, False)}
    whole_batches = True
    published_kd = 1.0

    def __init__(self, setting: Setting):
        super().__init__()
        options = self.configure(setting)
        self._check(options, setting.batch_size)
        self.batch_size = setting.batch_size
        self.normalise_similarities = options["normalise_similarities"]
        self.temperature = options["attention_temperature"]
        self.departures = tuple(_departures(options))
        shapes = {tap: tap_shapes(type(self), setting, tap) for tap in self.taps}
        self.queries = nn.ModuleDict({tap: _embedding(self.batch_size) for tap in self.taps})
        self.keys = nn.ModuleDict({tap: _embedding(self.batch_size) for tap in self.taps})
        self.projections = nn.ModuleDict(
            {
                _pair(mine, theirs): _projection(shapes[mine][0][0], shapes[theirs][1][0], options["middle"])
                for mine in self.taps
                for theirs in self.taps
            }
        )

    def _check(self, options: dict, batch_size: int) -> None:
        middle, temperature = options["middle"], options["attention_temperature"]
        if middle != "full" and not is_positive_integer(middle):
            raise refusal(type(self), "middle", middle, "a positive integer, or `full`")
        if isinstance(temperature, bool) or not isinstance(temperature, int | float) or not temperature > 0:
            raise refusal(type(self), "attention_temperature", temperature, "a number above 0")
        if batch_size < EMBEDDING_DIVISOR:
            raise UserError(f"SemCKD cannot embed batches of {batch_size}", f"use at least {EMBEDDING_DIVISOR} images")

    def forward(self, student: Layers, teacher: Layers, targets: Tensor) -> dict[str, Tensor]:
        """The term `calibration`.

        Raises:
            UserError: the batch has another size than the one this was built for.
        """
        if len(student.logits) != self.batch_size:
            problem = f"SemCKD was built for batches of {self.batch_size} and got one of {len(student.logits)}"
            raise UserError(problem, "keep the batch size of the run")
        maps = teacher.detached().maps
        weights = stage_attention(
            self._embed(self.queries, student.maps), self._embed(self.keys, maps), self.temperature
        )
        return {"calibration": calibrated_loss(weights, self._distances(student.maps, maps))}

    def _embed(self, embeddings: nn.ModuleDict, maps: dict[str, Tensor]) -> Float[Tensor, "b i d"]:
        return torch.stack([unit_rows(embeddings[tap](self._descriptors(maps[tap]))) for tap in self.taps], dim=1)

    def _descriptors(self, map_: Tensor) -> Float[Tensor, "b b"]:
        similarities = gram(map_)
        return unit_rows(similarities) if self.normalise_similarities else similarities

    def _distances(self, student: dict[str, Tensor], teacher: dict[str, Tensor]) -> Float[Tensor, "b i j"]:
        rows = [[self._distance(student, teacher, mine, theirs) for theirs in self.taps] for mine in self.taps]
        return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)

    def _distance(self, student: dict[str, Tensor], teacher: dict[str, Tensor], mine: str, theirs: str) -> Tensor:
        learner, source = pool_to_smaller(student[mine], teacher[theirs])
        return (self.projections[_pair(mine, theirs)](learner) - source).square().mean(dim=(1, 2, 3))


def _departures(options: dict) -> Iterator[str]:
    if options["middle"] != "full":
        yield f"projections at most {options['middle']} wide inside, not twice the teacher's channels"
    if options["normalise_similarities"]:
        yield "similarities within a batch normalised"


def _pair(mine: str, theirs: str) -> str:
    return f"{mine}_from_{theirs}"


def _embedding(batch_size: int) -> nn.Sequential:
    width = batch_size // EMBEDDING_DIVISOR
    return nn.Sequential(nn.Linear(batch_size, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))


def _projection(student: int, teacher: int, middle: int | str) -> nn.Sequential:
    """1x1, 3x3 and 1x1 convolution without bias, BatchNorm and ReLU after the first two."""
    inner = 2 * teacher if middle == "full" else min(2 * teacher, middle)
    return nn.Sequential(
        nn.Conv2d(student, inner, kernel_size=1, bias=False),
        nn.BatchNorm2d(inner),
        nn.ReLU(),
        nn.Conv2d(inner, inner, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(inner),
        nn.ReLU(),
        nn.Conv2d(inner, teacher, kernel_size=1, bias=False),
    )
