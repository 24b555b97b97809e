"""The grid search for loss weights: which settings are tried, and what follows from their validation scores.

All alphas of S1 are tried with all of S2. Beta and gamma share the rest, so that alpha + beta + gamma = 1: as in the paper's
weights for the variant, or in the configured ones where the paper has none, so that every variant has the same budget; or, on
request, in shares that are tried too, which only KD + ML has a use for. The test set is never looked at.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from kdml.experiment.loss_weights import WeightsOfBoth, as_row, even_weights
from kdml.experiment.plan import Plan, Run
from kdml.paper import numbers
from kdml.runs.graph import VARIANTS, LossWeights
from kdml.runs.settings import RunSettings

DIGITS = 6


@dataclass(frozen=True, order=True)
class Trial:
    """One setting of the loss weights of a variant, trained with one seed.

    Args:
        run: the variant that is trained, with protocol, task, pair and seed.
        alpha: weight of the labels in the loss of S1.
        alpha_prime: likewise of S2.
        beta_share: share of the rest that beta takes, for both students; None: as in the paper's weights or the configured ones.
    """

    run: Run
    alpha: float
    alpha_prime: float
    beta_share: float | None = None

    @property
    def name(self) -> str:
        """Name of its folder."""
        name = f"alpha-{self.alpha:g}-{self.alpha_prime:g}"
        return name if self.beta_share is None else f"{name}-share-{self.beta_share:g}"


def shared_out(alpha: float, like: LossWeights) -> LossWeights:
    """Weights with this alpha, the rest divided between beta and gamma as in weights that have something to divide."""
    rest = (1 - alpha) / (like.beta + like.gamma)
    return LossWeights(alpha, round(like.beta * rest, DIGITS), round(like.gamma * rest, DIGITS))


class Search:
    """All trials of a configuration's grid search, of the first protocol of every task, each on the split of its seed.

    The chosen weights serve all runs of a task. Where the experiment has other splits, by protocol or by seed, their test sets hold
    images that chose weights here: `other_splits` names them.

    Args:
        plan: of the experiment; its tasks, pairs and variants of the paper are searched.

    Attributes:
        places: (protocol, task, pair) that are searched.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self.grid = plan.experiment.grid_search
        first = {task: plan.experiment.protocols_of(task)[0] for task in plan.experiment.run.tasks}
        variants = [run for run in plan.runs if run.run in VARIANTS and run.protocol == first[run.task]]
        order = list(VARIANTS)
        variants.sort(key=lambda run: (run.task, run.pair, order.index(run.run)))
        self.variants = tuple(dict.fromkeys(replace(run, seed=0) for run in variants))
        self.places = tuple(dict.fromkeys((run.protocol, run.task, run.pair) for run in self.variants))

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """Every setting with every seed."""
        return tuple(
            replace(trial, run=replace(run, seed=seed))
            for run in self.variants
            for trial in self._settings(run)
            for seed in self.grid.seeds
        )

    def _settings(self, run: Run) -> list[Trial]:
        """The grid, and the paper's own choice where there is one and the grid lacks it."""
        grid = self._grid(run)
        papers = self.plan.papers_weights(run)
        if papers is None or any(self._is_the_papers(trial) for trial in grid):
            return grid
        return [*grid, Trial(run, papers[0].alpha, papers[1].alpha)]

    def _grid(self, run: Run) -> list[Trial]:
        return [Trial(run, *setting) for setting in product(self.grid.alpha, self.grid.alpha, self._shares(run))]

    def _shares(self, run: Run) -> tuple[float | None, ...]:
        """Shares of beta that are tried: where a student learns from its teacher or its peer alone, there is nothing to share."""
        both = all(one.beta and one.gamma for one in even_weights(VARIANTS[run.run][0]))
        return tuple(self.grid.beta_shares) if both and self.grid.beta_shares else (None,)

    def _is_the_papers(self, trial: Trial) -> bool:
        papers = self.plan.papers_weights(trial.run)
        if papers is None or (trial.alpha, trial.alpha_prime) != (papers[0].alpha, papers[1].alpha):
            return False
        return trial.beta_share is None or all(
            math.isclose(one.beta, trial.beta_share * (one.beta + one.gamma), abs_tol=10**-DIGITS) for one in papers
        )

    @cached_property
    def _by_run(self) -> dict[Run, dict[str, Trial]]:
        found: dict[Run, dict[str, Trial]] = {}
        for trial in self.trials:
            found.setdefault(trial.run, {})[trial.name] = trial
        return found

    def of_run(self, run: Run) -> dict[str, Trial]:
        """Trials of a variant with one seed, by name."""
        return self._by_run.get(run, {})

    def at(self, protocol: str, task: str, pair: str) -> tuple[Trial, ...]:
        """Trials of a place."""
        return tuple(t for t in self.trials if (t.run.protocol, t.run.task, t.run.pair) == (protocol, task, pair))

    def weights(self, trial: Trial) -> WeightsOfBoth:
        """Alpha, beta and gamma of both students."""
        like = self.plan.papers_weights(trial.run) or self.plan.loss_weights(trial.run)
        even = even_weights(VARIANTS[trial.run.run][0])
        proportions = [one if one.beta or one.gamma else other for one, other in zip(like, even, strict=True)]
        if trial.beta_share is not None:
            proportions = [LossWeights(0, trial.beta_share, 1 - trial.beta_share)] * 2
        first, second = map(shared_out, (trial.alpha, trial.alpha_prime), proportions)
        return first, second

    def settings(self, trial: Trial) -> RunSettings:
        """All options of a trial's training."""
        return self.plan.settings(trial.run, self.weights(trial))

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """Splits on whose validation part settings are ranked, as `protocol seed`."""
        first = dict.fromkeys(run.protocol for run in self.variants)
        seeds = {self.plan.split_seed(Run("", "", "", "", seed)) for seed in self.grid.seeds}
        return tuple(f"{protocol} {seed}" for protocol, seed in product(first, sorted(seeds)))

    @cached_property
    def other_splits(self) -> tuple[str, ...]:
        """Splits of the experiment's variants that are not searched on, likewise."""
        planned = ((run.protocol, self.plan.split_seed(run)) for run in self.plan.runs if run.run in VARIANTS)
        named = (f"{protocol} {seed}" for protocol, seed in sorted(set(planned)))
        return tuple(split for split in named if split not in self.splits)

    def describe(self, trial: Trial) -> dict[str, Any]:
        """Columns that a trial contributes to the table of scores."""
        technique, strategy = VARIANTS[trial.run.run]
        student = self.plan.stands_for(self.plan.experiment.pairs[trial.run.pair].student)
        task = self.plan.experiment.tasks[trial.run.task]
        named = {"dataset": task.dataset, "task": task.kind}
        return {
            "table": numbers.TABLES.get((trial.run.task, student), ""),
            "protocol": trial.run.protocol,
            "splits": ", ".join(self.splits),
            "other_splits": ", ".join(self.other_splits),
            "dataset": task.dataset,
            "task": task.kind if numbers.task_of(named) == trial.run.task else trial.run.task,
            "student": student,
            "pair": trial.run.pair,
            "technique": technique,
            "strategy": strategy,
            **as_row(self.weights(trial)),
            "seed": trial.run.seed,
            "in_grid": int(trial in self._grid(trial.run)),
            "papers": int(self._is_the_papers(trial)),
        }


