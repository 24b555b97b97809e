"""When to ask a person: what is wrong among the cases that a network is left to decide, the surest ones.

A case's risk is its loss: 1 for a wrong class; of a mask 1 minus the image's F-score, 0 for an empty mask that is predicted
empty. Cases are decided in the order of a signal, the surest first; cases with equal signals come in any order, and the mean over
these orders counts. Two signals are compared: a network's own uncertainty, and the disagreement of the students of its run.

Reference:
    El-Yaniv and Wiener, JMLR 2010 (risk and coverage); Geifman, Uziel, El-Yaniv, ICLR 2019 (area under the curve).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from kdml.analysis import metrics
from kdml.analysis.metrics import Columns
from kdml.analysis.ratios import ratio
from kdml.analysis.statistics import Resamples

CHUNK = 100_000  # values at once, which stay in the cache of a core


class OfOrder:
    """The area under the risk-coverage curve by one signal. Cases of equal signals are one step.

    Args:
        signal: of each case, (n,); larger where a person is sooner asked.
        loss: of each case, (n,).
        group: place of each case's group, (n,).
    """

    def __init__(self, signal: np.ndarray, loss: np.ndarray, group: np.ndarray):
        order = np.argsort(signal, kind="stable")  # the surest first
        self.loss, self.group = loss[order], group[order]
        self.starts = np.flatnonzero(np.diff(signal[order], prepend=-np.inf))
        # Most classes are right, and a case without loss only counts: losses are summed over the others alone.
        self.wrong = np.flatnonzero(self.loss)
        steps = np.searchsorted(self.starts, self.wrong, side="right") - 1
        self.wrong_steps, self.wrong_starts = np.unique(steps, return_index=True)
        self.once = np.ones((1, int(group.max()) + 1))
        self._drawn: tuple[Resamples, int, np.ndarray] | None = None

    @property
    def value(self) -> float:
        """Value of the whole test set, as a fraction."""
        return float(self._areas(self.once)[0])

    @property
    def chance(self) -> float:
        """None that is known."""
        return float("nan")

    def draws(self, resamples: Resamples, seed: int) -> np.ndarray:
        """Values under every draw of groups, (resamples,); kept, because what another signal gains takes them, too."""
        if self._drawn is None or self._drawn[0] is not resamples or self._drawn[1] != seed:
            parts = [self._areas(part) for part in self._parts(resamples.group_weights[seed])]
            self._drawn = (resamples, seed, np.concatenate(parts))
        return self._drawn[2]

    def curve(self, coverages: Sequence[float], weights: np.ndarray | None = None) -> np.ndarray:
        """Risks at some coverages, of the whole test set (coverages,), or under weightings of the groups (draws, coverages)."""
        if weights is None:
            return self._risks(self.once, coverages)[0]
        return np.concatenate([self._risks(part, coverages) for part in self._parts(weights)])

    def _parts(self, weights: np.ndarray) -> list[np.ndarray]:
        return np.array_split(weights, max(1, len(weights) * len(self.loss) // CHUNK))

    def _areas(self, weights: Float[np.ndarray, "draws groups"]) -> Float[np.ndarray, " draws"]:
        """Mean of the risk over all numbers of cases that may be decided; weights are whole numbers."""
        drawn = weights[:, self.group]
        cases = self._cases(drawn)
        decided = cases.cumsum(axis=1)
        total = decided[:, -1].astype(int)
        if not len(self.wrong):
            return np.where(total > 0, 0.0, np.nan)
        harmonic = np.concatenate([[0.0], (1 / np.arange(1, total.max() + 1)).cumsum()])
        earlier = np.concatenate([[0.0], harmonic[:-1].cumsum()])  # sum of harmonic[p - 1] over the places p up to each
        own, after = cases[:, self.wrong_steps].astype(int), decided[:, self.wrong_steps].astype(int)
        # A case at place p is among the first k for all k >= p, with the weight 1 / k; tied cases share their places.
        shares = own * harmonic[total][:, None] - (earlier[after] - earlier[after - own])
        return ratio((ratio(self._losses(drawn), own, empty=0.0) * shares).sum(axis=1), total)

    def _risks(
        self, weights: Float[np.ndarray, "draws groups"], coverages: Sequence[float]
    ) -> Float[np.ndarray, "draws coverages"]:
        """Mean loss of the surest cases, by the share of all cases that they are, above 0."""
        drawn = weights[:, self.group]
        cases, losses = np.zeros((2, len(weights), len(self.starts) + 1))
        np.cumsum(self._cases(drawn), axis=1, out=cases[:, 1:])
        if len(self.wrong):
            losses[:, self.wrong_steps + 1] = self._losses(drawn)
        np.cumsum(losses, axis=1, out=losses)
        decided = cases[:, -1:] * np.asarray(coverages)
        found = [np.searchsorted(*of_draw) for of_draw in zip(cases, decided, strict=True)]
        above = np.stack(found).clip(1, cases.shape[1] - 1)
        ends = [np.take_along_axis(one, place, axis=1) for place in (above - 1, above) for one in (cases, losses)]
        share = ratio(decided - ends[0], ends[2] - ends[0], empty=0.0)
        return ratio(ends[1] + share * (ends[3] - ends[1]), decided)

    def _cases(self, drawn: Float[np.ndarray, "draws n"]) -> Float[np.ndarray, "draws steps"]:
        """Cases of each step."""
        return drawn if len(self.starts) == len(self.loss) else np.add.reduceat(drawn, self.starts, axis=1)

    def _losses(self, drawn: Float[np.ndarray, "draws n"]) -> Float[np.ndarray, "draws wrong_steps"]:
        """Losses of the steps that have any."""
        return np.add.reduceat(drawn[:, self.wrong] * self.loss[self.wrong], self.wrong_starts, axis=1)


@dataclass(frozen=True)
class Gain:
    """What the area under the risk-coverage curve by one signal is smaller by than by another.

    Args:
        by: the signal.
        instead_of: the other.
    """

    by: OfOrder
    instead_of: OfOrder

    @property
    def value(self) -> float:
        """Value of the whole test set, as a fraction."""
        return self.instead_of.value - self.by.value

    @property
    def chance(self) -> float:
        """None that is known."""
        return float("nan")

    def draws(self, resamples: Resamples, seed: int) -> np.ndarray:
        """Values under every draw of groups, (resamples,)."""
        return self.instead_of.draws(resamples, seed) - self.by.draws(resamples, seed)


def measures(columns: Columns, classes: int, group: np.ndarray) -> Iterator[tuple[str, OfOrder | Gain]]:
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
        loss = 1 - np.nan_to_num(metrics.f_score(metrics.pixel_columns(columns)), nan=1.0)
    by_own = OfOrder(own, loss, group)
    yield metrics.AURC, by_own
    if other is not None and not np.isnan(other).any():
        by_other = OfOrder(other, loss, group)
        yield metrics.AURC_DISAGREEMENT, by_other
        yield metrics.AURC_GAIN, Gain(by_other, by_own)
