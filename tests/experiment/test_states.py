"""Where trainings stand, read off a folder tree that a test made: each state, damaged files, other settings."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from experiments import plan_of

from kdml.common.locks import NAME as LOCK
from kdml.common.locks import alone_in
from kdml.common.source_code import SOURCE
from kdml.experiment.paths import Paths
from kdml.experiment.states import SILENCE, State, other_failures, standing_of, trainings_of, trials_of
from kdml.runs.progress import ProgressFile

RUN = {"tasks": ["hcd"], "pairs": ["resnet50-resnet18"], "techniques": ["ml"], "methods": [], "seeds": [0]}
PLAN, PATHS = plan_of(RUN), Paths("mine")
TRAININGS = trainings_of(PLAN, PATHS)
ONE = next(one for one in TRAININGS if one.run.run == "ml_v3")
NAME = "paper/hcd/resnet50-resnet18/ml_v3/seed-0"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / ONE.folder
    path.mkdir(parents=True)
    return path


def finish(base: Path, training=ONE, **changed) -> None:
    """Leave what a finished training leaves."""
    record = {
        "settings_hash": training.settings.digest(), "best": {"s1": {"epoch": 3, "score": 0.9}}, "epochs": 5, "seconds": 60.0,
        "parameters": {"s1": 10}, "images": {"size": 32, "total": 4, "train": 2, "validation": 1, "test": 1}, "code_hash": "x",
    }  # fmt: skip
    for name in training.outputs:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(json.dumps(record | changed) if name.endswith(".json") else "")


def fail(base: Path, text: str, training=ONE) -> None:
    log = base / training.log
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(text)


def left_by(folder: Path, host: str = "", seconds: float = 0.0) -> None:
    """Leave the lock of a process that ended, or may be on another host, `seconds` ago."""
    holder = {"process": "7 of SLURM job 4711", "since": "today"} | ({"host": host} if host else {})
    (folder / LOCK).write_text(json.dumps(holder))
    then = time.time() - seconds
    for path in folder.iterdir():
        os.utime(path, (then, then))


def test_every_training_has_its_files():
    assert [one.run for one in TRAININGS] == list(PLAN.runs) and ONE.name == NAME
    assert ONE.log == f"logs/mine/train/{NAME}.log" and ONE.outputs[0] == f"results/mine/{NAME}/run.json"


def test_what_nobody_has_begun_waits(tmp_path, folder):
    assert standing_of(ONE, tmp_path) == standing_of(ONE, tmp_path / "nothing")
    assert standing_of(ONE, tmp_path).state is State.WAITING


def test_a_finished_one_is_done(tmp_path):
    finish(tmp_path)
    fail(tmp_path, "Error: of an earlier try\n  What to do: nothing\n")
    found = standing_of(ONE, tmp_path)
    row = found.as_row()
    assert found.state is State.DONE and (row["epoch"], row["scores"], row["seconds"]) == (5, {"s1": 0.9}, 60.0)


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "{}", '{"settings_hash": 3}', '{"best": []}', "null", "\x00\x00"],
)  # fmt: skip
def test_a_damaged_record_fails(tmp_path, damage):
    finish(tmp_path)
    (tmp_path / ONE.outputs[0]).write_text(damage)
    found = standing_of(ONE, tmp_path)
    assert (
        found.state is State.FAILED and "run.json is damaged" in found.reason and found.remedy.startswith("delete it")
    )


def test_another_digest_is_stale(tmp_path):
    finish(tmp_path, settings_hash="0" * 16)
    found = standing_of(ONE, tmp_path)
    assert (found.state, found.reason) == (State.STALE, "trained with other settings")


@pytest.mark.parametrize("missing", ONE.outputs[1:])
def test_a_lost_file_is_stale(tmp_path, missing):
    finish(tmp_path)
    (tmp_path / missing).unlink()
    found = standing_of(ONE, tmp_path)
    assert (found.state, found.reason) == (State.STALE, f"{missing} is missing")


def test_one_at_work_says_how_far_it_is(tmp_path, folder, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    with alone_in(folder):
        ProgressFile(folder, continues=False).tell(epoch=3, epochs=9, scores={"s1": 0.5}, seconds_left=70.0)
        found = standing_of(ONE, tmp_path)
    row = found.as_row()
    assert found.state is State.RUNNING and row["process"].endswith("of SLURM job 4711")
    assert (row["epoch"], row["epochs_at_most"], row["scores"], row["seconds_left_at_most"]) == (
        3,
        9,
        {"s1": 0.5},
        70.0,
    )
    assert json.loads(json.dumps(row)) == row


def test_one_at_work_is_running_whatever_an_earlier_try_left(tmp_path, folder):
    finish(tmp_path, settings_hash="0" * 16)
    fail(tmp_path, "Error: x\n  What to do: y\n")
    with alone_in(folder):
        assert standing_of(ONE, tmp_path).state is State.RUNNING


def test_a_killed_one_is_no_longer_running(tmp_path, folder):
    code = "import sys, os\nfrom pathlib import Path\nfrom kdml.common.locks import alone_in\nwith alone_in(Path(sys.argv[1])):\n    os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, folder], cwd=SOURCE, check=False)
    ProgressFile(folder, continues=False).tell(epoch=3, epochs=9)
    found = standing_of(ONE, tmp_path)
    assert found.state is State.INTERRUPTED and found.reason.endswith("out of memory; the next try begins anew")
    assert found.position is None  # nothing of it is kept
    (folder / "checkpoint.pt").touch()
    found = standing_of(ONE, tmp_path)
    assert found.reason.endswith("continues from its checkpoint") and found.position.epoch == 3


@pytest.mark.parametrize(("seconds", "state"), [(0, State.RUNNING), (SILENCE + 60, State.INTERRUPTED)])
def test_a_lock_that_cannot_be_seen_from_here_holds_while_there_are_signs(tmp_path, folder, seconds, state):
    """Locks of network file systems may be seen on their own host alone."""
    (folder / "checkpoint.pt").touch()
    ProgressFile(folder, continues=True).tell(epoch=3, epochs=9)
    left_by(folder, "another-host", seconds)
    found = standing_of(ONE, tmp_path)
    assert found.state is state and found.position.epoch == 3
    if state is State.INTERRUPTED:
        assert "no sign of process 7 of SLURM job 4711 on another-host for 16 min" in found.reason


def test_one_that_was_asked_to_leave_continues(tmp_path, folder):
    (folder / "checkpoint.pt").touch()
    found = standing_of(ONE, tmp_path)
    assert found.state is State.INTERRUPTED and "asked to leave; the next try continues" in found.reason


@pytest.mark.parametrize("saved", [True, False])
def test_a_failed_one_says_why(tmp_path, folder, saved):
    fail(tmp_path, "12:00:00 epoch 1/9\nError: a.csv is empty.\n  What to do: mend it\n")
    if saved:
        (folder / "checkpoint.pt").touch()
    found = standing_of(ONE, tmp_path)
    assert (found.state, found.reason, found.remedy) == (State.FAILED, "a.csv is empty.", "mend it")


def test_a_fault_of_the_program_is_named_by_its_last_line(tmp_path):
    fail(tmp_path, "Traceback (most recent call last):\n  x\nKeyError: 'odd'\n")
    assert standing_of(ONE, tmp_path).reason == "KeyError: 'odd'"


def test_the_end_of_a_long_log_is_read(tmp_path):
    fail(tmp_path, "12:00:00 epoch\n" * 100_000 + "Error: late\n  What to do: wait\n")
    assert standing_of(ONE, tmp_path).reason == "late"


def test_other_steps_that_failed_are_found(tmp_path):
    fail(tmp_path, "Error: mine\n  What to do: x\n")
    for name, text in (("prepare/hcd.log", "Error: no archive\n  What to do: y\n"), ("split/a.log", "12:00:00 fine\n")):
        (tmp_path / "logs/mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "logs/mine" / name).write_text(text)
    found = [(name, error.problem) for name, error in other_failures(PATHS, TRAININGS, tmp_path)]
    assert found == [("logs/mine/prepare/hcd.log", "no archive")]


def test_trials_of_a_grid_search_stand_somewhere_too(tmp_path):
    trials = trials_of(PLAN, PATHS)
    assert (
        len({one.folder for one in trials}) == len(trials) > 20 and len({one.settings.digest() for one in trials}) > 20
    )
    one = trials[0]
    assert one.trial in one.name and len(one.outputs) == 2
    finish(tmp_path, one)
    assert standing_of(one, tmp_path).state is State.DONE
