"""Tables of test cases and of regions of a sheet of runs on disk: a row per run, network and case, in Parquet."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from kdml.analysis import reliability, roc
from kdml.analysis.evaluation import Evaluation
from kdml.analysis.reliability import DECIMALS, FRACTIONS, OF_BINS
from kdml.analysis.statistics import sums_by_group
from kdml.common.errors import UserError
from kdml.common.files import written_whole
from kdml.common.metadata import METADATA

AGAIN = "delete it and let the workflow evaluate the runs again"
KEYS = ("run", "seed", "id", "group", "network")
DIGITS = 9  # of decimal numbers, which four bytes hold
FOLLOWING = "follows"  # key of a file's metadata: names of columns that are left out
PARTS = b"parts"  # key of a column's metadata: it holds whole numbers of 1 / so many
NOTHING = b"nothing"  # likewise: the number for which nothing stands
LARGEST = 2**31  # whole numbers that four bytes hold are smaller
WORDS = ("run", "id", "group", "network")  # columns in which few values come many times


class Evaluated(NamedTuple):
    """A run that has been evaluated."""

    run: str
    seed: int
    found: Evaluation


def stacked(evaluated: Sequence[Evaluated], part: str) -> pd.DataFrame:
    """Cases, or regions, of several runs as one table with the columns `run` and `seed` in front.

    Args:
        evaluated: the runs, at least one.
        part: `cases` or `regions`.
    """
    tables = []
    for one in evaluated:
        table = getattr(one.found, part)
        table.insert(0, "run", one.run)
        table.insert(1, "seed", one.seed)
        tables.append(table)
    known = [table for table in tables if len(table)] or tables[:1]
    stack = pd.concat(known, ignore_index=True)
    words = [name for name in stack if name in WORDS or name.startswith(METADATA)]
    return stack.astype(dict.fromkeys(words, "category"))


def with_bins_of_groups(table: pd.DataFrame) -> pd.DataFrame:
    """Table of the same cases with counts of bins added up within groups, in the first case of each.

    All that is computed from them adds them up so, and of every single image they would be most of a table of masks.

    Args:
        table: as `stacked` gives it.
    """
    counted = [name for name in table if name in OF_BINS]
    if not counted:
        return table
    keys = ["run", "seed", "network", "group"]
    # Numbered in order of appearance, as sums are.
    group = table.groupby(keys, sort=False, observed=True).ngroup().to_numpy()
    _, sums = sums_by_group(table[counted].to_numpy(), group.astype(str).tolist())
    is_first = ~table.duplicated(keys).to_numpy()
    placed = np.where(is_first[:, None], sums[group], 0.0)
    return table.assign(**dict(zip(counted, placed.T, strict=True)))


def write(path: Path, table: pd.DataFrame) -> None:
    """Write a table, whole or not at all, such that `read` has it exactly.

    What has few decimals is stored as decimal numbers, which take a third less than those of single precision, and sums over pixels
    as whole numbers of 1 / `FRACTIONS`; zeros take no room; what follows from other columns is left out. Its columns say so.

    Args:
        path: of the Parquet file.
        table: with string columns as categories, which keeps files small.
    """
    left_out = [name for name, values in _following(table).items() if name in table and _are_equal(table[name], values)]
    columns = pa.Table.from_pandas(table.drop(columns=left_out), preserve_index=False)
    numbers = [name for name in columns.column_names if pa.types.is_float64(columns.field(name).type)]
    for name in numbers:
        stored, said = _stored(table[name].to_numpy())
        columns = columns.set_column(
            columns.column_names.index(name), pa.field(name, stored.type, metadata=said), stored
        )
    columns = columns.replace_schema_metadata({FOLLOWING: " ".join(left_out)})
    packed = {
        "compression": "zstd",
        "compression_level": 9,
        "use_dictionary": [name for name in columns.column_names if name not in numbers],
        "use_byte_stream_split": numbers,
        "store_decimal_as_integer": True,
    }
    with written_whole(path) as temporary:
        parquet.write_table(columns, temporary, **packed)


def _stored(values: np.ndarray) -> tuple[pa.Array, dict[bytes, bytes]]:
    """Numbers as whole or decimal ones if all of them are, else as they were, and the column's metadata: nothing stands for 0, or
    where some are unknown for these."""
    unknown = np.isnan(values)
    if unknown.any():
        return _in_decimals(values, unknown), {}
    zero, parts = values == 0, values * FRACTIONS
    if (parts == np.round(parts)).all() and (np.abs(parts) < LARGEST).all():
        whole = pa.array(parts.astype(np.int32), mask=zero)
        return whole, {NOTHING: b"0", PARTS: str(FRACTIONS).encode()}
    return _in_decimals(values, zero), {NOTHING: b"0"}


def _in_decimals(values: np.ndarray, left_out: np.ndarray) -> pa.Array:
    plain = pa.array(values, mask=left_out)
    try:
        found = plain.cast(pa.decimal128(DIGITS, DECIMALS))
    except pa.ArrowInvalid:  # too large
        return plain
    return found if np.array_equal(_from_decimals(found), _to_numpy(plain), equal_nan=True) else plain


def _from_decimals(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    return _to_numpy(column.cast(pa.float64())).round(DECIMALS)


def _to_numpy(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Numbers, NaN where there is nothing."""
    return column.to_pandas().to_numpy(dtype=float)


