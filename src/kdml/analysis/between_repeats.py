"""Two repeats of one experiment beside each other: where they differ, and whether that is more than seeds explain."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kdml.analysis.metrics import digits_scale_of
from kdml.analysis.over_seeds import Summary, summarise
from kdml.analysis.statistics import Interval, holm, welch

LEVEL = 0.05
# Of a fraction: what versions of the measuring code, and kinds of processor, make of the same predictions.
ROUNDING = 1e-7
WHERE = ("protocol", "task", "pair", "run", "network", "truth", "metric")
COLUMNS = (
    *WHERE, "first_mean", "first_std", "first_seeds", "second_mean", "second_std", "second_seeds",
    "estimate", "low", "high", "p", "p_holm", "answer",
)  # fmt: skip
EQUAL, WITHIN, MORE, UNKNOWN, ALONE = (
    "equal", "as seeds differ", "more than seeds explain", "cannot be told", "in one of them alone",
)  # fmt: skip
Values = Mapping[str, float]
"""By seed."""


def rows(first: Sequence[Mapping[str, str]], second: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Compare the mean of every network and metric between two repeats.

    The seeds of both are taken as independent draws (Welch), also where they have the same numbers: what two machines do with one
    seed differs by rounding that a training enlarges. p is adjusted (Holm) over the runs and networks of a place, truth and metric.

    Args:
        first: rows of metrics.csv, `value` in the unit of the metric by `seed`.
        second: of the other repeat.

    Returns:
        Rows of `COLUMNS`, second minus first; the answer is `equal` where both have the same seeds and, but for `ROUNDING`, the
        same values, and `cannot be told` where one has a single seed or no spread.
    """
    both = [_by_seed(one) for one in (first, second)]
    found = [_row(key, *(one.get(key, {}) for one in both)) for key in dict.fromkeys([*both[0], *both[1]])]
    families: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in found:
        if row["answer"] == "":
            families.setdefault(tuple(row[name] for name in WHERE if name not in ("run", "network")), []).append(row)
    for family in families.values():
        for row, p in zip(family, holm([row["p"] for row in family]), strict=True):
            row |= {"p_holm": p, "answer": UNKNOWN if math.isnan(p) else MORE if p < LEVEL else WITHIN}
    return found


def _by_seed(found: Sequence[Mapping[str, str]]) -> dict[tuple[str, ...], dict[str, float]]:
    values: dict[tuple[str, ...], dict[str, float]] = {}
    for row in found:
        values.setdefault(tuple(row[name] for name in WHERE), {})[row["seed"]] = float(row["value"] or "nan")
    return values


def _row(key: tuple[str, ...], first: Values, second: Values) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(WHERE, key, strict=True))
    for name, values in (("first", first), ("second", second)):
        mean = summarise(list(values.values())) if values else Summary(math.nan, math.nan, 0)
        row |= {f"{name}_mean": mean.mean, f"{name}_std": mean.std, f"{name}_seeds": mean.n}
    sides = ((row[f"{name}_mean"], row[f"{name}_std"], row[f"{name}_seeds"]) for name in ("second", "first"))
    found = welch(*([side] for side in sides)) if first and second else Interval(math.nan, math.nan, math.nan, math.nan)
    row |= {"estimate": found.estimate, "low": found.low, "high": found.high, "p": found.p, "p_holm": math.nan}
    same = _equal(first, second, ROUNDING * digits_scale_of(row["metric"]))
    return row | {"answer": "" if first and second and not same else EQUAL if first and second else ALONE}


def _equal(first: Values, second: Values, rounding: float) -> bool:
    """Whether both have the same seeds with the same values but for rounding; one that is undefined in both is the same."""
    return first.keys() == second.keys() and all(
        math.isclose(one, second[seed], rel_tol=0, abs_tol=rounding) or (math.isnan(one) and math.isnan(second[seed]))
        for seed, one in first.items()
    )


def differences(first: Any, second: Any, name: str = "") -> Iterator[tuple[str, str, str]]:
    """(key, value in the first, value in the second) of all in which two nested mappings differ.

    Args:
        first: a mapping, or a value in one.
        second: of the other.
        name: of the value, keys joined by points.
    """
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in dict.fromkeys([*first, *second]):
            yield from differences(first.get(key), second.get(key), f"{name}.{key}" if name else str(key))
    elif first != second:
        yield name, str(first), str(second)
