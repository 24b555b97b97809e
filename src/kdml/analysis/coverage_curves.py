"""Risk-coverage curves of the runs of a sheet: what is wrong among the surest cases, by two signals of when to ask a person."""

from collections.abc import Iterator
from typing import Any

from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.metrics import AURC, AURC_DISAGREEMENT
from kdml.analysis.referral import OfOrder

COLUMNS = ("run", "network", "signal", "coverage", "risk", "low", "high", "seeds")
COVERAGES = tuple(step / 10 for step in range(1, 11))
SIGNALS = {AURC: "own", AURC_DISAGREEMENT: "disagreement"}


def rows(runs: MeasuredRuns) -> Iterator[dict[str, Any]]:
    """A row of `COLUMNS` per run, network, signal and coverage; risk and coverage in percent.

    Args:
        runs: of a sheet, measured against their labels.
    """
    for name, by_seed in runs.runs.items():
        for key in dict.fromkeys(key for run in by_seed.values() for key in run.measures if key.metric in SIGNALS):
            found = {seed: run.measures[key] for seed, run in by_seed.items() if key in run.measures}
            orders = {seed: one for seed, one in found.items() if isinstance(one, OfOrder)}
            shared = runs.resamples(orders)
            curves = {seed: 100 * one.curve(COVERAGES) for seed, one in orders.items()}
            drawn = {seed: 100 * one.curve(COVERAGES, shared.group_weights[seed]) for seed, one in orders.items()}
            for place, coverage in enumerate(COVERAGES):
                summary, interval = runs.interval(
                    name,
                    {seed: float(curve[place]) for seed, curve in curves.items()},
                    {seed: curve[:, place] for seed, curve in drawn.items()},
                )
                who = {"run": name, "network": key.network, "signal": SIGNALS[key.metric], "coverage": 100 * coverage}
                yield who | {"risk": summary.mean, "low": interval.low, "high": interval.high, "seeds": summary.n}
