"""What preparation wrote down of every picture: index.parquet."""

from pathlib import Path

import numpy as np
import pandas as pd

from kdml.common.errors import UserError

PREPARE_AGAIN = "run src/prepare.py again"


def read(index: Path) -> pd.DataFrame:
    """Read the index of a data set, a line for each picture.

    Raises:
        UserError: it is missing, or is none.
    """
    try:
        return pd.read_parquet(index)
    except FileNotFoundError:
        raise UserError(f"{index} does not exist.", PREPARE_AGAIN) from None
    except (OSError, ValueError) as error:  # pyarrow's errors are of these kinds
        raise UserError(f"{index} is not a readable Parquet file ({error}).", PREPARE_AGAIN) from None


def rows_of_index(index: Path, rows: np.ndarray) -> tuple[pd.DataFrame, list[int]]:
    """Read the index, and find rows of the prepared arrays in it.

    Args:
        index: index.parquet of the data set.
        rows: of the arrays, (n,).

    Returns:
        The index, a line for each picture, and the places of the rows in it.

    Raises:
        UserError: the index is missing, is none, or lacks one of the rows.
    """
    table = read(index)
    place = {row: number for number, row in enumerate(table.get("row", ()))}
    if lacking := [row for row in rows.tolist() if row not in place]:
        raise UserError(f"{index} lacks the row {lacking[0]}, which the split names.", PREPARE_AGAIN)
    return table, [place[row] for row in rows.tolist()]
