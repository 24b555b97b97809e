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

from kdml.analysis import metrics, regions
from kdml.analysis.metrics import Metric
from kdml.analysis.statistics import Counts, Resamples, sums_by_group
from kdml.common.errors import UserError
from kdml.runs.graph import TEACHER, is_student
from kdml.runs.records import refuse_mixture

log = logging.getLogger(__name__)
AGAIN = "delete it and let the workflow evaluate the run again"
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
        ids: of the cases, in the order of `right` and `scores`.
        remark: what a reader has to know of the test set.
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

    def network(self, name: str) -> str:
        """The network that stands for `name` here: a run of a single network or of a single student has only that."""
        known = {key.network for key in self.measures}
        if name in known:
            return name
        learners = known - {TEACHER} or known
        return next(iter(learners)) if len(learners) == 1 else name


def share(counts: np.ndarray) -> np.ndarray:
    """First count over second; NaN where there is nothing."""
    return np.divide(counts[..., 0], counts[..., 1], out=np.full(counts.shape[:-1], np.nan), where=counts[..., 1] > 0)


def read_run(
    folder: Path, run: str, seed: int, record: Mapping[str, Any], classes: int, limits: tuple[float, float] | None
) -> Measured:
    """Read what `src/evaluate.py` wrote of one run.

    Args:
        folder: of the run.
        run: its name.
        seed: of the repetition.
        record: its run.json.
        classes: of the task; 0 for segmentation.
        limits: areas that divide regions into sizes; None for classification.

    Raises:
        UserError: a file is missing, lacks a column, or holds something that is no number.
    """
    numbers = ("target", "predicted") if classes else (*metrics.PIXELS, "false_regions")
    cases = _read(folder / "cases.csv", ("network", "truth"), numbers)
    first = cases[(cases["network"] == cases["network"].iloc[0]) & (cases["truth"] == "label")]
    groups = tuple(dict.fromkeys(first["group"]))
    measures: dict[Key, Measure] = {}
    for (network, truth), mine in cases.groupby(["network", "truth"], sort=False):
        if tuple(dict.fromkeys(mine["group"])) != groups:
            raise UserError(f"{folder / 'cases.csv'}: {network} was not measured on the same cases as others.", AGAIN)
        of_network = _of_classes(mine, classes) if classes else _of_pixels(mine, with_regions=truth == "label")
        measures |= {Key(network, truth, name): measure for name, measure in of_network.items()}
    if limits is not None:
        regions = _read(folder / "regions.csv", ("network", "region"), ("area", "share"))
        measures |= _detection(regions, groups, limits)
    return Measured(
        run,
        seed,
        groups,
        len(first),
        measures,
        **(_by_case(cases[cases["truth"] == "label"], first) if classes else {}),
        departures="; ".join(numbers.departures(record)),
        ids=tuple(first["id"]),
        remark=_absent(first["target"], record) if classes else "",
    )


def _of_classes(mine: pd.DataFrame, classes: int) -> dict[str, Measure]:
    cells = metrics.confusions(mine["target"].to_numpy(), mine["predicted"].to_numpy(), classes)
    _, sums = sums_by_group(cells, mine["group"].tolist())
    return {name: Measure(metric, sums) for name, metric in metrics.POOLED["classification"].items()}


def _of_pixels(mine: pd.DataFrame, with_regions: bool) -> dict[str, Measure]:
    """Pooled over all pixels, and the mean of the groups' own IoU, in which no lesion found where there is none counts as 1."""
    groups = mine["group"].tolist()
    _, sums = sums_by_group(mine[list(metrics.PIXELS)].to_numpy(), groups)
    found = {name: Measure(metric, sums) for name, metric in metrics.POOLED["segmentation"].items()}
    own = np.nan_to_num(metrics.iou(sums), nan=1.0)
    found["iou_per_group"] = Measure(share, np.stack([own, np.ones_like(own)], axis=1))
    if with_regions:
        _, per_image = sums_by_group(np.stack([mine["false_regions"], np.ones(len(mine))], axis=1), groups)
        found["false_regions"] = Measure(share, per_image)
    return found


def _by_case(labelled: pd.DataFrame, first: pd.DataFrame) -> dict[str, Any]:
    """What tests over single cases need, by network: right or wrong, and the scores of two classes."""
    networks = labelled.groupby("network", sort=False)
    found = {"right": {name: (mine["target"] == mine["predicted"]).to_numpy() for name, mine in networks}}
    if "score" in labelled:
        found["scores"] = {name: pd.to_numeric(mine["score"]).to_numpy(dtype=float) for name, mine in networks}
        found["positive"] = (first["target"] == 1).to_numpy()
    return found


