"""Runs of a place, measured against their labels: read from the tables of what they made of every test case."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from kdml.analysis import cases, counts, metrics
from kdml.analysis.sheets import Records
from kdml.common.errors import UserError
from kdml.runs.records import refuse_mixed_code, refuse_mixed_settings, refuse_mixture
from kdml.runs.run_table import RunTable, described

Tables = tuple[pd.DataFrame, pd.DataFrame | None]
"""Cases, and for segmentation their regions."""


def records_of(table: RunTable, sheets: Sequence[str], mixed: bool) -> Records:
    """What was recorded of the runs of sheets.

    Args:
        table: of the place.
        sheets: of it.
        mixed: runs of different training code may stand beside each other.

    Raises:
        UserError: a sheet has no runs, or they do not belong together.
    """
    rows = [row for sheet in sheets for row in table.sheet(sheet)]
    found = refuse_mixture(described(rows), ("run",), mixed)
    return {(row.run, row.seed): found[str(row.folder)] for row in rows}


def refuse_unlike(first: tuple[RunTable, Records], second: tuple[RunTable, Records], mixed: bool) -> None:
    """Refuse to compare places whose runs differ in more than how images are split.

    Args:
        first: table of a place, and what was recorded of its runs.
        second: of the same runs under another protocol.
        mixed: runs of different training code may be compared.

    Raises:
        UserError: versions of the training code are mixed, or a run was trained with other settings.
    """
    both = [
        (run, f"{table.path.parent}: {run}, seed {seed}", record)
        for table, records in (first, second)
        for (run, seed), record in records.items()
    ]
    if not mixed:
        refuse_mixed_code({where: record["code_hash"] for _, where, record in both})
    refuse_mixed_settings(both, free=("seed", "protocol"))


def read_tables(table: RunTable, of_cases: Sequence[Path], of_regions: Sequence[Path], records: Records) -> Tables:
    """Cases and regions of runs.

    Args:
        table: of the place.
        of_cases: tables of the cases of their sheets.
        of_regions: likewise of regions; not read for classification.
        records: of the runs.

    Raises:
        UserError: a file is missing, no such table, or has no cases of a run.
    """
    stack = cases.read(of_cases, metrics.columns_of(table.kind, "label"))
    if missing := records.keys() - cases.by_run(stack).keys():
        run, seed = min(missing)
        raise UserError(f"{', '.join(map(str, of_cases))}: no cases of {run}, seed {seed}.", cases.AGAIN)
    return stack, None if table.classes else cases.read(of_regions, ("region", "class", "area", "share"))


def against_labels(table: RunTable, tables: Tables, records: Records) -> list[counts.Measured]:
    """Measure runs by their tables.

    Args:
        table: of the place.
        tables: of the runs.
        records: of the runs.

    Raises:
        UserError: networks of a run were measured on different cases.
    """
    return counts.measured(*tables, "label", table.classes, records)
