"""What more than one student is worth: the ensemble of a run's students against the best of them, chosen by validation."""

from collections.abc import Iterator, Mapping
from typing import Any

from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.counts import Key
from kdml.analysis.metrics import scale_of
from kdml.runs.graph import ENSEMBLE, is_student

COLUMNS = (
    "run",
    "single",
    "students",
    "validation",
    "metric",
    "single_mean",
    "ensemble_mean",
    "gained",
    "low",
    "high",
    "seeds",
    "cases",
)


def rows(runs: MeasuredRuns, metric: str, validation: Mapping[tuple[str, str], float]) -> Iterator[dict[str, Any]]:
    """A row of `COLUMNS` per run with several students, in percent and percentage points.

    Args:
        runs: of the place, measured against their labels.
        metric: to judge by.
        validation: score of each run and network at its best epoch, as `scores_by_cost.validated` gives it.
    """
    for run, by_seed in runs.runs.items():
        known = dict.fromkeys(key.network for one in by_seed.values() for key in one.measures)
        students = [name for name in known if is_student(name) and (run, name) in validation]
        if len(students) < 2:
            continue
        single = max(students, key=lambda name: validation[run, name])
        yield {
            "run": run,
            "single": single,
            "students": len(students),
            "validation": validation[run, single],
        } | _gained(runs, run, single, metric)


def _gained(runs: MeasuredRuns, run: str, single: str, metric: str) -> dict[str, Any]:
    """Scores of the student and of the ensemble, and their paired difference."""
    keys = {name: Key(name, "label", metric) for name in (single, ENSEMBLE)}
    measures = {seed: [one.measures[keys[name]] for name in keys] for seed, one in runs.runs[run].items()}
    shared, scale = runs.resamples(measures), scale_of(metric)
    draws = {
        seed: scale * (both.draws(shared, seed) - one.draws(shared, seed)) for seed, (one, both) in measures.items()
    }
    values = {seed: scale * (both.value - one.value) for seed, (one, both) in measures.items()}
    summary, interval = runs.interval(run, values, draws)
    means = [scale * sum(pair[place].value for pair in measures.values()) / len(measures) for place in (0, 1)]
    return {
        "metric": metric,
        "single_mean": means[0],
        "ensemble_mean": means[1],
        "gained": summary.mean,
        "low": interval.low,
        "high": interval.high,
        "seeds": summary.n,
        "cases": next(iter(runs.runs[run].values())).cases,
    }
