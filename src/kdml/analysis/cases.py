"""Tables of test cases and of regions of a sheet of runs on disk: a row per run, network and case, in Parquet."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kdml.analysis.evaluation import DECIMALS, Evaluation
from kdml.common.errors import UserError
from kdml.common.files import written_whole
from kdml.common.metadata import METADATA

AGAIN = "delete it and let the workflow evaluate the runs again"
KEYS = ("run", "seed", "id", "group", "network")
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
    """Write a table, whole or not at all. What has few decimals is stored in single precision, from which `read` has it exactly.

    Args:
        path: of the Parquet file.
        table: with string columns as categories, which keeps files small.
    """
    shrunk = {name: column.astype(np.float32) for name, column in table.items() if _is_exact_in_single(column)}
    others = [name for name in table if name not in shrunk]
    packed = {
        "compression": "zstd",
        "compression_level": 9,
        "use_dictionary": others,
        "use_byte_stream_split": [*shrunk],
    }
    with written_whole(path) as temporary:
        table.assign(**shrunk).to_parquet(temporary, index=False, **packed)


def _is_exact_in_single(column: pd.Series) -> bool:
    if column.dtype != np.float64:
        return False
    again = column.to_numpy().astype(np.float32).astype(np.float64).round(DECIMALS)
    return np.array_equal(again, column.to_numpy(), equal_nan=True)


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
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "let the workflow evaluate the runs") from None
    except (OSError, ValueError) as error:  # pyarrow's errors are of these kinds
        raise UserError(f"{path} is not a table ({error}).", AGAIN) from None
    missing = [name for name in columns if name not in table]
    if missing:
        raise UserError(f"{path} lacks the column '{missing[0]}'.", AGAIN)
    single = table.columns[table.dtypes == np.float32]
    table = table.assign(**{name: table[name].astype(np.float64).round(DECIMALS) for name in single})
    return table.astype({name: str for name in WORDS if name in table})


def by_run(table: pd.DataFrame) -> Mapping[tuple[str, int], pd.DataFrame]:
    """Rows of every run, by its name and seed, in the order of the table."""
    return {(run, int(seed)): rows for (run, seed), rows in table.groupby(["run", "seed"], sort=False)}
