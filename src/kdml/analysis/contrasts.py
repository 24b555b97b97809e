"""Differences between two runs of one task and pair, with the uncertainty over test cases, over seeds, and over both.

The interval and p of a contrast are the wider of two: one hierarchical bootstrap (seeds, then groups of cases), and Student's
over seeds, because a bootstrap of few seeds is too sure of itself (`statistics.wider`). Both stand beside them on their own,
with the classical test over cases for each seed. All are in percentage points, left minus right.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdml.analysis import few_groups, statistics
from kdml.analysis.counts import Key, Measure, Measured, resamples_of
from kdml.analysis.metrics import AUC, scale_of
from kdml.analysis.over_seeds import Summary, summarise
from kdml.analysis.statistics import Interval, Resamples
from kdml.analysis.things_counted import counted, groups_counted, things_to_find

Side = tuple[Measured, Key]  # of a contrast, in one seed
ONE_SEED = "one seed: uncertainty over test cases only"
FEW_SEEDS = "{n} seeds: no sign-flip test can give less than p = {p:g}"


@dataclass(frozen=True, order=True)
class Contrast:
    """A question: by how much is `left` ahead of `right`?

    Args:
        left: name of a run, or names of several between spaces: the mean of their scores.
        right: likewise.
        network: whose output is compared; of a run of a single network that one.
        truth: the label, or the teacher (fidelity).
        metric: of `kdml.analysis.metrics`, `auc`, or found_small, found_medium, found_large.
        with_network: whose output it is compared with, where that is another network.
    """

    left: str
    right: str
    network: str
    truth: str
    metric: str
    with_network: str = ""

    @property
    def sides(self) -> tuple[tuple[str, Key], tuple[str, Key]]:
        """Left and right, each with what is compared of it."""
        key = Key(self.network, self.truth, self.metric)
        return (self.left, key), (self.right, key._replace(network=self.with_network or self.network))

    @property
    def runs(self) -> list[tuple[str, Key]]:
        """Every run of both sides, with what is compared of it."""
        return [(name, key) for side, key in self.sides for name in runs_in(side)]


def runs_in(side: str) -> tuple[str, ...]:
    """Names of the runs on one side of a contrast, whose scores are averaged where there are several."""
    return tuple(side.split())


@dataclass(frozen=True)
class Sample:
    """A metric of a run in all of its seeds, as it is shown.

    Args:
        summary: mean and SD over seeds.
        draws: of the mean, under draws of seeds and groups, (resamples,).
        cases: of a test set.
        groups: independent ones among the cases; of seeds with splits of their own, the fewest.
    """

    summary: Summary
    draws: np.ndarray
    cases: int
    groups: int


class MeasuredRuns:
    """Runs of one protocol, task and pair as they were measured, and the draws that they share.

    Args:
        runs: at least one; runs of one name are its seeds.
        draws_seed: of the draws; runs on other test cases, to which these are compared, take another.

    Raises:
        UserError: runs of one seed were tested on different cases.
    """

    def __init__(self, runs: Sequence[Measured], draws_seed: int = 0):
        self.draws_seed = draws_seed
        self.runs: dict[str, dict[int, Measured]] = {}
        for run in runs:
            self.runs.setdefault(run.run, {})[run.seed] = run
        self._draws: dict[tuple, np.ndarray] = {}
        self._resamples: dict[tuple[int, ...], Resamples] = {}

    def _common(self, *names: str) -> list[int]:
        """Seeds that all of these runs have."""
        return sorted(set.intersection(*(set(self.runs.get(name, {})) for name in names)))

    def _shared(self, seeds: Sequence[int]) -> Resamples:
        chosen = tuple(seeds)
        if chosen not in self._resamples:
            runs = [run for by_seed in self.runs.values() for seed, run in by_seed.items() if seed in chosen]
            self._resamples[chosen] = resamples_of(runs, self.draws_seed)
        return self._resamples[chosen]

    def _drawn(self, name: str, key: Key, seeds: Sequence[int]) -> np.ndarray:
        """A run's metric, as it is shown; all of these seeds must have it.

        Returns:
            (2, resamples): under the draws of seeds and groups, and of groups alone, as the mean over all seeds.
        """
        address = (name, key, tuple(seeds))
        if address not in self._draws:
            measures = {seed: self._measure(name, seed, key) for seed in seeds}
            shared = self._shared(seeds)
            by_seed = {seed: measure.draws(shared, seed) for seed, measure in measures.items()}
            alone = np.mean([by_seed[seed] for seed in seeds], axis=0)
            self._draws[address] = scale_of(key.metric) * np.stack([shared.combine(by_seed), alone])
        return self._draws[address]

    def _measure(self, name: str, seed: int, key: Key) -> Measure:
        return self.runs[name][seed].measure(key)

    def spread(self, name: str, measures: Mapping[int, Measure], scale: float = 100.0) -> tuple[Summary, Interval]:
        """Mean and SD over seeds of what was measured in each, and its interval, the wider of both kinds.

        Args:
            name: of the run.
            measures: by seed.
            scale: factor from measured values to shown ones.
        """
        shared = self.resamples(measures)
        draws = {seed: scale * measure.draws(shared, seed) for seed, measure in measures.items()}
        return self.interval(name, {seed: scale * measure.value for seed, measure in measures.items()}, draws)

    def resamples(self, seeds: Iterable[int]) -> Resamples:
        """Draws that all runs of these seeds share."""
        return self._shared(sorted(seeds))

    def interval(
        self,
        name: str,
        values: Mapping[int, float],
        draws: Mapping[int, np.ndarray],
        groups: int | None = None,
        confidence: float = statistics.CONFIDENCE,
    ) -> tuple[Summary, Interval]:
        """Mean and SD over seeds of values, and the interval, the wider of both kinds.

        Args:
            name: of the run.
            values: by seed.
            draws: of the same under the draws of `resamples`.
            groups: of test cases that the values are of, where those are not all of the run.
            confidence: of the interval.
        """
        shared = self.resamples(values)
        each = [values[seed] for seed in shared.seeds]
        summary = summarise(each)
        independent = self._groups(name, shared.seeds) if groups is None else groups
        over_both = statistics.percentile(summary.mean, shared.combine(draws), independent, confidence)
        return summary, statistics.wider(over_both, statistics.paired_seeds(each, confidence))

    def contrast(self, wanted: Contrast) -> dict[str, Any]:
        """A row on one contrast; where it cannot be computed, `remark` says why and the numbers are NaN."""
        row: dict[str, Any] = {name: getattr(wanted, name) for name in ("left", "right", "network", "truth", "metric")}
        names = [name for name, _ in wanted.runs]
        missing = [name for name in names if name not in self.runs]
        if missing:
            return row | _unknown(f"not run: {', '.join(missing)}")
        seeds = self._common(*names)
        if not seeds:
            return row | _unknown("no seed in common")
        if wanted.metric == AUC:
            return row | self._areas(wanted, seeds)
        lacking = dict.fromkeys(where for name, key in wanted.runs for where in self._lacking(name, key, seeds))
        if lacking:
            return row | _unknown(f"not measured, no such network, teacher or region: {', '.join(lacking)}")
        means = [[self._mean(side, seed, key) for side, key in wanted.sides] for seed in seeds]
        differences = [scale_of(wanted.metric) * (one - other) for one, other in means]
        drawn, of_cases = np.subtract(*(self._mean_drawn(side, key, seeds) for side, key in wanted.sides))
        found = statistics.percentile(float(np.mean(differences)), drawn, self._groups(names[0], seeds))
        tests = self._case_tests(wanted, seeds) | {"cases_error": float(np.std(of_cases))}
        return row | self._described(found, differences, seeds, wanted, tests)

    def _mean_drawn(self, side: str, key: Key, seeds: Sequence[int]) -> np.ndarray:
        """Mean over the runs of a side of what `_drawn` gives."""
        return np.mean([self._drawn(name, key, seeds) for name in runs_in(side)], axis=0)

    def _mean(self, side: str, seed: int, key: Key) -> float:
        """Mean over the runs of a side of their metric in one seed, not scaled."""
        return float(np.mean([self._measure(name, seed, key).value for name in runs_in(side)]))

    def _lacking(self, name: str, key: Key, seeds: Sequence[int]) -> list[str]:
        """Seeds of a run that were not measured on this."""
        return [f"seed {seed} of {name}" for seed in seeds if not self.runs[name][seed].has(key)]

    def _groups(self, name: str, seeds: Sequence[int]) -> int:
        """Independent groups of test cases; of seeds with splits of their own, the fewest."""
        return min(len(self.runs[name][seed].groups) for seed in seeds)

    def _undefined(self, name: str, key: Key, seeds: Sequence[int]) -> list[str]:
        """Seeds of a run in which this metric has no value."""
        return [f"seed {seed} of {name}" for seed in seeds if math.isnan(self._measure(name, seed, key).value)]

    def _unpaired(self, *names: str) -> str:
        """Seeds that some of these runs have and others lack."""
        common = set(self._common(*names))
        alone = [f"{seed} of {name}" for name in names for seed in sorted(set(self.runs[name]) - common)]
        return f"left out, without a partner: seed {', '.join(alone)}" if alone else ""

    def _described(
        self,
        over_both: Interval,
        differences: Sequence[float],
        seeds: Sequence[int],
        wanted: Contrast,
        tests: Mapping[str, Any],
    ) -> dict[str, Any]:
        over_seeds = statistics.paired_seeds(differences)
        found = statistics.wider(over_both, over_seeds)
        names = [name for name, _ in wanted.runs]
        first = self.runs[names[0]][seeds[0]]
        return {
            "estimate": found.estimate,
            "low": found.low,
            "high": found.high,
            "p": found.p,
            "seeds": len(seeds),
            "cases": first.cases,
            "groups": len(first.groups),
            "by_seed": " ".join(f"{value:.3f}" for value in differences),
            "both_low": over_both.low,
            "both_high": over_both.high,
            "p_both": over_both.p,
            "seeds_low": over_seeds.low,
            "seeds_high": over_seeds.high,
            "p_seeds": over_seeds.p,
            "seeds_ahead": statistics.probability_of_outperforming(differences),
            **tests,
            "remark": _joined(self._why(wanted, over_both, seeds), self._unpaired(*names)),
        }

    def _why(self, wanted: Contrast, found: Interval, seeds: Sequence[int]) -> str:
        """What has to be known of a contrast's numbers."""
        if not math.isnan(found.estimate) or wanted.metric == AUC:
            return _remark(found, seeds)
        return _without_value(
            [*dict.fromkeys(one for name, key in wanted.runs for one in self._undefined(name, key, seeds))]
        )

    def _case_tests(self, wanted: Contrast, seeds: Sequence[int]) -> dict[str, str]:
        """The classical test over cases, one p per seed; there is none of a mean of several runs."""
        found = _CASE_TESTS.get((wanted.truth, wanted.metric))
        if found is None or {wanted.left, wanted.right} - self.runs.keys():
            return {"test": "", "p_cases": ""}
        test, of_seed = found
        values = [of_seed(*((self.runs[name][seed], key) for name, key in wanted.sides)) for seed in seeds]
        return {"test": test, "p_cases": " ".join(f"{value:.4g}" for value in values)}

    def _areas(self, wanted: Contrast, seeds: Sequence[int]) -> dict[str, Any]:
        """Contrast of areas under the ROC curve: DeLong over cases in place of the bootstrap, Student over seeds."""
        if {wanted.left, wanted.right} - self.runs.keys():
            return _unknown("areas of single runs are compared, not means of several")
        tested = [_delong(*((self.runs[name][seed], key) for name, key in wanted.sides)) for seed in seeds]
        by_case = [one for one in tested if one is not None]
        if len(by_case) < len(seeds):
            return _unknown("only for two classes")
        differences = [100 * one.estimate for one in by_case]
        mean = statistics.mean_of_correlated(by_case)
        found = Interval(100 * mean.estimate, 100 * mean.low, 100 * mean.high, mean.p)
        tests = {"test": "DeLong", "p_cases": " ".join(f"{one.p:.4g}" for one in by_case)}
        return self._described(found, differences, seeds, wanted, tests)

    def keys_in_all(self, name: str) -> list[Key]:
        """What all seeds of a run were measured on."""
        measured = [run.measures for run in self.runs.get(name, {}).values()]
        return [key for key in measured[0] if all(key in one for one in measured)] if measured else []

    def sample(self, name: str, key: Key) -> Sample:
        """A metric of a run, which all of its seeds must have been measured on."""
        seeds = sorted(self.runs[name])
        summary = summarise([scale_of(key.metric) * self._measure(name, seed, key).value for seed in seeds])
        cases = self.runs[name][seeds[0]].cases
        return Sample(summary, self._drawn(name, key, seeds)[0], cases, self._groups(name, seeds))

    def values(self) -> Iterator[dict[str, Any]]:
        """A row on every run, network, truth and metric: mean and SD over seeds, and its interval; NaN where a seed lacks it."""
        for name, by_seed in self.runs.items():
            for key in dict.fromkeys(key for run in by_seed.values() for key in run.measures):
                yield {"run": name, **key._asdict(), **self._value(name, key)}

    def by_seed(self) -> Iterator[dict[str, Any]]:
        """A row on every single run, network, truth and metric."""
        for name, by_seed in self.runs.items():
            for seed, run in sorted(by_seed.items()):
                for key, measure in run.measures.items():
                    value = scale_of(key.metric) * measure.value
                    yield {"run": name, "seed": seed, **key._asdict(), "value": value, "cases": run.cases}

    def _value(self, name: str, key: Key) -> dict[str, Any]:
        by_seed = self.runs[name]
        seeds, first = sorted(by_seed), by_seed[min(by_seed)]
        row = {
            "seeds": len(seeds),
            "cases": first.cases,
            "groups": len(first.groups),
            **dict.fromkeys(("mean", "std", "low", "high"), math.nan),
            "of": "",
            "sizes": "",
            "chance": math.nan,
            "departures": first.departures,
            "outputs": " ".join(by_seed[seed].outputs.get(key.network, "") for seed in seeds).strip(),
        }
        if lacking := [f"seed {seed}" for seed in seeds if key not in by_seed[seed].measures]:
            return row | {"remark": f"not measured in {', '.join(lacking)}"}
        measures = [by_seed[seed].measures[key] for seed in seeds]
        values = [scale_of(key.metric) * measure.value for measure in measures]
        summary, drawn = summarise(values), self._drawn(name, key, seeds)[0]
        over_both = statistics.percentile(summary.mean, drawn, self._groups(name, seeds))
        wider = statistics.wider(over_both, statistics.paired_seeds(values))
        found, why = few_groups.settled(wider, groups_counted(measures))
        undefined = self._undefined(name, key, seeds)
        return row | {
            "mean": summary.mean,
            "std": summary.std,
            "low": found.low,
            "high": found.high,
            "chance": math.fsum(scale_of(key.metric) * measure.chance for measure in measures) / len(measures),
            **things_to_find(key.metric, measures),
            "remark": _joined(
                _without_value(undefined) if undefined else _joined(_limits(seeds, compared=False), why), first.remark
            ),
        }


