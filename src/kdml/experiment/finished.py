"""The part of an experiment whose trainings are all finished, as a configuration that can be analysed and published."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, product
from typing import Any

from kdml.experiment.plan import Plan, Run
from kdml.runs.graph import BASELINE

Cell = tuple[str, str, int]
"""A task, a pair and a seed."""
Block = tuple[Sequence[str], Sequence[str], Sequence[int]]
"""Tasks, pairs and seeds."""


def finished_part(plan: Plan, finished: Iterable[Run]) -> dict[str, Any] | None:
    """Find the largest part of an experiment that is finished: all variants, teachers and baselines of tasks x pairs x seeds, in
    all of its protocols, and those methods that are finished there. A task need not have all of the pairs.

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
    lists = zip(("tasks", "pairs", "seeds", "methods"), (*block, there), strict=True)
    return {"run": {name: [one for one in getattr(asked, name) if one in kept] for name, kept in lists}}


def _cells(plan: Plan) -> dict[Cell, set[Run]]:
    """Trainings of every task with every pair and seed; a baseline is of a network, and so of all pairs that have it."""
    pairs = plan.experiment.pairs
    cells: dict[Cell, set[Run]] = defaultdict(set)
    for run in plan.runs:
        if run.run != BASELINE:
            cells[run.task, run.pair, run.seed].add(run)
    for (task, pair, seed), runs in cells.items():
        networks = {pairs[pair].teacher, pairs[pair].student}
        alone = (run for run in plan.runs if run.run == BASELINE and run.pair in networks)
        runs.update(run for run in alone if (run.task, run.seed) == (task, seed))
    return dict(cells)


def _without(runs: set[Run], methods: set[str]) -> set[Run]:
    return {run for run in runs if run.run not in methods}


def _blocks(planned: Iterable[Cell], whole: set[Cell]) -> Iterator[Block]:
    """Blocks of which everything that is planned is finished: for some pairs and seeds all tasks that are."""
    tasks, pairs, _ = (tuple(dict.fromkeys(names)) for names in zip(*planned, strict=True))
    for some in _subsets(pairs):
        seeds = {task: _finished_seeds(task, some, planned, whole) for task in tasks}
        shared: set[frozenset[int]] = set()
        for mine in filter(None, seeds.values()):  # every set of seeds that some tasks have in common
            shared |= {mine, *(mine & others for others in shared)}
        for common in filter(None, shared):
            yield [task for task in tasks if common <= seeds[task]], some, sorted(common)


def _finished_seeds(task: str, pairs: Sequence[str], planned: Iterable[Cell], whole: set[Cell]) -> frozenset[int]:
    """Seeds in which a task is finished with all of the pairs that it is planned with."""
    mine = [cell for cell in planned if cell[0] == task and cell[1] in pairs]
    return frozenset(seed for _, _, seed in mine) - {cell[2] for cell in mine if cell not in whole}


def _subsets(names: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    return chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1))


def _runs_of(block: Block, planned: Mapping[Cell, set[Run]]) -> set[Run]:
    return set().union(*(planned.get(cell, set()) for cell in product(*block)))
