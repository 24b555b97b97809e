"""Makes two CSV of one task and pair: the validation score of every setting of the grid search, by seed (scores.csv), and the
settings ranked by its mean (settings.csv)."""

import argparse
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError, run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_csv
from kdml.experiment.grid_search import by_setting, ranked
from kdml.runs.graph import STUDENTS
from kdml.runs.records import RETRAIN, read_record, refuse_mixed_code


def score_of(record: dict[str, Any], folder: str) -> dict[str, Any]:
    """Best validation scores of both students in percent, and their mean, by which settings are ranked.

    Raises:
        UserError: the run has no such score.
    """
    try:
        scores = [100 * record["best"][student]["score"] for student in STUDENTS]
    except KeyError as error:
        raise UserError(f"{folder}/run.json has no best score of {error}.", RETRAIN) from None
    by_student = dict(zip(STUDENTS, scores, strict=True))
    return {
        "score": sum(scores) / len(scores),
        **by_student,
        "epochs": record["epochs"],
        "code_hash": record["code_hash"],
    }


def main() -> None:
    """Read, rank, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", required=True, type=Path, help="CSV: folder, and the columns of each trial")
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--scores", type=Path, required=True, help="CSV to write")
    parser.add_argument("--settings", type=Path, required=True, help="CSV to write")
    arguments = parser.parse_args()
    trials = read_csv(arguments.trials, MAKE_AGAIN, ("folder",))
    records = {trial["folder"]: read_record(Path(trial["folder"])) for trial in trials}
    if not arguments.allow_mixed_code:
        refuse_mixed_code({folder: record["code_hash"] for folder, record in records.items()})
    rows = [
        {name: value for name, value in trial.items() if name != "folder"}
        | score_of(records[trial["folder"]], trial["folder"])
        for trial in trials
    ]
    write_csv(arguments.scores, rows)
    as_read = [{name: str(value) for name, value in row.items()} for row in rows]
    write_csv(arguments.settings, list(ranked(by_setting(as_read))))


if __name__ == "__main__":
    run_script(main)
