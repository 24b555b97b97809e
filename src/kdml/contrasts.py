"""Differences between two runs of one task and pair, with the uncertainty over test cases, over seeds, and over both.

The interval and p of a contrast come from one hierarchical bootstrap (seeds, then groups of cases); beside them stand the
classical test over cases for each seed and Student's interval over seeds. All are in percentage points, left minus right.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdml import statistics
from kdml.collect import summarise
from kdml.measured import Key, Measured, resamples_of
from kdml.statistics import Interval, Resamples

ONE_SEED = "one seed: uncertainty over test cases only"
FEW_SEEDS = "{n} seeds: no sign-flip test can give less than p = {p:g}"


@dataclass(frozen=True, order=True)
class Contrast:
    """A question: by how much is `left` ahead of `right`?

    Args:
        left: name of a run.
        right: of another.
        network: whose output is compared; of a run of a single network that one.
        truth: the label, or the teacher (fidelity).
        metric: of `kdml.metrics`, `auc`, or found_small, found_medium, found_large.
    """

    left: str
    right: str
    network: str
    truth: str
    metric: str


class Place:
    """Measured runs of one protocol, task and pair, and the draws that they share.

    Args:
        runs: at least one; runs of one name are its seeds.

    Raises:
        UserError: runs of one seed were tested on different cases.
    """

    def __init__(self, runs: Sequence[Measured]):
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
            self._resamples[chosen] = resamples_of(runs)
        return self._resamples[chosen]

    def _drawn(self, name: str, key: Key, seeds: Sequence[int]) -> np.ndarray | None:
        """A run's metric, in percent, under the draws of seeds and groups; None where it was not measured."""
        address = (name, key, tuple(seeds))
        if address not in self._draws:
            measures = {seed: self._measure(name, seed, key) for seed in seeds}
            if any(measure is None for measure in measures.values()):
                return None
            shared = self._shared(seeds)
            by_seed = {seed: shared.of(seed, measure.counts, measure.metric) for seed, measure in measures.items()}
            self._draws[address] = 100 * shared.combine(by_seed)
        return self._draws[address]

    def _measure(self, name: str, seed: int, key: Key):
        run = self.runs[name][seed]
        return run.measures.get(key._replace(network=run.network(key.network)))

    def contrast(self, wanted: Contrast) -> dict[str, Any]:
        """A row on one contrast; where it cannot be computed, `remark` says why and the numbers are NaN."""
        row: dict[str, Any] = {name: getattr(wanted, name) for name in ("left", "right", "network", "truth", "metric")}
        missing = [name for name in (wanted.left, wanted.right) if name not in self.runs]
        if missing:
            return row | _unknown(f"not run: {', '.join(missing)}")
        seeds = self._common(wanted.left, wanted.right)
        if not seeds:
            return row | _unknown("no seed in common")
        if wanted.metric == "auc":
            return row | self._areas(wanted, seeds)
        key = Key(wanted.network, wanted.truth, wanted.metric)
        draws = [self._drawn(name, key, seeds) for name in (wanted.left, wanted.right)]
        if any(drawn is None for drawn in draws):
            return row | _unknown("not measured: the run has no such network, teacher or region")
        differences = [
            100 * (self._measure(wanted.left, seed, key).value - self._measure(wanted.right, seed, key).value)
            for seed in seeds
        ]
        found = statistics.percentile(float(np.mean(differences)), draws[0] - draws[1])
        return row | self._described(found, differences, seeds, wanted, self._case_tests(wanted, key, seeds))

    def _described(
        self,
        found: Interval,
        differences: Sequence[float],
        seeds: Sequence[int],
        wanted: Contrast,
        tests: Mapping[str, str],
    ) -> dict[str, Any]:
        over_seeds = statistics.paired_seeds(differences)
        left = self.runs[wanted.left][seeds[0]]
        return {
            "estimate": found.estimate,
            "low": found.low,
            "high": found.high,
            "p": found.p,
            "seeds": len(seeds),
            "cases": left.cases,
            "groups": len(left.groups),
            "by_seed": " ".join(f"{value:.3f}" for value in differences),
            "seeds_low": over_seeds.low,
            "seeds_high": over_seeds.high,
            "p_seeds": over_seeds.p,
            "seeds_ahead": statistics.probability_of_outperforming(differences),
            **tests,
            "remark": _remark(found, seeds),
        }

    def _case_tests(self, wanted: Contrast, key: Key, seeds: Sequence[int]) -> dict[str, str]:
        """The classical test over cases, one p per seed."""
        test, of_seed = _CASE_TESTS.get((wanted.truth, wanted.metric), (None, None))
        if test is None:
            return {"test": "", "p_cases": ""}
        values = [of_seed(self.runs[wanted.left][s], self.runs[wanted.right][s], key) for s in seeds]
        return {"test": test, "p_cases": " ".join(f"{value:.4g}" for value in values)}

    def _areas(self, wanted: Contrast, seeds: Sequence[int]) -> dict[str, Any]:
        """Contrast of areas under the ROC curve: DeLong over cases, Student over seeds."""
        pairs = [(self.runs[wanted.left][seed], self.runs[wanted.right][seed]) for seed in seeds]
        if any(run.positive is None for pair in pairs for run in pair):
            return _unknown("only for two classes")
        network = wanted.network
        by_case = [
            statistics.delong(left.scores[left.network(network)], right.scores[right.network(network)], left.positive)
            for left, right in pairs
        ]
        differences = [100 * one.estimate for one in by_case]
        single = Interval(differences[0], 100 * by_case[0].low, 100 * by_case[0].high, by_case[0].p)
        found = single if len(seeds) == 1 else statistics.paired_seeds(differences)
        tests = {"test": "DeLong", "p_cases": " ".join(f"{one.p:.4g}" for one in by_case)}
        return self._described(found, differences, seeds, wanted, tests)

    def values(self) -> Iterator[dict[str, Any]]:
        """A row on every run, network, truth and metric: mean and SD over seeds, and its interval."""
        for name, by_seed in self.runs.items():
            seeds = sorted(by_seed)
            keys = dict.fromkeys(key for run in by_seed.values() for key in run.measures)
            for key in keys:
                draws = self._drawn(name, key, seeds)
                if draws is None:
                    continue
                measures = [by_seed[seed].measures[key] for seed in seeds]
                summary = summarise([100 * measure.value for measure in measures])
                found = statistics.percentile(summary.mean, draws)
                yield {
                    "run": name,
                    **key._asdict(),
                    "seeds": len(seeds),
                    "cases": by_seed[seeds[0]].cases,
                    "groups": len(by_seed[seeds[0]].groups),
                    "mean": summary.mean,
                    "std": summary.std,
                    "low": found.low,
                    "high": found.high,
                    # Of shares: how many things there were to find, over all seeds.
                    "of": int(sum(m.counts[:, 1].sum() for m in measures)) if key.metric.startswith("found") else "",
                    "departures": by_seed[seeds[0]].departures,
                    "remark": _remark(found, seeds),
                }


