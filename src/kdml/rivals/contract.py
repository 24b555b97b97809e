"""What a method has to keep to, so that a mistake in a user's own is named before it costs a training, or spoils one unseen."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from kdml.errors import UserError
from kdml.rivals.base import Rival, Setting, Stage, is_weight, tap_shapes

RESERVED = ("supervised", "kd", "total", "adversary")  # names of losses that are not the method's


def check_built(rival: Rival, setting: Setting) -> None:
    """Check a method when it has been built.

    Raises:
        UserError: it is not what the cohort and the engine rely on.
    """
    name = type(rival).__name__
    if "_parameters" not in vars(rival):
        raise UserError(f"{name}.__init__ does not call super().__init__()", "call it before anything else")
    if not rival.configured:
        problem = f"{name}.__init__ does not call self.configure(setting), so that its options would have no effect"
        raise UserError(problem, "call it after super().__init__(), or leave __init__ out")
    _check_taps(rival, setting)
    _check_weights(rival)
    _check_adversary(rival)


def _check_taps(rival: Rival, setting: Setting) -> None:
    if isinstance(rival.taps, str) or not isinstance(rival.taps, Sequence):
        raise UserError(
            f"{type(rival).__name__}: `taps` is {rival.taps!r}, not a tuple of names",
            'write it as ("f3", "f4"), or ("f4",)',
        )
    for tap in rival.taps:
        tap_shapes(type(rival), setting, tap)


def _check_weights(rival: Rival) -> None:
    name = type(rival).__name__
    if not isinstance(rival.weights, Mapping):
        raise UserError(f"{name}: `weights` is {rival.weights!r}", "write it as {term: weight}")
    for term, weight in rival.weights.items():
        if term in RESERVED:
            raise UserError(
                f"{name}: a term cannot be called `{term}`, the name of another loss of the student",
                "choose another name",
            )
        if not is_weight(weight):
            raise UserError(f"{name}: the weight of `{term}` is {weight!r}", "make it a finite number of 0 or more")


def _check_adversary(rival: Rival) -> None:
    if rival.adversary is None:
        return
    name = type(rival).__name__
    if type(rival).adversary_step is Rival.adversary_step:
        raise UserError(f"{name} has an `adversary`, but no `adversary_step`", "let it give the adversary's loss")
    mine = {id(parameter) for parameter in rival.parameters()}
    if any(id(parameter) in mine for parameter in rival.adversary.parameters()):
        problem = f"{name}: its adversary is a submodule, so that the student's optimiser would train it as well"
        raise UserError(problem, "keep it past nn.Module's own attributes, as kdml/rivals/skd.py does")


def check_stages(rival: Rival, stages: Any) -> None:
    """Check what a method says of its stages.

    Raises:
        UserError: they are not one or more `Stage`.
    """
    if not isinstance(stages, Sequence) or not stages or not all(isinstance(stage, Stage) for stage in stages):
        raise UserError(f"{type(rival).__name__}.stages gives {stages!r}", "let it give a tuple of one or more Stage")


def check_terms(rival: Rival, terms: Any) -> None:
    """Check what a method gives for a batch: a number for every term that has a weight.

    No value is looked at, so a GPU need not wait.

    Raises:
        UserError: a term is missing, not known, or not a single number.
    """
    name = type(rival).__name__
    if not isinstance(terms, Mapping):
        raise UserError(f"{name}.forward gives a {type(terms).__name__}", "let it give its terms as {name: value}")
    for term in terms:
        if term not in rival.weights:
            raise UserError(f"{name}.forward gives the term `{term}`, which has no weight", "add it to `weights`")
    for term, weight in rival.weights.items():
        if weight and term not in terms:
            raise UserError(
                f"{name}.forward does not give the term `{term}`, which has the weight {weight:g}",
                "compute it, or take it out of `weights`",
            )
    for term, value in terms.items():
        check_number(value, f"{name}.forward: the term `{term}`")


def check_number(value: Any, what: str) -> None:
    """Check that a loss is a single number.

    Raises:
        UserError: it is not.
    """
    if not isinstance(value, Tensor) or value.ndim:
        found = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise UserError(f"{what} is {found}, not a tensor of a single number", "take the mean over the images")
