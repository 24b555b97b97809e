"""What the runs of one task and pair were measured to do on each test case, brought into one form: counts by group.

A measure is a metric and the counts that it is computed from, one row per group of test cases (patient, lesion, slide, or the
image where no group is known). All runs share one order of groups, so that any two of them can be compared on the same resamples.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from kdml import detection, metrics, paper
from kdml.collect import refuse_mixed_code, refuse_mixed_settings
from kdml.errors import UserError
from kdml.files import read_json
from kdml.metrics import Metric
from kdml.sharing import TEACHER, is_student
from kdml.statistics import Counts, Resamples, sums_by_group

log = logging.getLogger(__name__)
AGAIN = "delete it and let the workflow evaluate the run again"
CASES = ("id", "group", "network", "truth")
COUNTED = {"classification": ("target", "predicted"), "segmentation": (*metrics.PIXELS, "false_regions")}
REGIONS = ("id", "group", "region", "area", "network", "share")
BOTH = "both"  # of the students: a region that each of them finds


class Key(NamedTuple):
    """What is measured: a network's metric against the labels, against its teacher, or on regions of one size."""

    network: str
    truth: str
    metric: str


@dataclass(frozen=True)
class Measure:
    """A metric and its counts by group."""

    metric: Metric
    counts: Counts

    @property
    def value(self) -> float:
        """Of the whole test set, as a fraction."""
        return float(self.metric(self.counts.sum(axis=0)))


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

    def network(self, name: str) -> str:
        """The network that stands for `name` here: a run of a single network or of a single student has only that."""
        known = {key.network for key in self.measures}
        learners = known - {TEACHER} or known
        return next(iter(learners)) if len(learners) == 1 else name


def share(counts: np.ndarray) -> np.ndarray:
    """First count over second; NaN where there is nothing."""
    return np.divide(counts[..., 0], counts[..., 1], out=np.full(counts.shape[:-1], np.nan), where=counts[..., 1] > 0)


def read_run(folder: Path, run: str, seed: int, classes: int, limits: tuple[float, float] | None) -> Measured:
    """Read what `src/evaluate.py` wrote of one run.

    Args:
        folder: of the run.
        run: its name.
        seed: of the repetition.
        classes: of the task; 0 for segmentation.
        limits: areas that divide regions into sizes; None for classification.

    Raises:
        UserError: a file is missing or has other columns.
    """
    kind = "classification" if classes else "segmentation"
    cases = _read(folder / "cases.csv", (*CASES, *COUNTED[kind]))
    if cases.empty:
        raise UserError(f"{folder / 'cases.csv'} has no cases.", AGAIN)
    cases["group"] = cases["group"].where(cases["group"] != "", cases["id"])
    labelled = cases[cases["truth"] == "label"]
    first = labelled[labelled["network"] == cases["network"].iloc[0]]
    groups = tuple(dict.fromkeys(first["group"]))
    measures = _pooled(cases, groups, classes, folder / "cases.csv")
    if limits is not None:
        measures |= _detection(_read(folder / "regions.csv", REGIONS), groups, limits)
    networks = list(labelled.groupby("network", sort=False))
    right = {name: (mine["target"] == mine["predicted"]).to_numpy() for name, mine in networks} if classes else {}
    scored = "score" in cases
    scores = {name: mine["score"].astype(float).to_numpy() for name, mine in networks} if scored else {}
    positive = (first["target"] == 1).to_numpy() if scored else None
    departures = paper.departures(read_json(folder / "run.json", "let the workflow train the run"))
    return Measured(run, seed, groups, len(first), measures, right, scores, positive, "; ".join(departures))


def _pooled(cases: pd.DataFrame, groups: tuple[str, ...], classes: int, path: Path) -> dict[Key, Measure]:
    """Metrics of every network against labels and teacher, and false regions per image, by group."""
    kind = "classification" if classes else "segmentation"
    measures = {}
    for (network, truth), mine in cases.groupby(["network", "truth"], sort=False):
        names, sums = sums_by_group(_counts(mine, classes), mine["group"].tolist())
        if tuple(names) != groups:
            raise UserError(f"{path}: {network} was not measured on the same cases as others.", AGAIN)
        measures |= {Key(network, truth, name): Measure(metric, sums) for name, metric in metrics.POOLED[kind].items()}
        if kind == "segmentation" and truth == "label":
            per_image = np.stack([mine["false_regions"].astype(float), np.ones(len(mine))], axis=1)
            _, sums = sums_by_group(per_image, mine["group"].tolist())
            measures[Key(network, truth, "false_regions")] = Measure(share, sums)
    return measures


