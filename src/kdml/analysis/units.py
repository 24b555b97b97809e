"""What networks are right or wrong about, one by one: test cases, or of masks the regions of the truth, with their subgroups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kdml.analysis import regions
from kdml.analysis.counts import AGAIN, limits_of
from kdml.common.errors import UserError
from kdml.common.metadata import METADATA

CLASS, REGION_SIZE = "class", "region size"  # attributes that are no metadata
OF_TABLE = "column of the table"  # of metadata with such a name

Subgroup = tuple[str, str]
"""Attribute and value."""


@dataclass(frozen=True)
class Units:
    """What is judged in one seed, in one order for all networks.

    Args:
        groups: names of the groups of test cases, in the order of the draws.
        group: place of each unit's group in them, (n,).
        subgroups: whether a unit belongs to each, (n,).
        right: whether each network is right, by run and network, (n,).
    """

    groups: Sequence[str]
    group: np.ndarray
    subgroups: Mapping[Subgroup, np.ndarray]
    right: Mapping[tuple[str, str], np.ndarray]

    def counted(self, values: np.ndarray) -> np.ndarray:
        """Sums within the groups, (groups, k), of values of every unit, (n, k)."""
        sums = np.zeros((len(self.groups), values.shape[1]))
        np.add.at(sums, self.group, values)
        return sums


def of_cases(cases: pd.DataFrame, class_names: Sequence[str]) -> dict[int, Units]:
    """Test cases of a classification by seed; a network is right where it names the true class.

    Args:
        cases: as `kdml.analysis.cases.read` gives them.
        class_names: of the labels.

    Raises:
        UserError: networks of one seed were measured on different cases.
    """
    return {seed: _units(mine, mine, class_names, None) for seed, mine in _by_seed(cases)}


def of_regions(cases: pd.DataFrame, found: pd.DataFrame, class_names: Sequence[str]) -> dict[int, Units]:
    """Regions of the true masks by seed; a network is right where it finds one. Seeds without a region are left out.

    Args:
        cases: as `kdml.analysis.cases.read` gives them.
        found: their regions.
        class_names: of masks, without the background.

    Raises:
        UserError: networks of one seed were measured on different regions.
    """
    limits, by_seed = limits_of([found]), dict(_by_seed(found))
    return {seed: _units(mine, by_seed[seed], class_names, limits) for seed, mine in _by_seed(cases) if seed in by_seed}


def _by_seed(table: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    return ((int(seed), mine) for seed, mine in table.groupby("seed"))


def _units(
    cases: pd.DataFrame, judged: pd.DataFrame, class_names: Sequence[str], limits: tuple[float, float] | None
) -> Units:
    """Units of one seed: its cases, or with limits of their sizes the regions in them."""
    keys = ["id"] if limits is None else ["id", "region"]
    networks = dict(iter(judged.groupby(["run", "network"], sort=False)))
    one = next(iter(networks.values()))
    order = one[keys].to_numpy().tolist()
    for (run, network), mine in networks.items():
        if mine[keys].to_numpy().tolist() != order:
            raise UserError(f"{run}: {network} was not measured on the same cases or regions as others.", AGAIN)
    first = next(mine for _, mine in cases.groupby(["run", "network"], sort=False))
    groups = list(dict.fromkeys(first["group"]))
    places = {name: place for place, name in enumerate(groups)}
    subgroups = dict(of_metadata(first, one["id"].tolist()))
    if limits is None:
        target = one["target"].to_numpy()
        subgroups |= {(CLASS, name): target == label for label, name in enumerate(class_names)}
        right = {key: (mine["target"] == mine["predicted"]).to_numpy() for key, mine in networks.items()}
    else:
        sizes = np.array([regions.size_of(area, limits) for area in one["area"]], dtype=object)
        named = {size: f"{size} ({regions.range_of(size, limits)})" for size in regions.SIZES}
        subgroups |= {(REGION_SIZE, name): sizes == size for size, name in named.items()}
        kinds = one["class"].to_numpy()
        if len(class_names) > 1:
            subgroups |= {(CLASS, name): kinds == number for number, name in enumerate(class_names, 1)}
        right = {key: (mine["share"] >= regions.FOUND).to_numpy() for key, mine in networks.items()}
    return Units(groups, np.array([places[name] for name in one["group"]]), subgroups, right)


def of_metadata(first: pd.DataFrame, ids: Sequence[str]) -> Iterator[tuple[Subgroup, np.ndarray]]:
    """Units by what is known of their pictures: whether each belongs to a subgroup, (n,). What is alike for all
    units forms none.

    Args:
        first: cases of one network, with columns of metadata.
        ids: of the picture of each unit.
    """
    for column in (name for name in first if name.startswith(METADATA)):
        known = dict(zip(first["id"], first[column].astype(str), strict=True))
        values = np.array([known[one] for one in ids], dtype=object)
        different = sorted(set(values))
        if len(different) > 1:  # else the subgroup is the test set itself
            for value in different:
                yield (_attribute(column), value), values == value


def _attribute(column: str) -> str:
    """What a column of metadata is called beside the true classes and sizes of regions, which its values could be taken for."""
    name = column.removeprefix(METADATA)
    return f"{name} ({OF_TABLE})" if name in (CLASS, REGION_SIZE) else name