def _following(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Columns as they follow from others: the group of images without one, and what the scores of a classifier are worth."""
    found = {"group": table["id"].to_numpy(dtype=object)} if "id" in table else {}
    names = [name for name in table if name == roc.SCORE or name.startswith(f"{roc.SCORE}_")]
    if not names or not {"target", "predicted"} <= {*table}:
        return found
    scores, target = table[names].to_numpy(dtype=float), table["target"].to_numpy()
    if len(names) > 1:
        return found | reliability.worth(scores, target)
    found |= reliability.worth(reliability.of_two(scores[:, 0]), target)
    if "uncertainty_scaled" in table:
        unsure = table["uncertainty_scaled"].to_numpy()
        warmer = reliability.of_two(np.where(table["predicted"] == 1, 1 - unsure, unsure))
        found["brier_scaled"] = reliability.worth(warmer, target)["brier"]
    return found


def _are_equal(column: pd.Series, values: np.ndarray) -> bool:
    return np.array_equal(column.to_numpy(dtype=values.dtype), values)


def read(paths: Sequence[Path], columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read tables of several sheets, one below the other.

    Args:
        paths: of the Parquet files, at least one.
        columns: that each must have beyond `KEYS`.

    Raises:
        UserError: a file is missing, no table, or lacks a column.
    """
    return pd.concat([_read_one(Path(path), (*KEYS, *columns)) for path in paths], ignore_index=True)


def _read_one(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    try:
        stored = parquet.read_table(path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "let the workflow evaluate the runs") from None
    except (OSError, ValueError) as error:  # pyarrow's errors are of these kinds
        raise UserError(f"{path} is not a table ({error}).", AGAIN) from None
    following = (stored.schema.metadata or {}).get(FOLLOWING.encode(), b"").decode().split()
    for place, field in enumerate(stored.schema):
        if field.metadata or pa.types.is_decimal(field.type):
            stored = stored.set_column(place, field.name, pa.array(_numbers(stored[place], field.metadata or {})))
    table = stored.to_pandas()
    table = table.assign(**{name: values for name, values in _following(table).items() if name in following})
    missing = [name for name in columns if name not in table]
    if missing:
        raise UserError(f"{path} lacks the column '{missing[0]}'.", AGAIN)
    # As packs that were published before hold what has few decimals.
    single = table.columns[table.dtypes == np.float32]
    table = table.assign(**{name: table[name].astype(np.float64).round(DECIMALS) for name in single})
    return table.astype({name: str for name in WORDS if name in table})


def _numbers(column: pa.ChunkedArray, said: Mapping[bytes, bytes]) -> np.ndarray:
    """Numbers of a column as they were before `_stored`, by its metadata."""
    numbers = _from_decimals(column) if pa.types.is_decimal(column.type) else _to_numpy(column)
    if NOTHING in said:
        numbers = np.where(np.isnan(numbers), float(said[NOTHING]), numbers)
    return numbers / int(said.get(PARTS, 1))


def by_run(table: pd.DataFrame) -> Mapping[tuple[str, int], pd.DataFrame]:
    """Rows of every run, by its name and seed, in the order of the table."""
    return {(run, int(seed)): rows for (run, seed), rows in table.groupby(["run", "seed"], sort=False)}