def read_runs(described: Sequence[Mapping[str, Any]], classes: int, allow_mixed_code: bool = False) -> list[Measured]:
    """Read several runs; in segmentation small, medium and large are thirds of the regions of all their test sets.

    Args:
        described: folder, run and seed of each.
        classes: of the task; 0 for segmentation.
        allow_mixed_code: accept runs of different versions of the training code.

    Raises:
        UserError: a file is missing or has other columns, or runs are mixed that do not belong together.
    """
    folders = [Path(run["folder"]) for run in described]
    records = [read_json(folder / "run.json", "let the workflow train the run") for folder in folders]
    if not allow_mixed_code:
        refuse_mixed_code({str(folder): record["code_hash"] for folder, record in zip(folders, records, strict=True)})
    refuse_mixed_settings(
        (run["run"], str(folder), record) for run, folder, record in zip(described, folders, records, strict=True)
    )
    areas = () if classes else region_areas(folders)
    limits = detection.size_limits(areas) if len(areas) else None
    if limits is not None:
        log.info("regions are small up to %.0f pixels, large above %.0f", *limits)
    return [
        read_run(folder, run["run"], run["seed"], classes, limits)
        for folder, run in zip(folders, described, strict=True)
    ]


def region_areas(folders: Sequence[Path]) -> np.ndarray:
    """Areas of the regions in the test sets of runs, each region once per run.

    Args:
        folders: of the runs.

    Raises:
        UserError: a run's regions.csv is missing, no table, or lacks a column.
    """
    tables = [_read(folder / "regions.csv", REGIONS) for folder in folders]
    areas = [table.drop_duplicates(["id", "region"])["area"].to_numpy(dtype=float) for table in tables]
    return np.concatenate(areas) if areas else np.zeros(0)


def _counts(cases: pd.DataFrame, classes: int) -> np.ndarray:
    if classes:
        target, predicted = (cases[name].to_numpy(dtype=np.int64) for name in ("target", "predicted"))
        return metrics.confusions(target, predicted, classes)
    return cases[list(metrics.PIXELS)].to_numpy(dtype=np.int64)


def _detection(regions: pd.DataFrame, groups: tuple[str, ...], limits: tuple[float, float]) -> dict[Key, Measure]:
    """Share of the regions of each size that a network finds, and that both students find."""
    if regions.empty:
        return {}
    regions["group"] = regions["group"].where(regions["group"] != "", regions["id"])
    regions["size"] = [detection.size_of(area, limits) for area in regions["area"]]
    students = regions[regions["network"].map(is_student).astype(bool)]
    if students["network"].nunique() > 1:
        keys = ["id", "group", "region", "area", "size"]
        regions = pd.concat([regions, students.groupby(keys, as_index=False)["share"].min().assign(network=BOTH)])
    places = {name: place for place, name in enumerate(groups)}
    found = {}
    for (network, size), mine in regions.groupby(["network", "size"]):
        counts = np.zeros((len(groups), 2))
        rows = [places[group] for group in mine["group"]]
        np.add.at(counts, (rows, 0), (mine["share"] >= detection.FOUND).to_numpy(dtype=float))
        np.add.at(counts, (rows, 1), 1.0)
        found[Key(network, "label", f"found_{size}")] = Measure(share, counts)
    return found


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={"id": str, "group": str}, keep_default_na=False)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "let the workflow evaluate the run") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a table ({error}).", AGAIN) from None
    missing = [name for name in columns if name not in table]
    if missing:
        raise UserError(f"{path} lacks the column '{missing[0]}'.", AGAIN)
    return table


def resamples_of(runs: Sequence[Measured]) -> Resamples:
    """Draws for the seeds and test groups of these runs.

    Raises:
        UserError: runs of one seed were tested on different groups.
    """
    groups: dict[int, tuple[str, ...]] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        if groups.setdefault(run.seed, run.groups) != run.groups:
            raise UserError(
                f"{run.run}, seed {run.seed}, was tested on other images than the runs it is compared with.",
                "let the workflow train them again on one split: `snakemake --forcerun split`",
            )
    return Resamples(groups)
