"""The networks of a method's run: one frozen teacher, one student, and the method's loss module in place of edges."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from kdml.common.errors import UserError
from kdml.learning.cohort import Cohort, Losses
from kdml.learning.feature_maps import Taps
from kdml.learning.losses import predictions_divergence
from kdml.learning.methods import loading
from kdml.learning.methods.base import Layers, Method, Setting, Stage
from kdml.learning.methods.contract import check_built, check_number, check_stages, check_terms
from kdml.learning.networks import Network, Output
from kdml.runs import own_method
from kdml.runs.graph import STUDENTS, TEACHER
from kdml.runs.settings import RunSettings

STUDENT = STUDENTS[0]
POOLED = "f4"  # the map of a classifier that is pooled


class MethodCohort(Cohort):
    """Teacher, student and a published method.

    The method's adaptors are submodules, hence trained with the student and checkpointed, but no part of the student's weights.

    Args:
        settings: of the run; `settings.method` names the method.
        networks: `teacher` and `s1`.
        size: of the images, in pixels of a side.
        class_weights: weights of the cross-entropy, if the task balances by them.

    Raises:
        UserError: the method does not exist, is not the one that the settings were made for, cannot take its options, breaks
            the contract of methods, or does not fit the networks.
    """

    def __init__(
        self,
        settings: RunSettings,
        networks: Mapping[str, Network],
        size: int,
        class_weights: Tensor | None = None,
    ):
        super().__init__(settings, networks, class_weights)
        teacher, student = self.networks[TEACHER], self.networks[STUDENT]
        setting = Setting(
            student=_shapes(student, size),
            teacher=_shapes(teacher, size),
            batch_size=settings.training.batch_size,
            classifier=getattr(teacher.body, "head", None),
            options=settings.method.options,
            outputs=settings.outputs,
        )
        self._settings = settings
        usual = Stage(settings.method.supervised, settings.method.kd, kd_temperature=settings.method.kd_temperature)
        _refuse_another_file(settings)
        with _naming_errors(settings, "cannot be built"):
            self.method = _built(settings, setting)
            self.method.adopt(student.body)
            self._stages = self.method.stages(usual)
            check_stages(self.method, self._stages)
        pooled = {POOLED} & student.stages.keys()
        self._taps = {
            name: Taps(self.networks[name].stages, {*self.method.taps, *pooled}) for name in (TEACHER, STUDENT)
        }
        self.whole_batches = self.method.whole_batches
        self._stage = 0
        self._share = 0.0
        self._last: tuple[Layers, Layers] | None = None

    @property
    def storable(self) -> list[str]:
        """None: methods look into the networks while these run."""
        return []

    # What the engine asks of a training in stages

    @property
    def stage(self) -> Stage:
        """The stage under way."""
        return self._stages[self._stage]

    @property
    def stages_left(self) -> int:
        """Stages of the training, the one under way among them."""
        return len(self._stages) - self._stage

    def next_stage(self) -> bool:
        """Go on to the next stage; False after the last."""
        if self.stages_left == 1:
            return False
        self._stage += 1
        return True

    def begin_epoch(self, share: float) -> None:
        """Note how much of the stage's epochs is done, from 0 to 1."""
        self._share = share

    @property
    def scored(self) -> bool:
        """Whether the student's outputs are of use yet."""
        return self.stage.scored

    @property
    def clip(self) -> float | None:
        """Largest norm of the student's gradient."""
        return self.method.clip

    @property
    def adversary(self) -> nn.Module | None:
        """The network that is trained against the student, if the method has one."""
        return self.method.adversary

    @property
    def adversary_adam(self) -> Mapping[str, Any]:
        """Options of the Adam that trains the adversary."""
        return self.method.adversary_adam

    def adversary_loss(self, seed: int) -> Tensor:
        """The adversary's loss on the maps of the student's last step.

        Args:
            seed: of all that it draws.
        """
        (student, teacher), self._last = self._last, None
        with _naming_errors(self._settings, "cannot compute the adversary's loss"):
            loss = self.method.adversary_step(student, teacher, seed)
            check_number(loss, f"{type(self.method).__name__}.adversary_step")
        return loss

    def get_extra_state(self) -> Tensor:
        """The stage, as a part of the state that is no buffer: reading one from a GPU would make every step wait."""
        return torch.tensor(self._stage)

    def set_extra_state(self, state: Tensor) -> None:
        """Go to the saved stage."""
        self._stage = int(state)

    # Losses

    def losses(self, outputs: Mapping[str, Output], targets: Tensor) -> Losses:
        """The student's loss: supervised, plain distillation and the method's terms, each with its weight in this stage."""
        teacher, student = (self._layers(name, outputs[name]) for name in (TEACHER, STUDENT))
        teacher = teacher.detached()
        stage, terms = self.stage, {}
        weights = {"supervised": stage.supervised, "kd": stage.kd_at(self._share)}
        if stage.scored:
            terms["supervised"] = self.supervised_loss(student.logits, targets)
        if stage.kd:
            terms["kd"] = predictions_divergence(
                student.logits, teacher.logits, stage.kd_temperature, direction="source_first", scale_by_t2=True
            )
        if stage.terms:
            terms |= self._terms(student, teacher, targets)
            weights |= self.method.weights
        total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        self._last = None if self.adversary is None else (student.detached(), teacher)
        detached = {f"{STUDENT}.{name}": term.detach() for name, term in terms.items()}
        return Losses(total, detached | {f"{STUDENT}.total": total.detach()})

    def _terms(self, student: Layers, teacher: Layers, targets: Tensor) -> Mapping[str, Tensor]:
        """The method's own terms."""
        with _naming_errors(self._settings, "cannot compute its terms"):
            terms = self.method(student, teacher, targets)
            check_terms(self.method, terms)
        return terms

    def _layers(self, name: str, output: Output) -> Layers:
        """What a network gave in its last forward, in float32."""
        maps = {tap: map_.float() for tap, map_ in self._taps[name].take().items()}
        pooled = maps[POOLED].mean(dim=(2, 3)) if POOLED in maps else None
        return Layers({tap: maps[tap] for tap in self.method.taps}, output.logits.float(), pooled)

    def trained_parameters(self, learner: str) -> list[nn.Parameter]:
        """Parameters of the student and of the method's adaptors."""
        everything = [*self.networks[learner].parameters(), *self.method.parameters()]
        return [parameter for parameter in everything if parameter.requires_grad]

    def describe(self) -> dict[str, Any]:
        """What run.json says of the method: weights, stages, departures from the publication, what it adds while training."""
        adversary = () if self.adversary is None else self.adversary.parameters()
        return {
            "weights": dict(self.method.weights),
            "stages": len(self._stages),
            "schedule": [asdict(stage) for stage in self._stages],
            "departures": [*self.method.departures, *self._departure_of_kd()],
            "adaptor_parameters": _trained(self.method.parameters()),
            "adversary_parameters": _trained(adversary),
        }

    def _departure_of_kd(self) -> Iterator[str]:
        published, ours = self.method.published_kd, self._settings.method.kd
        if published is not None and ours != published:
            yield f"weight of plain distillation {ours:g}, not {published:g}"


