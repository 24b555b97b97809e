"""Mean and spread over seeds, or over other repetitions."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kdml.common.errors import UserError

SUMMARY = ("mean", "std", "seeds", "remark")  # columns of a summary


def over_seeds(
    rows: Iterable[Mapping[str, Any]], value: str = "value", over: Sequence[str] = ("seed",)
) -> list[dict[str, Any]]:
    """Mean, SD (ddof 1) and number of values that differ in nothing but some columns.

    Args:
        rows: of a tidy table.
        value: name of the column to summarise.
        over: columns to leave out, which together tell the values apart; `code_hash` is kept as the set of its values.

    Returns:
        One row per group with its other columns, `mean`, `std`, `seeds` (their number) and `remark`, which names what is undefined.

    Raises:
        UserError: two values of a group agree in these columns too.
    """
    groups: dict[tuple[tuple[str, Any], ...], list[Mapping[str, Any]]] = {}
    left_out = {value, "code_hash", *over}
    for row in rows:
        groups.setdefault(tuple((name, row[name]) for name in row if name not in left_out), []).append(row)
    return [dict(keys) | _summed_up(dict(keys), mine, value, over) for keys, mine in groups.items()]


def _summed_up(
    keys: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], value: str, over: Sequence[str]
) -> dict[str, Any]:
    told = [", ".join(f"{name} {row[name]}" for name in over) for row in rows]
    if twice := [one for one, times in Counter(told).items() if times > 1]:
        where = "/".join(str(keys[name]) for name in ("protocol", "task", "pair", "run") if name in keys)
        raise UserError(
            f"{where or 'Repetitions'}: {twice[0]} stands twice in the table.", "delete it, it will be made again"
        )
    values = [float(row[value]) for row in rows]
    summary = summarise(values)
    undefined = [one for one, number in zip(told, values, strict=True) if math.isnan(number)]
    code = {"code_hash": " ".join(sorted({str(row["code_hash"]) for row in rows}))} if "code_hash" in rows[0] else {}
    remark = f"undefined in {'; '.join(undefined)}" if undefined else ""
    return code | {"mean": summary.mean, "std": summary.std, "seeds": summary.n, "remark": remark}


@dataclass(frozen=True)
class Summary:
    """Mean and spread over seeds, in percent.

    Args:
        mean: over the seeds.
        std: with ddof 1; NaN for a single seed.
        n: seeds.
    """

    mean: float
    std: float
    n: int


def summarise(values: Sequence[float]) -> Summary:
    """Mean and standard deviation (ddof 1) of one value per seed; an undefined value makes the mean undefined."""
    n = len(values)
    mean = math.fsum(values) / n
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1)) if n > 1 else math.nan
    return Summary(mean, std, n)
