"""Which regions of the true masks the students of every run find: how many of them, region by region."""

import pandas as pd

from kdml.analysis import regions
from kdml.analysis.cases import by_run
from kdml.analysis.counts import limits_of
from kdml.runs.graph import BASELINE, is_student

COLUMNS = ("run", "seed", "id", "region", "area", "size", "networks", "found")
_REGION = ["id", "region", "area"]


def by_region(table: pd.DataFrame) -> pd.DataFrame:
    """A row per run, seed and region, regions by their area: how many students find it.

    Args:
        table: what every network marks of every region, as `kdml.analysis.cases.read` gives it; may be empty.

    Returns:
        `COLUMNS`: `networks` counts the students (or 1, the network that is trained alone), `found` those of them that find it.
    """
    limits = limits_of(by_run(table).values())
    if limits is None:
        return pd.DataFrame(columns=list(COLUMNS))
    mine = table[[_is_counted(network) for network in table["network"]]]
    mine = mine.assign(
        found=(mine["share"] >= regions.FOUND).astype(int), run=mine["run"].astype(str), id=mine["id"].astype(str)
    )
    counted = (
        mine.groupby(["run", "seed", *_REGION], sort=False)["found"].agg(networks="size", found="sum").reset_index()
    )
    counted["size"] = [regions.size_of(area, limits) for area in counted["area"]]
    return counted.sort_values(["run", "seed", "area", "id", "region"])[list(COLUMNS)]


def _is_counted(network: str) -> bool:
    return is_student(network) or network == BASELINE
