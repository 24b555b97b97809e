"""Learning curves: every value of every epoch, and mean and range over the seeds that reached it."""

import pytest

from kdml.analysis import learning_curves
from kdml.common.errors import UserError
from kdml.runs.run_table import RunRow

HEADER = "epoch,learning_rate,train.s1.total,validation.s1.score\n"


def run_of(folder, seed, lines):
    folder.mkdir()
    (folder / "history.csv").write_text(HEADER + lines)
    return row_of(folder, seed)


def row_of(folder, seed=0, run="ml_v1", protocol="paper"):
    networks = {"pair": "small", "teacher_network": "resnet50", "student_network": "tiny"}
    return RunRow(
        {"protocol": protocol, "task": "hcd", "run": run, "seed": str(seed), "folder": str(folder)} | networks
    )


def test_columns_become_rows(tmp_path):
    rows = list(learning_curves.rows_of(run_of(tmp_path / "a", 3, "1,0.1,0.5,\n2,0.1,0.25,0.75\n")))
    keys = {"where": "hcd small", "run": "ml_v1", "seed": 3, "network": "s1"}
    assert rows == [
        keys | {"epoch": 1, "part": "train", "term": "total", "value": 0.5},
        keys | {"epoch": 2, "part": "train", "term": "total", "value": 0.25},
        keys | {"epoch": 2, "part": "validation", "term": "score", "value": 0.75},
    ]
    assert set(rows[0]) == set(learning_curves.COLUMNS)


@pytest.mark.parametrize(
    ("run", "protocol", "said"),
    [
        ("ml_v1", "paper", "hcd small"),
        ("sp", "grouped", "hcd small grouped"),
        ("baseline_teacher", "paper", "hcd resnet50"),
        ("baseline_student", "paper", "hcd tiny"),
        ("teacher", "paper", "hcd resnet50"),
    ],
)
def test_where_a_run_is(run, protocol, said):
    """Networks trained alone are named; a protocol other than the paper's, too."""
    assert learning_curves.where(row_of("x", run=run, protocol=protocol)) == said


def test_a_band_is_over_the_seeds_that_got_so_far(tmp_path):
    runs = [run_of(tmp_path / "a", 0, "1,0.1,1,\n2,0.1,3,\n"), run_of(tmp_path / "b", 1, "1,0.1,2,\n")]
    bands = list(learning_curves.bands([row for run in runs for row in learning_curves.rows_of(run)]))
    assert [(band["epoch"], band["mean"], band["low"], band["high"], band["seeds"]) for band in bands] == [
        (1, 1.5, 1, 2, 2), (2, 3, 3, 3, 1),
    ]  # fmt: skip
    assert tuple(bands[0]) == learning_curves.BAND_COLUMNS


def test_what_is_no_number_leaves_a_gap_or_is_refused(tmp_path, caplog):
    assert list(learning_curves.rows_of(run_of(tmp_path / "a", 0, "1,0.1,nan,\n"))) == []
    assert "the curve has a gap there" in caplog.text
    with pytest.raises(UserError, match=r"'much' in the column train\.s1\.total"):
        list(learning_curves.rows_of(run_of(tmp_path / "b", 0, "1,0.1,much,\n")))
    with pytest.raises(UserError, match="does not exist"):
        list(learning_curves.rows_of(row_of(tmp_path / "nowhere")))
