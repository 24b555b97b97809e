"""What more than one student is worth: the ensemble of a run's students against the best of them, chosen by validation; and where
the students teach a third one, that one against both."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kdml.analysis.contrasts import Contrast, MeasuredRuns
from kdml.analysis.counts import Key
from kdml.analysis.ensemble import SOURCES
from kdml.analysis.metrics import scale_of
from kdml.runs.graph import ENSEMBLE, is_student
from kdml.runs.third_student import ThirdStudent

COLUMNS = (
    "run", "single", "students", "ensemble", "validation", "metric", "single_mean", "ensemble_mean", "gained", "low", "high",
    "third", "third_mean", "over_single", "over_single_low", "over_single_high", "over_ensemble", "over_ensemble_low",
    "over_ensemble_high", "seeds", "cases",
)  # fmt: skip


def rows(
    runs: MeasuredRuns,
    metric: str,
    validation: Mapping[tuple[str, str], float],
    thirds: Mapping[str, ThirdStudent] | None = None,
) -> Iterator[dict[str, Any]]:
    """A row of `COLUMNS` per run with several students, in percent and percentage points.

    Of a run with a third student, the best student and the ensemble are those of its sources. Where their ensemble was not
    measured, as in tables of earlier versions, it is that of all students; `ensemble` says which, `students` how many it has.

    Args:
        runs: of the place, measured against their labels.
        metric: to judge by.
        validation: score of each run and network at its best epoch, as `scores_by_cost.validated` gives it.
        thirds: third student of the runs that have one.
    """
    for run, by_seed in runs.runs.items():
        known = dict.fromkeys(key.network for one in by_seed.values() for key in one.measures)
        students = [name for name in known if is_student(name) and (run, name) in validation]
        third = (thirds or {}).get(run)
        chosen_from = students if third is None else [name for name in students if name in third.sources]
        if len(chosen_from) < 2:
            continue
        ensemble = SOURCES if third and SOURCES in known else ENSEMBLE
        single = max(chosen_from, key=lambda name: validation[run, name])
        yield {
            "run": run,
            "single": single,
            "students": len(chosen_from if ensemble == SOURCES else students),
            "ensemble": ensemble,
            "validation": validation[run, single],
        } | _scores(runs, run, metric, single, ensemble, third)


def _scores(
    runs: MeasuredRuns, run: str, metric: str, single: str, ensemble: str, third: ThirdStudent | None
) -> dict[str, Any]:
    """Scores of student, ensemble and third student, and their paired differences."""
    gained = _difference(runs, run, metric, ensemble, single)
    found = {
        "metric": metric,
        "single_mean": _mean(runs, run, metric, single),
        "ensemble_mean": _mean(runs, run, metric, ensemble),
        **dict(zip(("gained", "low", "high"), gained, strict=True)),
        "seeds": len(runs.runs[run]),
        "cases": next(iter(runs.runs[run].values())).cases,
    }
    if third is None:
        return found
    found |= {"third": third.name, "third_mean": _mean(runs, run, metric, third.name)}
    for name, other in (("over_single", single), ("over_ensemble", ensemble)):
        ends = (name, f"{name}_low", f"{name}_high")
        found |= dict(zip(ends, _difference(runs, run, metric, third.name, other), strict=True))
    return found


def _mean(runs: MeasuredRuns, run: str, metric: str, network: str) -> float:
    key = Key(network, "label", metric)
    return float(np.mean([scale_of(metric) * one.measures[key].value for one in runs.runs[run].values()]))


def _difference(runs: MeasuredRuns, run: str, metric: str, one: str, other: str) -> tuple[float, float, float]:
    """How far one network of a run is ahead of another, with both ends of the interval."""
    found = runs.contrast(Contrast(run, run, one, "label", metric, with_network=other))
    return found["estimate"], found["low"], found["high"]