def _unknown(remark: str) -> dict[str, Any]:
    return dict.fromkeys(("estimate", "low", "high", "p"), math.nan) | {"seeds": 0, "remark": remark}


def _remark(found: Interval, seeds: Sequence[int]) -> str:
    if math.isnan(found.estimate):
        return "undefined: the test set of a run has no case that it could count"
    parts = (
        [ONE_SEED]
        if len(seeds) == 1
        else [FEW_SEEDS.format(n=len(seeds), p=2 / 2 ** len(seeds))]
        if len(seeds) < 6
        else []
    )
    if math.isnan(found.low):
        parts.append("no interval: undefined in too many resamples")
    elif found.low == found.high:
        parts.append("all groups alike: a bootstrap sees no spread among them, which does not mean that there is none")
    return "; ".join(parts)


def _mcnemar(left: Measured, right: Measured, key: Key) -> float:
    return statistics.mcnemar(left.right[left.network(key.network)], right.right[right.network(key.network)])


def _wilcoxon(left: Measured, right: Measured, key: Key) -> float:
    """On the differences of the groups' own IoU; an empty mask that is predicted empty has IoU 1, as in the mean over images."""
    sides = [run.measures[key._replace(network=run.network(key.network))] for run in (left, right)]
    own = [np.nan_to_num(side.metric(side.counts), nan=1.0) for side in sides]
    return statistics.wilcoxon(own[0] - own[1])


_CASE_TESTS: Mapping[tuple[str, str], tuple[str, Callable]] = {
    ("label", "accuracy"): ("McNemar", _mcnemar),
    ("label", "iou"): ("Wilcoxon over groups", _wilcoxon),
    ("label", "f_score"): ("Wilcoxon over groups", _wilcoxon),
}