def _absent(target: pd.Series, record: Mapping[str, Any]) -> str:
    """Names the classes of which the test set has no case."""
    absent = [name for number, name in enumerate(record["settings"]["classes"]) if number not in set(target)]
    return f"no test case of {', '.join(absent)}" if absent else ""


def read_runs(described: Sequence[Mapping[str, Any]], classes: int, allow_mixed_code: bool = False) -> list[Measured]:
    """Read several runs; in segmentation small, medium and large are thirds of the regions of all their test sets.

    Args:
        described: folder, run and seed of each.
        classes: of the task; 0 for segmentation.
        allow_mixed_code: accept runs of different versions of the training code.

    Raises:
        UserError: a file is missing or has other columns, or runs are mixed that do not belong together.
    """
    records = refuse_mixture(described, ("run",), allow_mixed_code)
    folders = [Path(run["folder"]) for run in described]
    areas = () if classes else region_areas(folders)
    limits = regions.size_limits(areas) if len(areas) else None
    if limits is not None:
        log.info("regions are small up to %.0f pixels, large above %.0f", *limits)
    return [
        read_run(folder, run["run"], run["seed"], records[str(run["folder"])], classes, limits)
        for folder, run in zip(folders, described, strict=True)
    ]


def region_areas(folders: Sequence[Path]) -> np.ndarray:
    """Areas of the regions in the test sets of runs, each region once per run."""
    tables = [_read(folder / "regions.csv", ("region",), ("area",)) for folder in folders]
    areas = [table.drop_duplicates(["id", "region"])["area"].to_numpy(dtype=float) for table in tables]
    return np.concatenate(areas) if areas else np.zeros(0)


def _detection(regions: pd.DataFrame, groups: tuple[str, ...], limits: tuple[float, float]) -> dict[Key, Measure]:
    """Share of the regions of each size that a network finds, and that both students find."""
    if regions.empty:
        return {}
    regions["size"] = [regions.size_of(area, limits) for area in regions["area"]]
    students = regions[regions["network"].map(is_student).astype(bool)]
    if students["network"].nunique() > 1:
        keys = ["id", "group", "region", "area", "size"]
        regions = pd.concat([regions, students.groupby(keys, as_index=False)["share"].min().assign(network=BOTH)])
    places = {name: place for place, name in enumerate(groups)}
    found = {}
    for (network, size), mine in regions.groupby(["network", "size"]):
        counts = np.zeros((len(groups), 2))
        rows = [places[group] for group in mine["group"]]
        np.add.at(counts, (rows, 0), (mine["share"] >= regions.FOUND).to_numpy(dtype=float))
        np.add.at(counts, (rows, 1), 1.0)
        found[Key(network, "label", f"found_{size}")] = Measure(share, counts)
    return found


def _read(path: Path, words: tuple[str, ...], numbers: tuple[str, ...]) -> pd.DataFrame:
    """A table of cases or regions; a case without a group is a group of its own."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "let the workflow evaluate the run") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a table ({error}).", AGAIN) from None
    missing = [name for name in ("id", "group", *words, *numbers) if name not in table]
    if missing:
        raise UserError(f"{path} lacks the column '{missing[0]}'.", AGAIN)
    if table.empty and path.name == "cases.csv":
        raise UserError(f"{path} has no rows.", AGAIN)
    for name in numbers:
        table[name] = _numeric(path, table, name)
    table["group"] = table["group"].where(table["group"] != "", table["id"])
    return table


def _numeric(path: Path, table: pd.DataFrame, name: str) -> pd.Series:
    """A column as numbers; false regions are not counted against a teacher's mask."""
    optional = name == "false_regions"
    found = pd.to_numeric(table[name], errors="coerce")
    bad = found.isna() & ~(optional & (table[name] == ""))
    if bad.any():
        line = int(bad.to_numpy().argmax()) + 2
        raise UserError(f"{path}, line {line}, {name}: '{table[name][bad].iloc[0]}' is no number.", AGAIN)
    return found if optional or name == "share" else found.astype(np.int64)


def resamples_of(runs: Sequence[Measured]) -> Resamples:
    """Draws for the seeds and test groups of these runs.

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
    return Resamples({seed: groups for seed, (groups, _) in tested.items()})
