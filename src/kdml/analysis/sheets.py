"""What was measured of the runs of a sheet: their predictions, read one run after the other, and rows for its files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from kdml.analysis import (
    confusion,
    coverage_curves,
    evaluation,
    learning_curves,
    paper_comparison,
    reliability_curves,
    temperature,
)
from kdml.analysis.cases import Evaluated
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.counts import measured
from kdml.analysis.evaluation import TestSet
from kdml.analysis.found import COLUMNS, by_region
from kdml.analysis.subgroups import of_rows
from kdml.analysis.surfaces import spacing_of
from kdml.common.files import write_csv
from kdml.runs import predictions
from kdml.runs.graph import TEACHER
from kdml.runs.predictions import Predictions
from kdml.runs.run_table import RunRow, RunTable
from kdml.runs.settings import settings_in
from kdml.runs.third_student import ThirdStudent, third_student

Records = Mapping[tuple[str, int], Mapping[str, Any]]
"""run.json of every run, by its name and seed."""
Content = tuple[Sequence[Mapping[str, Any]], Sequence[str]]
"""Rows of a file, and its columns; none for those of its rows."""


def evaluated(
    rows: Sequence[RunRow], kind: str, data: Path, truth: str, thirds: Mapping[str, ThirdStudent] | None = None
) -> list[Evaluated]:
    """Evaluate the stored predictions of runs, one after the other, because all together would fill the memory.

    Args:
        rows: of the table of runs.
        kind: of their task.
        data: folder of the prepared arrays, which masks and what is known of the pictures are read from.
        truth: `label` or `teacher`.
        thirds: third student of the runs that have one, as `thirds_of` gives them; the ensemble of its sources is measured, too.

    Raises:
        UserError: predictions are missing, damaged, or of other test images than their split names; or there is no index.
    """
    tested: dict[Path, TestSet] = {}
    validated: dict[Path, TestSet] = {}
    found = []
    for row in rows:
        if row.split not in tested:
            here = evaluation.read_test_set(row.split, data if kind == "segmentation" else None)
            if truth == "label":
                index = data / "index.parquet"
                spacing = None if here.masks is None else spacing_of(index, here.rows)
                here = replace(here, subgroups=of_rows(index, here.rows), spacing=spacing)
            tested[row.split] = here
        stored = _stored(row, "predictions.npz", tested[row.split], kind)
        if truth != "label":
            found.append(Evaluated(row.run, row.seed, evaluation.against_teacher(stored, tested[row.split])))
            continue
        if row.split not in validated:
            masks = data if kind == "segmentation" else None
            validated[row.split] = evaluation.read_test_set(row.split, masks, "validation")
        part = validated[row.split]
        fitted_on = part.labels if part.masks is None else part.masks
        sources = thirds[row.run].sources if thirds and row.run in thirds else ()
        temperatures = temperature.of_networks(_stored(row, "validation.npz", part, kind).outputs, fitted_on, sources)
        measured = evaluation.against_labels(stored, tested[row.split], temperatures, sources)
        found.append(Evaluated(row.run, row.seed, measured))
    return found


def thirds_of(records: Records) -> dict[str, ThirdStudent]:
    """Third students of runs that have one, by the name of the run.

    Args:
        records: of the runs.

    Raises:
        UserError: the settings in a record cannot be read.
    """
    of_runs = {run: record["settings"] for (run, _), record in records.items()}
    graphs = {run: settings_in(one, f"run.json of {run}", "train it again").graph for run, one in of_runs.items()}
    return {run: third for run, graph in graphs.items() if (third := third_student(graph))}


def _stored(row: RunRow, name: str, part: TestSet, kind: str) -> Predictions:
    """Outputs of a run on a part of its split."""
    path = row.folder / name
    stored = predictions.load(path)
    evaluation.check(stored, part, kind, (path, row.split))
    return stored


def follows(
    table: RunTable, sheet: str, tested: pd.DataFrame, regions: pd.DataFrame | None, records: Records
) -> dict[str, Content]:
    """Find all that follows from the test cases of a sheet, and from the histories of its runs.

    Args:
        table: of the runs of the place.
        sheet: its name.
        tested: test cases of its runs, against the labels, or for fidelity against the teachers.
        regions: of the true masks; None for fidelity.
        records: run.json of its runs.

    Returns:
        Rows and columns by the name of their file.

    Raises:
        UserError: a history is missing or damaged, or runs do not fit together.
    """
    truth = TEACHER if regions is None else "label"
    each = measured(tested, None if table.classes else regions, truth, table.classes, records)
    runs = MeasuredRuns(each)
    values = _value_rows(runs, records)
    compared = list(paper_comparison.of_sheet(table, sheet, values))
    found: dict[str, Content] = {
        "values.csv": (values, ()),
        "by_seed.csv": (_by_seed_rows(runs, table.sheet(sheet)), ()),
        "comparison.csv": (compared, paper_comparison.COLUMNS),
    }
    if regions is None:
        return found
    curves = [line for row in table.sheet(sheet) for line in learning_curves.rows_of(row)]
    return found | {
        "found.csv": (by_region(regions).to_dict("records"), COLUMNS),
        "confusion.csv": (confusion.rows(each, table.kind, table.class_names), confusion.COLUMNS),
        "reliability.csv": (list(reliability_curves.rows(runs)), reliability_curves.COLUMNS),
        "coverage.csv": (list(coverage_curves.rows(runs)), coverage_curves.COLUMNS),
        "curves.csv": (curves, learning_curves.COLUMNS),
        "bands.csv": (list(learning_curves.bands(curves)), learning_curves.BAND_COLUMNS),
    }


def write(out: Path, files: Mapping[str, Content]) -> None:
    """Write what `follows` found into the folder of a sheet."""
    for name, (rows, columns) in files.items():
        write_csv(out / name, rows, columns)


def _value_rows(runs: MeasuredRuns, records: Records) -> list[dict[str, Any]]:
    """Rows of values.csv: every metric of every network over seeds, with the hash of the code that trained the runs.

    Args:
        runs: of the sheet.
        records: of the same runs.
    """
    codes: dict[str, set[str]] = {}
    for (run, _), record in records.items():
        codes.setdefault(run, set()).add(record["code_hash"])
    return [row | {"code_hash": " ".join(sorted(codes[row["run"]]))} for row in runs.values()]


def _by_seed_rows(runs: MeasuredRuns, rows: Sequence[RunRow]) -> list[dict[str, Any]]:
    """Rows of by_seed.csv: every metric of every single run, and where the run lies.

    Args:
        runs: of the sheet.
        rows: of the table of runs, the same ones.
    """
    places = {(row.run, row.seed): row.values for row in rows}
    keys = ("protocol", "task", "pair")
    return [
        {**{key: place[key] for key in keys}, **value, "folder": place["folder"]}
        for value in runs.by_seed()
        for place in [places[value["run"], value["seed"]]]
    ]
