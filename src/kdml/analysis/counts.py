"""What the runs of one task and pair were measured to do on each test case, brought into one form: counts by group.

A measure is a metric and the counts that it is computed from, one row per group of test cases (patient, lesion, slide, or the
image where no group is known). All runs share one order of groups, so that any two of them can be compared on the same resamples.
"""

import hashlib
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from kdml.analysis import class_pixels, metrics, referral, regions, roc
from kdml.analysis.cases import by_run
from kdml.analysis.metrics import Function
from kdml.analysis.statistics import Counts, Resamples, sums_by_group
from kdml.common.errors import UserError
from kdml.common.metadata import METADATA
from kdml.paper.departures import departures
from kdml.runs.graph import TEACHER, is_student

log = logging.getLogger(__name__)
AGAIN = "delete the table of cases and let the workflow evaluate the runs again"
DIGITS = 12  # of the digest of a network's outputs
BOTH = "both"  # of the students: a region that each of them finds


class Key(NamedTuple):
    """What is measured: a network's metric against the labels, against its teacher, or on regions of one size."""

    network: str
    truth: str
    metric: str


class Measure(Protocol):
    """A metric on a test set, of which resamples can be drawn."""

    @property
    def value(self) -> float:
        """Value of the whole test set, as a fraction or in nats."""

    @property
    def chance(self) -> float:
        """Value of a network that has learned nothing; NaN where there is none."""

    def draws(self, resamples: Resamples, seed: int) -> np.ndarray:
        """Values under every draw of groups, (resamples,)."""


@dataclass(frozen=True)
class OfCounts:
    """A metric that is a function of sums of counts.

    Args:
        metric: sums of counts to the value.
        counts: of every group, (groups, k).
        sizes: of the regions that are counted, in words; empty where none are.
        chance: value for naming the most frequent class every time; NaN where no classes are named.
        is_count: whether it is a share of things that are counted one by one, test cases or regions.
    """

    metric: Function
    counts: Counts
    sizes: str = ""
    chance: float = math.nan
    is_count: bool = False

    @property
    def value(self) -> float:
        """Value of the whole test set, as a fraction or in nats."""
        return float(self.metric(self.counts.sum(axis=0)))

    def draws(self, resamples: Resamples, seed: int) -> np.ndarray:
        """Values under every draw of groups, (resamples,)."""
        return resamples.of(seed, self.counts, self.metric)


@dataclass(frozen=True)
class OfScores:
    """The area under the ROC curve, a function of all scores; of several classes the mean over them, each against the rest.

    Args:
        scores: of the second of two classes, (n, 1), or of each of several, (n, classes).
        positive: whether a case is of the class, likewise.
        group: place of each case's group, (n,).
    """

    scores: np.ndarray
    positive: np.ndarray
    group: np.ndarray

    @property
    def value(self) -> float:
        """Area for the whole test set, 0 to 1."""
        return roc.macro_auc(self.scores, self.positive)

    @property
    def chance(self) -> float:
        """Area for equal scores of all cases."""
        return 0.5

    def draws(self, resamples: Resamples, seed: int) -> np.ndarray:
        """Areas under every draw of groups, (resamples,)."""
        return roc.weighted_macro_auc(self.scores, self.positive, resamples.group_weights[seed][:, self.group])


@dataclass(frozen=True)
class Measured:
    """One run on its test set.

    Args:
        run: its name.
        seed: of the repetition.
        groups: names, in the order of all counts.
        cases: test cases.
        measures: by what they measure.
        right: per case whether a network is right (classification), by network.
        scores: per case the score of the second class (two classes), by network.
        positive: per case whether it is of the second class.
        departures: how its settings differ from the paper's.
        ids: of the cases, in the order of `right` and `scores`.
        remark: what a reader has to know of the test set.
        outputs: digest of what each network's outputs come to on every case; equal for networks that predict the same.
            None against a teacher, which decides these numbers, too.
    """

    run: str
    seed: int
    groups: tuple[str, ...]
    cases: int
    measures: Mapping[Key, Measure]
    right: Mapping[str, np.ndarray] = field(default_factory=dict)
    scores: Mapping[str, np.ndarray] = field(default_factory=dict)
    positive: np.ndarray | None = None
    departures: str = ""
    ids: tuple[str, ...] = ()
    remark: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)

    def network(self, name: str) -> str:
        """The network that stands for `name` here: a run of a single network or of a single student has only that."""
        known = {key.network for key in self.measures}
        if name in known:
            return name
        learners = known - {TEACHER} or known
        return next(iter(learners)) if len(learners) == 1 else name

    def has(self, key: Key) -> bool:
        """Whether this was measured, of the network that stands for the key's."""
        return self._here(key) in self.measures

    def measure(self, key: Key) -> Measure:
        """What was measured, of the network that stands for the key's."""
        return self.measures[self._here(key)]

    def _here(self, key: Key) -> Key:
        return key._replace(network=self.network(key.network))