def _unknown(remark: str) -> dict[str, Any]:
    return dict.fromkeys(("estimate", "low", "high", "p"), math.nan) | {"seeds": 0, "remark": remark}


def _remark(found: Interval, seeds: Sequence[int]) -> str:
    """Limits of few seeds, which for a comparison are those of its tests, and why there is no interval."""
    no_interval = "no interval: all groups alike, too few of them, or undefined in too many resamples"
    return _joined(_limits(seeds, compared=True), no_interval if math.isnan(found.low) else "")


def _limits(seeds: Sequence[int], compared: bool) -> str:
    limits = {1: ONE_SEED} | ({n: FEW_SEEDS.format(n=n, p=2 / 2**n) for n in range(2, 6)} if compared else {})
    return limits.get(len(seeds), "")


def _without_value(where: Sequence[str]) -> str:
    return f"undefined: the test set has no case that could count, {', '.join(where)}"


def _joined(*remarks: str) -> str:
    return "; ".join(filter(None, remarks))


def _delong(left: Side, right: Side) -> Interval | None:
    """Difference of two areas of one seed; None where there are not two classes."""
    positive = left[0].positive
    if positive is None or right[0].positive is None:
        return None
    one, other = (run.scores[run.network(key.network)] for run, key in (left, right))
    return statistics.delong(one, other, positive)


def _mcnemar(left: Side, right: Side) -> float:
    one, other = (run.right[run.network(key.network)] for run, key in (left, right))
    return statistics.mcnemar(one, other)


def _wilcoxon(left: Side, right: Side) -> float:
    """Wilcoxon's p of the differences of groups' own IoU, which is 1 for an empty mask that is predicted empty."""
    sides = [counted(run.measure(key)) for run, key in (left, right)]
    own = [np.nan_to_num(side.metric(side.counts), nan=1.0) for side in sides]
    return statistics.wilcoxon(own[0] - own[1])


_CASE_TESTS: Mapping[tuple[str, str], tuple[str, Callable]] = {
    ("label", "accuracy"): ("McNemar", _mcnemar),
    ("label", "iou"): ("Wilcoxon over groups", _wilcoxon),
    ("label", "f_score"): ("Wilcoxon over groups", _wilcoxon),
    ("label", "iou_per_group"): ("Wilcoxon over groups", _wilcoxon),
}
