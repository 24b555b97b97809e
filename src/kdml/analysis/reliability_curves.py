"""Reliability curves of the runs of a sheet: in each bin of the predicted probability, how often what it is of came true."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kdml.analysis import metrics
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.counts import OfCounts
from kdml.analysis.reliability import BINS, COUNTS

COLUMNS = (
    "run", "network", "of", "scaled", "bin", "count", "probability", "observed", "low", "high", "seeds",
)  # fmt: skip
CASES, REGIONS = "cases", "regions"
# Metric that is computed from bins -> what the bins count, and whether with a temperature.
OF_METRICS: Mapping[str, tuple[str, int]] = {
    "ece": (CASES, 0), "ece_scaled": (CASES, 1), "region_ece": (REGIONS, 0), "region_ece_scaled": (REGIONS, 1),
}  # fmt: skip


def rows(runs: MeasuredRuns) -> Iterator[dict[str, Any]]:
    """A row of `COLUMNS` per run, network and bin, over the seeds that have something there: how many images (of masks: pixels) or
    marked regions, their mean probability and how often it came true, in percent; as they are, and with validation's temperature.

    Args:
        runs: of a sheet, measured against their labels.
    """
    for name, by_seed in runs.runs.items():
        known = dict.fromkeys(key for run in by_seed.values() for key in run.measures)
        for key in sorted(
            (key for key in known if key.metric in OF_METRICS), key=lambda key: [*OF_METRICS].index(key.metric)
        ):
            counts = {seed: run.measures[key] for seed, run in by_seed.items() if key in run.measures}
            what = dict(zip(("of", "scaled"), OF_METRICS[key.metric], strict=True))
            for number in range(BINS):
                yield {"run": name, "network": key.network, **what, "bin": number} | _of_bin(runs, name, counts, number)


def _of_bin(runs: MeasuredRuns, name: str, by_seed: Mapping[int, Any], number: int) -> dict[str, Any]:
    def of_counts(sums: np.ndarray) -> np.ndarray:
        return metrics.share(sums[..., [first + 2, first]])

    first = number * len(COUNTS)
    known = {seed: measure for seed, measure in by_seed.items() if measure.counts[:, first].any()}
    if not known:
        return {"count": 0, "seeds": 0}
    observed, interval = runs.spread(
        name, {seed: OfCounts(of_counts, measure.counts) for seed, measure in known.items()}
    )
    sums = [measure.counts[:, first : first + 2].sum(axis=0) for measure in known.values()]
    return {
        "count": float(np.mean([one[0] for one in sums])),
        "probability": float(np.mean([100 * one[1] / one[0] for one in sums])),
        "observed": observed.mean,
        "low": interval.low,
        "high": interval.high,
        "seeds": observed.n,
    }
