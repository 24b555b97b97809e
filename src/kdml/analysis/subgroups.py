"""Subgroups of test cases by what is known of the pictures: values of a column where they are few, bands of a number."""

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from kdml.analysis import picture_index
from kdml.common.metadata import METADATA, UNKNOWN, known

AGE, AGE_BAND = "age", 20  # years
# What a clinic asks of first, and how columns of it may be called, in small letters with `_` between words.
USUAL: Mapping[str, tuple[str, ...]] = {
    "sex": ("sex", "gender", "patient_sex", "patient_gender"),
    AGE: (AGE, "age_years", "age_in_years", "patient_age", "age_approx", "age_at_diagnosis", "age_at_initial_pathologic"),
    "site": (
        "site", "localization", "localisation", "location", "anatom_site", "anatom_site_general", "anatomical_site",
        "anatomic_site", "body_site", "tumor_location", "tumour_location",
    ),
    "institution": (
        "institution", "hospital", "center", "centre", "clinic", "scanner_site", "study_site", "acquisition_site",
    ),
}  # fmt: skip
MOST_VALUES = 12  # of a column whose values are subgroups as they are
SHARES = (1 / 3, 2 / 3)  # of the pictures, that divide other numbers into bands
log = logging.getLogger(__name__)


def of_rows(index: Path, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Subgroups of some rows of the prepared arrays.

    Args:
        index: index.parquet of the data set.
        rows: of the arrays, (n,).

    Returns:
        (n,) texts by name of the column, with `METADATA` before it.

    Raises:
        UserError: the index is missing, is none, or lacks one of the rows.
    """
    table, wanted = picture_index.rows_of_index(index, rows)
    return {name: values[wanted] for name, values in of_index(table).items()}


def of_index(index: pd.DataFrame) -> dict[str, np.ndarray]:
    """Subgroups of all pictures: age in bands of 20 years, another number of many values in thirds of the pictures; missing values
    are a subgroup of their own. A column of text with more than `MOST_VALUES` values, or with a single one, forms none.

    Args:
        index: of a data set, with columns of metadata as texts.

    Returns:
        Texts by name of the column, with `METADATA` before it.
    """
    found = {}
    for name, banded in _banded(index).items():
        if 1 < len(set(banded)) <= MOST_VALUES:
            found[name] = banded
        else:
            log.info("%s has %d values and forms no subgroups", name.removeprefix(METADATA), len(set(banded)))
    return found


def recorded(index: Path) -> dict[str, list[str]]:
    """What is recorded of the pictures of a data set, by whether it forms subgroups.

    Args:
        index: index.parquet of the data set.

    Returns:
        Names under `subgroups`; under `none`, with the number of their values, those with a single one or too many; under
        `missing` those of `USUAL` that are not recorded.

    Raises:
        UserError: the index is missing, or is none.
    """
    values = {name.removeprefix(METADATA): len(set(one)) for name, one in _banded(picture_index.read(index)).items()}
    forming = [name for name, number in values.items() if 1 < number <= MOST_VALUES]
    others = [f"{name} ({number} value{'s' * (number != 1)})" for name, number in values.items() if name not in forming]
    there = {usual(name) for name in values}
    return {"subgroups": forming, "none": others, "missing": [name for name in USUAL if name not in there]}


def usual(name: str) -> str | None:
    """Which of `USUAL` a column is, whatever letters, blanks or dashes are in its name; None for another one."""
    words = re.sub(r"[\W_]+", "_", name.lower()).strip("_")
    return next((what for what, names in USUAL.items() if words in names), None)


def _banded(index: pd.DataFrame) -> dict[str, np.ndarray]:
    """Values of all columns of metadata, of numbers their bands; missing ones are `UNKNOWN`."""
    found = {}
    for name in (column for column in index if column.startswith(METADATA)):
        values = np.array([known(str(value)) for value in index[name]], dtype=object)
        found[name] = _bands(values, name.removeprefix(METADATA))
    return found


def _bands(values: np.ndarray, name: str) -> np.ndarray:
    """Bands of a column of numbers; values as they are of one with few of them, or of texts."""
    is_known = values != UNKNOWN
    numbers = _numbers(values[is_known])
    if numbers is None or (usual(name) != AGE and len(set(values)) <= MOST_VALUES):
        return values
    banded = values.copy()
    banded[is_known] = _ages(numbers) if usual(name) == AGE else _thirds(numbers)
    return banded


def _numbers(values: Iterable[str]) -> np.ndarray | None:
    """Texts as numbers; None if one is not, or there are none."""
    try:
        numbers = np.array([float(value) for value in values])
    except ValueError:
        return None
    return numbers if len(numbers) and np.isfinite(numbers).all() else None


def _ages(years: np.ndarray) -> list[str]:
    lowest = (years // AGE_BAND * AGE_BAND).astype(int)
    return [f"{low}–{low + AGE_BAND - 1}" for low in lowest]


def _thirds(numbers: np.ndarray) -> list[str]:
    first, second = np.quantile(numbers, SHARES)
    names = (f"up to {first:.4g}", f"above {first:.4g} to {second:.4g}", f"above {second:.4g}")
    return [names[int(number > first) + int(number > second)] for number in numbers]