Row = Mapping[str, str]
VARIANT = ("dataset", "task", "pair", "technique", "strategy")
SETTING = (*VARIANT, *numbers.WEIGHTS)


def by_setting(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Mean validation score of every setting over its seeds, in the order of the grid."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in SETTING), []).append(row)
    return [
        {**mine[0], "score": math.fsum(float(row["score"]) for row in mine) / len(mine), "seeds": len(mine)}
        for mine in groups.values()
    ]


def ranked(settings: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every setting with its `rank` among those of its variant (1 is best, equals share it), the number it is ranked `of`, and
    `best`: 1 for the best within the grid; of equals the paper's, else the first."""
    variants: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for one in settings:
        variants.setdefault(tuple(one[name] for name in VARIANT), []).append(one)
    for mine in variants.values():
        best = max((one for one in mine if one["in_grid"] == "1"), key=lambda one: (one["score"], one["papers"]))
        for one in mine:
            better = sum(other["score"] > one["score"] for other in mine)
            yield {**one, "rank": better + 1, "of": len(mine), "best": int(one is best)}


def chosen(settings: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """The best setting of every variant; beside it `papers_score` and `papers_rank` of the paper's, empty where it has none.

    Args:
        settings: what `ranked` gave, read from a CSV.
    """
    rows = list(settings)
    papers = {tuple(one[name] for name in VARIANT): one for one in rows if one["papers"] == "1"}
    for one in rows:
        if one["best"] == "1":
            theirs = papers.get(tuple(one[name] for name in VARIANT), {"score": "", "rank": ""})
            yield {**one, "papers_score": theirs["score"], "papers_rank": theirs["rank"]}
