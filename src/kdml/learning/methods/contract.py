"""What a method has to keep to, so that a mistake in a user's own is named before it costs a training, or spoils one unseen."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from kdml.common.errors import UserError
from kdml.learning.methods.base import Method, Setting, Stage, is_weight, tap_shapes

RESERVED = ("supervised", "kd", "total", "adversary")  # names of losses that are not the method's


def check_built(method: Method, setting: Setting) -> None:
    """Check a method when it has been built.

    Raises:
        UserError: it is not what the cohort and the engine rely on.
    """
    name = type(method).__name__
    if "_parameters" not in vars(method):
        raise UserError(f"{name}.__init__ does not call super().__init__()", "call it before anything else")
    if not method.configured:
        problem = f"{name}.__init__ does not call self.configure(setting), so that its options would have no effect"
        raise UserError(problem, "call it after super().__init__(), or leave __init__ out")
    _check_taps(method, setting)
    _check_weights(method)
    _check_adversary(method)


def _check_taps(method: Method, setting: Setting) -> None:
    if isinstance(method.taps, str) or not isinstance(method.taps, Sequence):
        raise UserError(
            f"{type(method).__name__}: `taps` is {method.taps!r}, not a tuple of names",
            'write it as ("f3", "f4"), or ("f4",)',
        )
    for tap in method.taps:
        tap_shapes(type(method), setting, tap)


def _check_weights(method: Method) -> None:
    name = type(method).__name__
    if not isinstance(method.weights, Mapping):
        raise UserError(f"{name}: `weights` is {method.weights!r}", "write it as {term: weight}")
    for term, weight in method.weights.items():
        if term in RESERVED:
            raise UserError(
                f"{name}: a term cannot be called `{term}`, the name of another loss of the student",
                "choose another name",
            )
        if not is_weight(weight):
            raise UserError(f"{name}: the weight of `{term}` is {weight!r}", "make it a finite number of 0 or more")


def _check_adversary(method: Method) -> None:
    if method.adversary is None:
        return
    name = type(method).__name__
    if type(method).adversary_step is Method.adversary_step:
        raise UserError(f"{name} has an `adversary`, but no `adversary_step`", "let it give the adversary's loss")
    mine = {id(parameter) for parameter in method.parameters()}
    if any(id(parameter) in mine for parameter in method.adversary.parameters()):
        problem = f"{name}: its adversary is a submodule, so that the student's optimiser would train it as well"
        raise UserError(problem, "keep it past nn.Module's own attributes, as kdml/learning/methods/skd.py does")


def check_stages(method: Method, stages: Any) -> None:
    """Check what a method says of its stages.

    Raises:
        UserError: they are not one or more `Stage`.
    """
    if not isinstance(stages, Sequence) or not stages or not all(isinstance(stage, Stage) for stage in stages):
        raise UserError(f"{type(method).__name__}.stages gives {stages!r}", "let it give a tuple of one or more Stage")


def check_terms(method: Method, terms: Any) -> None:
    """Check what a method gives for a batch: a number for every term that has a weight.

    No value is looked at, so a GPU need not wait.

    Raises:
        UserError: a term is missing, not known, or not a single number.
    """
    name = type(method).__name__
    if not isinstance(terms, Mapping):
        raise UserError(f"{name}.forward gives a {type(terms).__name__}", "let it give its terms as {name: value}")
    for term in terms:
        if term not in method.weights:
            raise UserError(f"{name}.forward gives the term `{term}`, which has no weight", "add it to `weights`")
    for term, weight in method.weights.items():
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
