"""The part of an experiment whose trainings are all finished, as a configuration that can be analysed and published."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, product
from typing import Any

from kdml.experiment.places import Places
from kdml.experiment.plan import Plan, Run

Split = tuple[str, str]
"""A task and a protocol of its splits."""
Cell = tuple[Split, str, int]
"""A task under a protocol, a pair and a seed."""
Block = tuple[Sequence[Split], Sequence[str], Sequence[int]]
"""Tasks under protocols, pairs and seeds."""


def finished_part(plan: Plan, finished: Iterable[Run]) -> dict[str, Any] | None:
    """Find the largest part of an experiment that is finished: all variants, teachers and baselines of tasks x pairs x seeds, and
    those methods that are finished there; of networks alone, where nothing else is planned. A task need not have all of the
    pairs, nor all of its protocols.

    Args:
        plan: of the whole experiment.
        finished: trainings that are.

    Returns:
        What to lay over its configuration; None where no task is finished with any pair and seed.
    """
    asked, done = plan.experiment.run, set(finished)
    methods = set(asked.methods)
    planned = _cells(plan)
    whole = {cell for cell, runs in planned.items() if _without(runs, methods) <= done}
    if not whole:
        return None
    blocks = [(block, _runs_of(block, planned)) for block in _blocks(planned, whole)]
    block, runs = max(blocks, key=lambda one: len(_without(one[1], methods)))
    there = {run.run for run in runs} & methods - {run.run for run in runs - done}
    splits, pairs, seeds = block
    lists = {"tasks": {task for task, _ in splits}, "pairs": pairs, "seeds": seeds, "methods": there}
    chosen = {name: [one for one in getattr(asked, name) if one in kept] for name, kept in lists.items()}
    fewer = dict(_fewer_protocols(plan, chosen["tasks"], splits))
    return {"run": chosen} | ({"tasks": fewer} if fewer else {})


def _fewer_protocols(plan: Plan, tasks: Iterable[str], splits: Sequence[Split]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(task, what to lay over its section) of tasks that lack protocols that they are planned with."""
    for task in tasks:
        planned = plan.experiment.protocols_of(task)
        if (kept := [protocol for protocol in planned if (task, protocol) in splits]) != planned:
            yield task, {"protocols": kept}


def _cells(plan: Plan) -> dict[Cell, set[Run]]:
    """Trainings at every place, with every seed; a baseline is of a network, and so of all pairs that have it."""
    places, cells = Places(plan), {}
    for place, seed in product(places.all, plan.experiment.run.seeds):
        here = (*places.variants_at(place), *places.methods_at(place), *places.own_teachers_at(place))
        alone = (run for _, run in places.alone_at(place))
        if runs := {run for run in (*here, *alone) if run.seed == seed}:
            cells[(place.task, place.protocol), place.pair, seed] = runs
    return cells


def _without(runs: set[Run], methods: set[str]) -> set[Run]:
    return {run for run in runs if run.run not in methods}


def _blocks(planned: Iterable[Cell], whole: set[Cell]) -> Iterator[Block]:
    """Blocks of which everything that is planned is finished: for some pairs and seeds all tasks and protocols that are."""
    splits, pairs, _ = (tuple(dict.fromkeys(names)) for names in zip(*planned, strict=True))
    for some in _subsets(pairs):
        seeds = {split: _finished_seeds(split, some, planned, whole) for split in splits}
        shared: set[frozenset[int]] = set()
        for mine in filter(None, seeds.values()):  # every set of seeds that some tasks have in common
            shared |= {mine, *(mine & others for others in shared)}
        for common in filter(None, shared):
            yield [split for split in splits if common <= seeds[split]], some, sorted(common)


def _finished_seeds(split: Split, pairs: Sequence[str], planned: Iterable[Cell], whole: set[Cell]) -> frozenset[int]:
    """Seeds in which a task is finished under a protocol with all of the pairs that it is planned with."""
    mine = [cell for cell in planned if cell[0] == split and cell[1] in pairs]
    return frozenset(seed for _, _, seed in mine) - {cell[2] for cell in mine if cell not in whole}


def _subsets(names: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    return chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1))


def _runs_of(block: Block, planned: Mapping[Cell, set[Run]]) -> set[Run]:
    return set().union(*(planned.get(cell, set()) for cell in product(*block)))