def measured(
    cases: pd.DataFrame,
    found: pd.DataFrame | None,
    truth: str,
    classes: int,
    records: Mapping[tuple[str, int], Mapping[str, Any]],
) -> list[Measured]:
    """Bring the runs of a table of cases into the form in which they are compared.

    In segmentation small, medium and large are thirds of the regions of the test sets, each counted once however many runs were
    tested on it: so the limits do not hang on which runs are measured together.

    Args:
        cases: as `kdml.analysis.cases.read` gives them.
        found: their regions; None for classification, or against a teacher.
        truth: that they were measured against, `label` or `teacher`.
        classes: of the task; 0 for segmentation.
        records: run.json of every run, by its name and seed.

    Raises:
        UserError: networks of a run were measured on different cases, or there is no record of a run.
    """
    runs = by_run(cases)
    if strangers := [key for key in runs if key not in records]:
        raise UserError(
            f"{strangers[0][0]}, seed {strangers[0][1]}, is not among the runs that its cases were read for.", AGAIN
        )
    regions_of = {} if found is None else by_run(found)
    limits = limits_of(regions_of.values())
    return [_of_run(key, rows, regions_of.get(key), limits, truth, classes, records[key]) for key, rows in runs.items()]


def together(first: Iterable[Measured], second: Iterable[Measured]) -> list[Measured]:
    """Join what the same runs were measured to do against two truths; a run that only one side has stays as it is.

    Args:
        first: runs against their labels.
        second: runs against their teachers.

    Raises:
        UserError: a run was tested on other cases on the two sides.
    """
    others = {(one.run, one.seed): one for one in second}
    joined = []
    for one in first:
        other = others.pop((one.run, one.seed), None)
        if other is not None and other.ids != one.ids:
            raise UserError(
                f"{one.run}, seed {one.seed}, was measured on different cases against label and teacher.", AGAIN
            )
        joined.append(one if other is None else replace(one, measures={**one.measures, **other.measures}))
    return [*joined, *others.values()]


def _of_run(
    key: tuple[str, int],
    cases: pd.DataFrame,
    found: pd.DataFrame | None,
    limits: tuple[float, float] | None,
    truth: str,
    classes: int,
    record: Mapping[str, Any],
) -> Measured:
    first = cases[cases["network"] == cases["network"].iloc[0]]
    groups = tuple(dict.fromkeys(first["group"]))
    measures: dict[Key, Measure] = {}
    outputs: dict[str, str] = {}
    for network, mine in cases.groupby("network", sort=False):
        if truth != TEACHER:
            outputs[network] = _digest(mine)
        if mine["id"].tolist() != first["id"].tolist():
            raise UserError(f"{key[0]}, seed {key[1]}: {network} was not measured on the same cases as others.", AGAIN)
        measures |= {Key(network, truth, name): one for name, one in _measures(mine, truth, classes, groups)}
    if found is not None and limits is not None:
        measures |= _detection(found, groups, limits)
    by_case = _by_case(cases, first) if classes and truth == "label" else {}
    return Measured(
        *key,
        groups,
        len(first),
        measures,
        **by_case,
        departures="; ".join(departures(record)),
        ids=tuple(first["id"]),
        remark=_absent(first["target"], record) if by_case else "",
        outputs=outputs,
    )


def _digest(mine: pd.DataFrame) -> str:
    """Digest of all numbers of a network's cases that follow from its own outputs."""
    others = ("run", "seed", "id", "group", "network", "disagreement")
    names = sorted(name for name in mine if name not in others and not name.startswith(METADATA))
    numbers = mine[names].to_numpy(dtype=float) + 0.0  # -0 is 0
    return hashlib.sha256(f"{names}".encode() + numbers.tobytes()).hexdigest()[:DIGITS]


def _measures(mine: pd.DataFrame, truth: str, classes: int, groups: tuple[str, ...]) -> Iterable[tuple[str, Measure]]:
    """Measures of one network, by the names of their metrics."""
    columns = {name: mine[name].to_numpy() for name in mine if name not in ("run", "id", "group", "network")}
    names = mine["group"].tolist()
    summed: dict[Callable, Counts] = {}  # metrics of the same counts share them
    for metric in metrics.of_truth("classification" if classes else "segmentation", truth):
        if metric.columns <= columns.keys():
            if metric.of_cases not in summed:
                summed[metric.of_cases] = sums_by_group(metric.of_cases(columns, classes), names)[1]
            sums = summed[metric.of_cases]
            counts = sums if metric.of_groups is None else metric.of_groups(sums)
            guessed = (
                metrics.of_guessing(metric, mine["target"].to_numpy(), classes)
                if truth == "label" and classes
                else math.nan
            )
            yield metric.name, OfCounts(metric.of_counts, counts, chance=guessed, is_count=metric.is_count)
    if metrics.pixel_columns in summed:
        for name, of_counts in class_pixels.by_class(summed[metrics.pixel_columns].shape[1]):
            yield name, OfCounts(of_counts, summed[metrics.pixel_columns])
    places = {name: place for place, name in enumerate(groups)}
    group = np.array([places[name] for name in names])
    if truth == "label" and (scored := [name for name in roc.scores_of(classes) if name in columns]):
        positive = columns["target"][:, None] == np.arange(classes)[-len(scored) :]
        scores = np.stack([columns[name] for name in scored], axis=1)
        yield metrics.AUC, OfScores(scores, positive, group)
    if truth == "label" and "uncertainty" in columns:
        yield from referral.measures(columns, classes, group)


