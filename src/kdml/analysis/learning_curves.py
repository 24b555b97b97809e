"""Learning curves out of the histories of runs: every epoch of every run, and mean and range over seeds."""

import logging
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import read_csv
from kdml.runs.run_table import RunRow

log = logging.getLogger(__name__)
AGAIN = "let the workflow train the run again"
COLUMNS = ("where", "run", "seed", "epoch", "part", "network", "term", "value")
BAND = ("where", "run", "part", "network", "term", "epoch")
BAND_COLUMNS = (*BAND, "mean", "low", "high", "seeds")
PARTS = ("train", "validation")

Row = dict[str, Any]


def rows_of(run: RunRow) -> Iterator[Row]:
    """Values of one run by epoch: column `train.s1.total` becomes part train, network s1, term total.

    Args:
        run: of the table of runs.

    Raises:
        UserError: its history is missing or no history.
    """
    path = run.folder / "history.csv"
    keys = {"where": where(run), "run": run.run, "seed": run.seed}
    for line in read_csv(path, AGAIN, ("learning_rate",), counts=("epoch",)):
        for column, text in line.items():
            part, _, rest = column.partition(".")
            network, _, term = rest.partition(".")
            if part not in PARTS or text in ("", None):
                continue
            value = _number(path, column, text)
            if not math.isfinite(value):
                log.warning("%s: %s is %s in epoch %s; the curve has a gap there", path, column, text, line["epoch"])
                continue
            yield keys | {"epoch": int(line["epoch"]), "part": part, "network": network, "term": term, "value": value}


def where(run: RunRow) -> str:
    """Task and pair of a run, or the network where it is alone; a protocol other than the paper's is named.

    Args:
        run: of the table of runs.
    """
    values = run.values
    role = run.run.removeprefix("baseline_")
    network = values[f"{role}_network"] if role in ("teacher", "student") else values["pair"]
    return " ".join([values["task"], network, *([] if values["protocol"] == "paper" else [values["protocol"]])])


def _number(path: Path, column: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{path}: '{text}' in the column {column} is no number.", AGAIN) from None


def bands(rows: Sequence[Row]) -> Iterator[Row]:
    """Mean, smallest and largest value over the seeds that reached an epoch.

    Args:
        rows: what `rows_of` gives.
    """
    groups: dict[tuple, list[float]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in BAND)].append(row["value"])
    for key, values in groups.items():
        spread = (math.fsum(values) / len(values), min(values), max(values), len(values))
        yield dict(zip(BAND_COLUMNS, (*key, *spread), strict=True))
