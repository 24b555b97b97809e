"""Refusals of what a configuration asks for in vain: methods that run nowhere or with unknown options, nothing to train at all."""

from collections.abc import Sequence
from itertools import product

from kdml.common.errors import UserError
from kdml.experiment.backbones import known, lacking, name_of
from kdml.experiment.config import Experiment
from kdml.experiment.method_options import OF_TAPS, option_names, taps_read
from kdml.experiment.sections import MethodChoice
from kdml.runs.methods import METHODS
from kdml.runs.own_method import is_own

Places = Sequence[tuple[str, str]]
"""Task and pair of each."""


def check_methods(experiment: Experiment) -> None:
    """Refuse methods that are asked for in vain.

    A published one may stay out of a run: `config.yaml` lists those of both kinds of task, and other files narrow what is run.

    Args:
        experiment: the validated configuration.

    Raises:
        UserError: a method of the user's own runs nowhere, or none of them at the places that are run; one has unknown options,
            the temperature of no distillation, or reads a map that a network does not have.
    """
    choice = experiment.run
    if not choice.methods:
        return
    places = _method_places(experiment)
    lost = [name for name in choice.methods if not any(experiment.suits(name, task) for task, _ in places)]
    own = [name for name in lost if name in experiment.methods and _is_for_nothing_else(experiment, name)]
    if own or (places and len(lost) == len(choice.methods)):
        raise _runs_nowhere(experiment, (own or lost)[0], places)
    for name, (task, pair) in product(choice.methods, places):
        if experiment.suits(name, task):
            _check_options(experiment, name, experiment.tasks[task].kind)
            _check_temperature(experiment, name)
            _check_taps(experiment, name, task, pair)


def _method_places(experiment: Experiment) -> Places:
    """Places of `run.methods_at` that are run."""
    choice = experiment.run
    named = [tuple(place.split("/")) for place in choice.methods_at]
    possible = [(task, pair) for task, pair in named if experiment.is_run_on(pair, task)]
    if not possible:
        raise UserError(
            f"run.methods_at: {', '.join(choice.methods_at)}: no pair is for its task (`pairs: tasks`).",
            "name places where the pair is run on the task",
        )
    return [(task, pair) for task, pair in possible if task in choice.tasks and pair in choice.pairs]


def _is_for_nothing_else(experiment: Experiment, entry: str) -> bool:
    """Whether an entry of `methods` has no use but here: its name is the user's own, or it suits no task whatever."""
    return entry not in METHODS or not any(experiment.suits(entry, task) for task in experiment.tasks)


def _runs_nowhere(experiment: Experiment, entry: str, places: Places) -> UserError:
    suits = ", ".join(task for task in experiment.tasks if experiment.suits(entry, task)) or "none of the tasks"
    where = ", ".join(f"{task}/{pair}" for task, pair in places) or "no task/pair that is run"
    return UserError(
        f"run.methods: '{entry}' would run nowhere: it is for {suits}, and run.methods_at names {where}.",
        "name a place for it there, mend its `tasks` or `method` under `methods`, or leave it out of `run: methods`",
    )


def _check_options(experiment: Experiment, entry: str, kind: str) -> None:
    """Refuse options that the method does not have, before its teacher is trained; values are checked when it is built."""
    method, given = experiment.method_of(entry), experiment.methods.get(entry, MethodChoice()).options
    known = option_names(method, kind) if given else None
    for name in given:
        if known is not None and name not in known:
            raise UserError(
                f"methods.{entry}.options: {method} has no option `{name}` for {kind}.",
                f"use its known options: {', '.join(sorted(known))}",
            )


def _check_temperature(experiment: Experiment, entry: str) -> None:
    """Refuse a temperature without what has it; a class of the user's own may distil in stages that it sets itself."""
    method, choice = experiment.method_of(entry), experiment.methods.get(entry, MethodChoice())
    if is_own(method) or "kd_temperature" not in choice.model_fields_set:
        return
    if not (METHODS[method].kd if choice.kd is None else choice.kd):
        raise UserError(
            f"methods.{entry}.kd_temperature: there is no plain distillation beside {method}: its weight `kd` is 0.",
            "give `kd`, or leave the temperature out",
        )


def _check_taps(experiment: Experiment, entry: str, task: str, pair: str) -> None:
    """Refuse a method that reads maps which a network of the pair does not have."""
    kind, given = experiment.tasks[task].kind, experiment.methods.get(entry, MethodChoice()).options
    taps = taps_read(experiment.method_of(entry), kind, given)
    for name in (experiment.pairs[pair].teacher, experiment.pairs[pair].student):
        network = experiment.networks[name]
        if missing := lacking(network.timm, network.options, kind, taps):
            has = ", ".join(known()[name_of(network.timm)].taps(kind))
            raise UserError(
                f"run.methods: '{entry}' reads the tap {', '.join(missing)}, which networks.{name} ({network.timm}) does not have"
                f" for {task}/{pair}; it has {has}.",
                f"{_other_taps(experiment, entry, kind)}leave the method out, name other places in `run: methods_at`, or choose"
                " another backbone",
            )


def _other_taps(experiment: Experiment, entry: str, kind: str) -> str:
    """What to do of a method that can read other taps, in words that go on; nothing of one that cannot."""
    names = option_names(experiment.method_of(entry), kind) or ()
    option = next((option for option in OF_TAPS if option in names), None)
    return f"name others with `methods: {entry}: options: {option}`, " if option else ""


def nothing_to_train(experiment: Experiment) -> UserError:
    """The error for a configuration without any run.

    Args:
        experiment: the validated configuration.
    """
    choice = experiment.run
    if not any(experiment.is_run_on(pair, task) for pair, task in product(choice.pairs, choice.tasks)):
        only = "; ".join(f"{pair}: {', '.join(experiment.pairs[pair].tasks or ())}" for pair in choice.pairs)
        return UserError(
            f"run: nothing to train: no pair of run.pairs is for a task of run.tasks ({only}).",
            "choose other `tasks` or `pairs` under `run`, or mend `pairs: tasks`",
        )
    return UserError(
        "run: nothing to train: no variant, no baseline, and no method at a place that is run.",
        "name `techniques` and `strategies`, `own_variants`, or `methods` with `methods_at`; or set `baselines: true`",
    )
