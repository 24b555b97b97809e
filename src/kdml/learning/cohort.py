"""The networks of one run and their losses for one batch: one forward per network, sources always detached."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kdml.learning import losses
from kdml.learning.networks import Network, Output
from kdml.runs.graph import TEACHER, Edge, Knowledge, TeacherMode
from kdml.runs.settings import RunSettings

NOTHING: Mapping[str, tuple[Tensor, ...]] = {}
SupervisedLoss = Callable[[Tensor, Tensor, Tensor | None], Tensor]  # outputs, labels or masks, class weights


@dataclass(frozen=True)
class Losses:
    """Losses of one batch.

    Args:
        total: sum over the learners; one backward over it trains them all, because sources are detached.
        terms: every term before weighting, such as `s1.supervised` or `s1.predictions_from_teacher`, and `s1.total` after it.
    """

    total: Tensor
    terms: dict[str, Tensor]


class Cohort(nn.Module):
    """All networks of a run, wired by its sharing graph.

    Where the feature maps of an edge differ in channels, a 1x1 convolution on the learner's side makes them comparable; it is
    trained with the learner and thrown away afterwards. With the teacher's extra block inside (the default) none exists. Where
    they differ in size, the learner's is brought to the source's grid.

    Args:
        settings: of the run.
        networks: by name, in the graph's order.
        class_weights: weights of the cross-entropy, if the task balances by them.
    """

    def __init__(self, settings: RunSettings, networks: Mapping[str, Network], class_weights: Tensor | None = None):
        super().__init__()
        self.graph = settings.graph
        self.sharing = settings.sharing
        self.networks = nn.ModuleDict({name: networks[name] for name in self.graph.networks})
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.adaptors = nn.ModuleDict(_adaptors(self.graph.edges, self.networks, settings.seed))
        self._supervised = _supervised_loss(settings)
        self._grids: dict[str, tuple[int, ...]] = {}  # of every network's tap, noted in each forward
        if self.graph.teacher is TeacherMode.FROZEN:
            self.networks[TEACHER].requires_grad_(False)

    def train(self, mode: bool = True) -> "Cohort":
        """Set the learners' mode; a frozen teacher stays in eval mode, whatever is asked."""
        super().train(mode)
        if self.graph.teacher is TeacherMode.FROZEN:
            self.networks[TEACHER].eval()
        return self

    def supervised_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The task's loss with its labels or masks: cross-entropy (Eq. 2), or focal + Dice (Eq. 8)."""
        return self._supervised(logits, targets, self.class_weights)

    @property
    def storable(self) -> list[str]:
        """Networks that give something which is the same in every epoch for an image that is: see `kdml.learning.stored`."""
        frozen = [name for name in self.graph.networks if self.networks[name].head_alone]
        return [n for n in frozen if n not in self.graph.supervised or not self.networks[n].body.taps_backbone]

    def forward(self, images: Tensor, stored: Mapping[str, tuple[Tensor, ...]] = NOTHING) -> dict[str, Output]:
        """Outputs of every network for uint8 images (b, 3, h, w): one forward each, a frozen teacher's without gradient.

        Args:
            images: of the batch.
            stored: by network what is stored for them.
        """
        return {name: self.forward_one(name, images, stored) for name in self.graph.networks}

    def forward_one(self, name: str, images: Tensor, stored: Mapping[str, tuple[Tensor, ...]] = NOTHING) -> Output:
        """Outputs of one network; see `forward`."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and name in self.graph.supervised):
            if name not in stored:
                output = self.networks[name](images)
            elif name in self.graph.supervised:
                output = self.networks[name].finish(stored[name])
            else:
                output = Output(*stored[name])
        self._grids[name] = tuple(output.features.shape[2:])
        return output

    def losses(self, outputs: Mapping[str, Output], targets: Tensor) -> Losses:
        """Every learner's loss: supervised term and its edges' terms, each with its weight (Eqs. 6-7, 9-10)."""
        outputs = {name: Output(*(tensor.float() for tensor in output)) for name, output in outputs.items()}
        terms: dict[str, Tensor] = {}
        totals: dict[str, Tensor] = {}
        for learner, weight in self.graph.supervised.items():
            term = self.supervised_loss(outputs[learner].logits, targets)
            terms[f"{learner}.supervised"] = term
            totals[learner] = weight * term
        for edge in self.graph.edges:
            term = self._knowledge(edge, outputs[edge.learner], outputs[edge.source])
            terms[f"{edge.learner}.{edge.knowledge}_from_{edge.source}"] = term
            totals[edge.learner] = totals[edge.learner] + edge.weight * term
        terms |= {f"{learner}.total": total for learner, total in totals.items()}
        return Losses(torch.stack(list(totals.values())).sum(), {name: term.detach() for name, term in terms.items()})

    def _knowledge(self, edge: Edge, learner: Output, source: Output) -> Tensor:
        if edge.knowledge is Knowledge.FEATURES:
            adaptor = self.adaptors[_adaptor_key(edge)] if _adaptor_key(edge) in self.adaptors else nn.Identity()
            mine = losses.resized(adaptor(learner.features), tuple(source.features.shape[2:]))
            return losses.features_distance(mine, source.features.detach())
        return losses.predictions_divergence(
            learner.logits,
            source.logits.detach(),
            self.sharing.temperature,
            self.sharing.kl_direction,
            self.sharing.scale_by_t2,
        )

    # A training in one stage, on which the engine runs; a cohort that differs says so

    stages_left = 1
    scored = True
    clip: float | None = None
    whole_batches = False
    adversary: nn.Module | None = None

    def next_stage(self) -> bool:
        """Go on to the next stage of the training; False after the last."""
        return False

    def begin_epoch(self, share: float) -> None:
        """Take note of the share of the stage's epochs that is done."""

    def describe(self) -> dict[str, Any]:
        """What run.json says of the way of sharing, beyond the settings."""
        added = sum(parameter.numel() for parameter in self.adaptors.parameters())
        return {"adaptor_parameters": added, "departures": list(dict.fromkeys(self._matched()))}

    def _matched(self) -> Iterator[str]:
        """How maps of different shapes were made comparable, as far as there was a forward, in words."""
        for edge in self.graph.edges:
            if edge.knowledge is not Knowledge.FEATURES:
                continue
            ways = []
            if _adaptor_key(edge) in self.adaptors:
                mine, other = (self.networks[name].tap_channels for name in (edge.learner, edge.source))
                ways.append(f"a 1x1 convolution from {mine} to {other} channels")
            mine, other = ("x".join(map(str, self._grids.get(name, ()))) for name in (edge.learner, edge.source))
            if mine != other:
                ways.append(f"resizing from {mine} to {other}")
            if ways:
                yield f"features of {edge.learner} compared with those of {edge.source} by {' and '.join(ways)}"

    def trained_parameters(self, learner: str) -> list[nn.Parameter]:
        """Parameters of a learner and of the adaptors that are trained with it."""
        mine = [adaptor for key, adaptor in self.adaptors.items() if key.startswith(f"{learner}_from_")]
        everything = [parameter for module in (self.networks[learner], *mine) for parameter in module.parameters()]
        return [parameter for parameter in everything if parameter.requires_grad]


def _supervised_loss(settings: RunSettings) -> SupervisedLoss:
    training = settings.training
    if settings.kind == "classification":
        return losses.cross_entropy
    exponent, of_several = training.focal_exponent, settings.outputs > 1
    if training.segmentation_loss == "stock":
        stock = losses.focal_dice_stock_of_classes if of_several else losses.focal_dice_stock
        return lambda logits, mask, _: stock(logits, mask, exponent)
    paper = losses.focal_dice_of_classes if of_several else losses.focal_dice
    return lambda logits, mask, _: paper(logits, mask, exponent, training.focal_reduction)


def _adaptor_key(edge: Edge) -> str:
    return f"{edge.learner}_from_{edge.source}"


def _adaptors(edges: tuple[Edge, ...], networks: nn.ModuleDict, seed: int) -> dict[str, nn.Module]:
    """A 1x1 convolution for every edge of features whose two maps differ in channels."""
    adaptors = {}
    for edge in edges:
        learner, source = networks[edge.learner].tap_channels, networks[edge.source].tap_channels
        if edge.knowledge is Knowledge.FEATURES and learner != source:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                adaptors[_adaptor_key(edge)] = nn.Conv2d(learner, source, kernel_size=1, bias=False)
    return adaptors
