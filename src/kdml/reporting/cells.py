"""Cells of words and numbers: how many digits a number has, how it is written, and what is stored of it."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from kdml.reporting.table_model import MINUS, NOTHING, Cell

INTERVAL = " [95 %]"
FEW_CASES, MANY_CASES = 20, 1000
NARROW = 20  # steps of an estimate's last digit; a wider interval needs one digit less than its estimate
AS_PRINTED = "†"
NO_INTERVAL = f"[{NOTHING}]"


def digits_of(cases: Any, scale: float = 100.0) -> int:
    """Decimals that a value over test cases bears: of percent none below 20 cases, one below 1,000, else two.

    Args:
        cases: their number; of several test sets, as `24–26`, that of the smallest counts.
        scale: of the value: 100 for percent, 1 for what is two digits finer.
    """
    count = int(str(cases).partition(NOTHING)[0] or 0)
    return (count >= FEW_CASES) + (count >= MANY_CASES) + round(2 - math.log10(scale))


def text(value: Any) -> Cell:
    """A cell of words."""
    return Cell(str(value), str(value))


def number(value: Any, form: str = ".2f", suffix: str = "") -> Cell:
    """A cell of a number; a dash where there is none."""
    known = is_known(value)
    return Cell(f"{written(float(value), form)}{suffix}", float(value)) if known else Cell(NOTHING, math.nan)


def is_known(value: Any) -> bool:
    """Whether there is a number: what is undefined is empty or `nan` in our tables."""
    return value not in ("", None) and not math.isnan(float(value))


def written(value: float, form: str) -> str:
    """A number in a format, with a real minus sign; one that rounds to zero has no sign."""
    shown = f"{value:{form}}"
    return shown.removeprefix("-") if not shown.strip("-0.,") else shown.replace("-", MINUS)


def with_interval(estimate: Any, low: Any, high: Any, digits: int = 1) -> Cell:
    """An estimate with its interval in brackets, as `70.8 [57, 83]`.

    The ends have a digit less than the estimate, unless the interval is narrow, or an end would be rounded to zero and no longer
    show on which side of it the interval lies. One that is undefined, or has no width because all groups are alike, is `[–]`.

    Args:
        estimate: to show; a dash if there is none.
        low: end of its interval, `nan` if that is undefined; where none was looked for, the estimate stands alone.
        high: the other end.
        digits: decimals of the estimate.
    """
    cell = number(estimate, f".{digits}f")
    if cell.text == NOTHING or low in ("", None) or high in ("", None):
        return cell
    ends = float(low), float(high)
    if not ends[0] < ends[1]:
        more = () if math.isnan(ends[0]) else (("low", ends[0]), ("high", ends[1]))
        return Cell(f"{cell.text} {NO_INTERVAL}", cell.value, more)
    fewer = max(digits - 1, 0)
    lost = any(end and not round(end, fewer) for end in ends)
    if lost or ends[1] - ends[0] < NARROW * 10**-digits:
        fewer = digits
    shown = ", ".join(written(end, f".{fewer}f") for end in ends)
    return Cell(f"{cell.text} [{shown}]", cell.value, (("low", ends[0]), ("high", ends[1])))


def measured(row: Mapping[str, Any], digits: int) -> Cell:
    """A value of one seed with its interval over test cases; of several seeds the mean ± SD over them; a dash where there is none.

    Args:
        row: with `mean`, `std`, and where there is an interval `low` and `high`.
        digits: decimals of the mean and of the SD.
    """
    interval = with_interval(row["mean"], row.get("low"), row.get("high"), digits)
    if not is_known(row["mean"]) or not is_known(row["std"]):
        return interval
    spread = f"{number(row['mean'], f'.{digits}f').text} ± {float(row['std']):.{digits}f}"
    return Cell(spread, interval.value, (("sd", float(row["std"])), *interval.more))


def papers(value: tuple[float, float], doubtful: bool = False) -> str:
    """The paper's mean ± SD with the paper's digits, as `96.68 ± 0.584`.

    Args:
        value: mean and SD.
        doubtful: whether it cannot be right and is marked as printed.
    """
    return f"{value[0]:.2f} ± {value[1]:.3f}{AS_PRINTED if doubtful else ''}"


def p_value(value: Any) -> Cell:
    """Three digits, or below 0.001."""
    cell = number(value, ".3f")
    return Cell("< 0.001", cell.value) if cell.text == "0.000" else cell


def by_seed(values: str, shown: Callable[[str], Cell]) -> Cell:
    """Numbers of several seeds with a comma between, stored as they come; that of a single seed is a number like any other.

    Args:
        values: with spaces between them.
        shown: makes the cell of one.
    """
    cells = [shown(value) for value in values.split()]
    if len(cells) == 1:
        return cells[0]
    return Cell(", ".join(cell.text for cell in cells) or NOTHING, values)
