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
from kdml.analysis.reliability import DECIMALS
from kdml.common.errors import UserError
from kdml.common.files import written_whole
from kdml.common.metadata import METADATA

AGAIN = "delete it and let the workflow evaluate the runs again"
KEYS = ("run", "seed", "id", "group", "network")
DIGITS = 9  # of decimal numbers, which four bytes hold
FOLLOWING = "follows"  # key of a file's metadata: names of columns that are left out
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


def write(path: Path, table: pd.DataFrame) -> None:
    """Write a table, whole or not at all, such that `read` has it exactly.

    What has few decimals is stored as decimal numbers, which take a third less than those of single precision; what follows from
    other columns is left out, and named in the file.

    Args:
        path: of the Parquet file.
        table: with string columns as categories, which keeps files small.
    """
    left_out = [name for name, values in _following(table).items() if name in table and _are_equal(table[name], values)]
    columns = pa.Table.from_pandas(table.drop(columns=left_out), preserve_index=False)
    decimals = [name for name in columns.column_names if pa.types.is_float64(columns.field(name).type)]
    for name in decimals:
        columns = columns.set_column(columns.column_names.index(name), name, _in_decimals(columns[name]))
    columns = columns.replace_schema_metadata({FOLLOWING: " ".join(left_out)})
    packed = {
        "compression": "zstd",
        "compression_level": 9,
        "use_dictionary": [name for name in columns.column_names if name not in decimals],
        "use_byte_stream_split": decimals,
        "store_decimal_as_integer": True,
    }
    with written_whole(path) as temporary:
        parquet.write_table(columns, temporary, **packed)


def _in_decimals(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers as decimal ones if all of them are, else as they were."""
    try:
        known = pa.chunked_array([pa.array(column.to_numpy(), from_pandas=True)])
        found = known.cast(pa.decimal128(DIGITS, DECIMALS))
    except pa.ArrowInvalid:  # too large
        return column
    return found if np.array_equal(_from_decimals(found), column.to_numpy(), equal_nan=True) else column


def _from_decimals(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.float64()).to_numpy().round(DECIMALS)


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
    decimals = [field.name for field in stored.schema if pa.types.is_decimal(field.type)]
    for name in decimals:
        numbers = pa.array(_from_decimals(stored[name]))
        stored = stored.set_column(stored.column_names.index(name), name, numbers)
    table = stored.to_pandas()
    table = table.assign(**{name: values for name, values in _following(table).items() if name in following})
    missing = [name for name in columns if name not in table]
    if missing:
        raise UserError(f"{path} lacks the column '{missing[0]}'.", AGAIN)
    # As packs that were published before hold what has few decimals.
    single = table.columns[table.dtypes == np.float32]
    table = table.assign(**{name: table[name].astype(np.float64).round(DECIMALS) for name in single})
    return table.astype({name: str for name in WORDS if name in table})


def by_run(table: pd.DataFrame) -> Mapping[tuple[str, int], pd.DataFrame]:
    """Rows of every run, by its name and seed, in the order of the table."""
    return {(run, int(seed)): rows for (run, seed), rows in table.groupby(["run", "seed"], sort=False)}