def _by_case(cases: pd.DataFrame, first: pd.DataFrame) -> dict[str, Any]:
    """What tests over single cases need, by network: right or wrong, and the scores of two classes."""
    networks = cases.groupby("network", sort=False)
    found = {"right": {name: (mine["target"] == mine["predicted"]).to_numpy() for name, mine in networks}}
    if "score" in cases and cases["score"].notna().all():
        found["scores"] = {name: mine["score"].to_numpy(dtype=float) for name, mine in networks}
        found["positive"] = (first["target"] == 1).to_numpy()
    return found


def _absent(target: pd.Series, record: Mapping[str, Any]) -> str:
    """Names the classes of which the test set has no case."""
    absent = [name for number, name in enumerate(record["settings"]["classes"]) if number not in set(target)]
    return f"no test case of {', '.join(absent)}" if absent else ""


def limits_of(tables: Iterable[pd.DataFrame]) -> tuple[float, float] | None:
    """Areas that divide the unique regions of these runs' test sets into thirds; None where there is no region.

    Args:
        tables: regions of every run.
    """
    keys = ["id", "region", "area"]
    unique = pd.concat([table[keys] for table in tables] or [pd.DataFrame(columns=keys)]).drop_duplicates()
    if unique.empty:
        return None
    limits = regions.size_limits(unique["area"].to_numpy(dtype=float))
    log.info("regions are small up to %d pixels, large above %d", *limits)
    return limits


def _detection(found: pd.DataFrame, groups: tuple[str, ...], limits: tuple[float, float]) -> dict[Key, Measure]:
    """Share of the regions of each size that a network finds, and that both students find."""
    found = found.assign(size=[regions.size_of(area, limits) for area in found["area"]])
    students = found[found["network"].map(is_student).astype(bool)]
    if students["network"].nunique() > 1:
        keys = ["id", "group", "region", "class", "area", "size"]
        found = pd.concat([found, students.groupby(keys, as_index=False)["share"].min().assign(network=BOTH)])
    measures: dict[Key, Measure] = {}
    for (network, size), mine in found.groupby(["network", "size"]):
        measures[Key(network, "label", f"found_{size}")] = OfCounts(
            metrics.share, _found(mine, groups), regions.range_of(size, limits), is_count=True
        )
    return measures | _detection_by_class(found, groups)


def _detection_by_class(found: pd.DataFrame, groups: tuple[str, ...]) -> dict[Key, Measure]:
    """Share of the regions of each class, where there are several, that a network finds, and that both students find."""
    if found["class"].nunique() < 2:
        return {}
    return {
        Key(network, "label", f"{metrics.FOUND}{class_pixels.OF_CLASS}{number}"): OfCounts(
            metrics.share, _found(mine, groups), is_count=True
        )
        for (network, number), mine in found.groupby(["network", "class"])
    }


def _found(mine: pd.DataFrame, groups: tuple[str, ...]) -> Counts:
    """Regions that are found and all regions of every group, (groups, 2)."""
    places = {name: place for place, name in enumerate(groups)}
    counts = np.zeros((len(groups), 2))
    rows = [places[group] for group in mine["group"]]
    np.add.at(counts, (rows, 0), (mine["share"] >= regions.FOUND).to_numpy(dtype=float))
    np.add.at(counts, (rows, 1), 1.0)
    return counts


def resamples_of(runs: Sequence[Measured], draws_seed: int = 0) -> Resamples:
    """Draws for the seeds and test groups of these runs.

    Args:
        runs: at least one.
        draws_seed: of the draws.

    Raises:
        UserError: runs of one seed were tested on different cases.
    """
    tested: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        if tested.setdefault(run.seed, (run.groups, run.ids)) != (run.groups, run.ids):
            raise UserError(
                f"{run.run}, seed {run.seed}, was tested on other images than the runs it is compared with.",
                "let the workflow train them again on one split: `snakemake --forcerun split`",
            )
    return Resamples({seed: groups for seed, (groups, _) in tested.items()}, seed=draws_seed)
