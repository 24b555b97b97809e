"""The part of an experiment whose trainings are all finished, as a configuration that can be analysed and published."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, product
from typing import Any

from kdml.experiment.plan import Plan, Run
from kdml.runs.graph import BASELINE

Block = tuple[Sequence[str], Sequence[str], Sequence[int]]
"""Tasks, pairs and seeds."""


def finished_part(plan: Plan, finished: Iterable[Run]) -> dict[str, Any] | None:
    """Find the largest part of an experiment that is finished: all variants, teachers and baselines of tasks x pairs x seeds, and
    those methods that are finished there.

    Args:
        plan: of the whole experiment.
        finished: trainings that are.

    Returns:
        What to lay over its configuration; None where no task is finished with any pair and seed.
    """
    asked, done = plan.experiment.run, set(finished)
    methods = set(asked.methods)
    cells = {cell: runs for cell, runs in _cells(plan).items() if _without(runs, methods) <= done}
    if not cells:
        return None
    block = max(_blocks(cells), key=lambda block: len(_without(_runs_of(block, cells), methods)))
    runs = _runs_of(block, cells)
    there = {run.run for run in runs} & methods - {run.run for run in runs - done}
    lists = zip(("tasks", "pairs", "seeds", "methods"), (*block, there), strict=True)
    return {"run": {name: [one for one in getattr(asked, name) if one in kept] for name, kept in lists}}


def _cells(plan: Plan) -> dict[tuple[str, str, int], set[Run]]:
    """Trainings of every task with every pair and seed; a baseline is of a network, and so of all pairs that have it."""
    pairs = plan.experiment.pairs
    cells: dict[tuple[str, str, int], set[Run]] = defaultdict(set)
    for run in plan.runs:
        if run.run != BASELINE:
            cells[run.task, run.pair, run.seed].add(run)
    for (task, pair, seed), runs in cells.items():
        networks = {pairs[pair].teacher, pairs[pair].student}
        alone = (run for run in plan.runs if run.run == BASELINE and run.pair in networks)
        runs.update(run for run in alone if (run.task, run.seed) == (task, seed))
    return cells


def _without(runs: set[Run], methods: set[str]) -> set[Run]:
    return {run for run in runs if run.run not in methods}


def _blocks(cells: Mapping[tuple[str, str, int], set[Run]]) -> Iterator[Block]:
    """All tasks for which every one of some pairs and seeds is there."""
    tasks, pairs, seeds = (tuple(dict.fromkeys(names)) for names in zip(*cells, strict=True))
    for some_pairs, some_seeds in product(_subsets(pairs), _subsets(seeds)):
        there = list(product(some_pairs, some_seeds))
        yield tuple(t for t in tasks if all((t, *one) in cells for one in there)), some_pairs, some_seeds


def _subsets(names: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    return chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1))


def _runs_of(block: Block, cells: Mapping[tuple[str, str, int], set[Run]]) -> set[Run]:
    return set().union(*(cells[cell] for cell in product(*block)))