def _trained(parameters: Iterable[nn.Parameter]) -> int:
    """How many numbers are trained; what a method keeps of the frozen teacher is not."""
    return sum(parameter.numel() for parameter in parameters if parameter.requires_grad)


@contextmanager
def _naming_errors(settings: RunSettings, failing: str) -> Iterator[None]:
    """Run a method's code so that what it raises names the entry of the configuration."""
    try:
        with loading.naming_errors(settings.method.name, failing):
            yield
    except UserError as error:
        raise UserError(f"methods.{settings.run}: {error.problem}", error.remedy) from error.__cause__


def _built(settings: RunSettings, setting: Setting) -> Method:
    """The method's module; what starts at random depends on the run's seed alone."""
    loaded = loading.load(settings.method.name, settings.kind)
    if not issubclass(loaded, Method):
        raise UserError(
            f"`method: {settings.method.name}`: {loaded.__name__} is not derived from kdml.learning.methods.base.Method.",
            own_method.OWN,
        )
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(settings.seed)
        method = loaded(setting)
    check_built(method, setting)
    return method


def _refuse_another_file(settings: RunSettings) -> None:
    """Refuse a user's file that has changed since the settings were made: it is another method."""
    name, made_for = settings.method.name, settings.method.sha256
    if made_for is not None and own_method.fingerprint(name) != made_for:
        raise UserError(
            f"methods.{settings.run}: `method: {name}`: {own_method.source_of(name)} is not the file that these settings are of.",
            "make the settings anew with src/settings.py, let the workflow train the run, or bring the file back",
        )


@torch.no_grad()
def _shapes(network: Network, size: int) -> dict[str, tuple[int, int, int]]:
    """(channels, height, width) of all maps of a network, found by a forward of one empty image."""
    taps, training = Taps(network.stages), network.training
    network.eval()(torch.zeros(1, 3, size, size, dtype=torch.uint8))
    network.train(training)
    shapes = {name: tuple(map_.shape[1:]) for name, map_ in taps.take().items()}
    taps.remove()
    return shapes
