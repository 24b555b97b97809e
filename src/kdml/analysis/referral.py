"""When to ask a person: what is wrong among the cases that a network is left to decide, the surest ones.

A case's risk is its loss: 1 for a wrong class; of a mask 1 minus the image's F-score, 0 for an empty mask that is predicted
empty. Cases are decided in the order of a signal, the surest first; cases with equal signals come in any order, and the mean over
these orders counts. Two signals are compared: a network's own uncertainty, and the disagreement of the students of its run.

Reference:
    El-Yaniv and Wiener, JMLR 2010 (risk and coverage); Geifman, Uziel, El-Yaniv, ICLR 2019 (area under the curve).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from kdml.analysis import metrics
from kdml.analysis.metrics import Columns
from kdml.analysis.ratios import ratio
from kdml.analysis.statistics import Resamples

CHUNK = 2_000_000  # values at once


class Cumulated(NamedTuple):
    """Cases and their losses up to and with each distinct value of the signal, (draws, values) each."""

    cases: np.ndarray
    losses: np.ndarray


def cumulated(
    signal: Float[np.ndarray, " n"], loss: Float[np.ndarray, " n"], weights: Float[np.ndarray, "draws n"]
) -> Cumulated:
    """Cases and losses in the order of a signal, the surest first.

    Args:
        signal: larger where a person is sooner asked.
        loss: of each case.
        weights: how often each draw has each case.
    """
    order = np.argsort(signal, kind="stable")
    starts = np.flatnonzero(np.diff(signal[order], prepend=-np.inf))
    drawn = weights[:, order]
    cases, losses = (np.add.reduceat(one, starts, axis=1) for one in (drawn, drawn * loss[order]))
    return Cumulated(cases.cumsum(axis=1), losses.cumsum(axis=1))


def area(found: Cumulated) -> Float[np.ndarray, " draws"]:
    """Area under the risk-coverage curve: mean of the risk over all numbers of cases that may be decided.

    Args:
        found: whole numbers of cases in every draw.
    """
    harmonic = np.concatenate([[0.0], (1 / np.arange(1, found.cases.max() + 1)).cumsum()])
    before, losses_before = (np.pad(one, ((0, 0), (1, 0)))[:, :-1] for one in found)
    cases, losses = found.cases - before, found.losses - losses_before
    each = ratio(losses, cases, empty=0.0)
    # Of k cases, some of them tied, the losses are expected to be losses_before + (k - before) * each.
    steps = harmonic[found.cases.astype(int)] - harmonic[before.astype(int)]
    return ratio((losses + (losses_before - before * each) * steps).sum(axis=1), found.cases[:, -1])


def risks(found: Cumulated, coverages: Sequence[float]) -> Float[np.ndarray, "draws coverages"]:
    """Mean loss of the surest cases.

    Args:
        found: cases and losses in the order of a signal.
        coverages: shares of all cases that are decided, above 0.
    """
    decided = found.cases[:, -1:] * np.asarray(coverages)
    cases, losses = (np.pad(one, ((0, 0), (1, 0))) for one in found)
    above = (cases[:, :, None] < decided[:, None, :]).sum(axis=1).clip(1, cases.shape[1] - 1)
    ends = [np.take_along_axis(one, place, axis=1) for place in (above - 1, above) for one in (cases, losses)]
    share = ratio(decided - ends[0], ends[2] - ends[0], empty=0.0)
    return ratio(ends[1] + share * (ends[3] - ends[1]), decided)


@dataclass(frozen=True)
class OfOrder:
    """The area under the risk-coverage curve, by one signal, or what it is smaller by than with another.

    Args:
        signal: of each case, (n,); larger where a person is sooner asked.
        loss: of each case, (n,).
        group: place of each case's group, (n,).
        instead_of: another signal, whose area this one's is subtracted from; None for the area itself.
    """

    signal: np.ndarray
    loss: np.ndarray
    group: np.ndarray
    instead_of: np.ndarray | None = None

    @property
    def value(self) -> float:
        """Value of the whole test set, as a fraction."""
        return float(self._of(np.ones((1, len(self.loss))))[0])

    @property
    def chance(self) -> float:
        """None that is known."""
        return float("nan")

    def draws(self, resamples: Resamples, seed: int) -> np.ndarray:
        """Values under every draw of groups, (resamples,)."""
        weights = resamples.group_weights[seed]
        parts = np.array_split(weights, max(1, len(weights) * len(self.loss) // CHUNK))
        return np.concatenate([self._of(part[:, self.group]) for part in parts])

    def _of(self, weights: np.ndarray) -> np.ndarray:
        found = area(cumulated(self.signal, self.loss, weights))
        return found if self.instead_of is None else area(cumulated(self.instead_of, self.loss, weights)) - found

    def curve(self, coverages: Sequence[float], weights: np.ndarray | None = None) -> np.ndarray:
        """Risks at some coverages, of the whole test set (coverages,), or under weightings of the groups (draws, coverages)."""
        if weights is None:
            return risks(cumulated(self.signal, self.loss, np.ones((1, len(self.loss)))), coverages)[0]
        parts = np.array_split(weights, max(1, len(weights) * len(self.loss) // CHUNK))
        return np.concatenate(
            [risks(cumulated(self.signal, self.loss, part[:, self.group]), coverages) for part in parts]
        )


def measures(columns: Columns, classes: int, group: np.ndarray) -> Iterator[tuple[str, OfOrder]]:
    """Areas of one network by its own uncertainty and, for students and their ensemble, by the students' disagreement.

    Args:
        columns: of its cases, with `uncertainty`, and `disagreement` where there are several students.
        classes: of the task; 0 for segmentation.
        group: place of each case's group, (n,).
    """
    own, other = columns["uncertainty"], columns.get("disagreement")
    if classes:
        loss = (columns["target"] != columns["predicted"]).astype(float)
    else:
        pixels = np.stack([columns[name] for name in metrics.PIXELS], axis=1)
        loss = 1 - np.nan_to_num(metrics.f_score(pixels), nan=1.0)
    yield metrics.AURC, OfOrder(own, loss, group)
    if other is not None and not np.isnan(other).any():
        yield metrics.AURC_DISAGREEMENT, OfOrder(other, loss, group)
        yield metrics.AURC_GAIN, OfOrder(other, loss, group, instead_of=own)
