"""So many trainings side by side on every GPU as was said, on make-believe GPUs."""

import subprocess
import sys
import tempfile
import time

import pytest

from kdml.common import gpus
from kdml.common.source_code import SOURCE

LISTED = """GPU 0: NVIDIA H100 (UUID: GPU-aaa)
GPU 1: NVIDIA H100 (UUID: GPU-bbb)
"""
DIVIDED = """GPU 0: NVIDIA A100 (UUID: GPU-aaa)
  MIG 3g.20gb Device 0: (UUID: MIG-1)
  MIG 3g.20gb Device 1: (UUID: MIG-2)
"""
HOLD = """
import os, sys, time
from kdml.common.gpus import gpus_here, one_of
with one_of(gpus_here(), int(sys.argv[1])):
    print(os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose nvidia-smi lists GPUs; give it another list to change them."""

    def has(listed: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{listed}END\n")
        program.chmod(0o755)

    has(LISTED)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in (gpus.VISIBLE, "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    return has


@pytest.fixture
def trainings():
    """Processes that hold a place each; they end with the test."""
    started = []

    def start(per_gpu: int) -> subprocess.Popen:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen([sys.executable, "-c", HOLD, str(per_gpu)], cwd=SOURCE, text=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_gpus_are_those_of_the_machine(machine):
    assert gpus.gpus_here() == {"GPU-aaa": "GPU-aaa", "GPU-bbb": "GPU-bbb"}
    machine(DIVIDED)
    assert list(gpus.gpus_here()) == ["MIG-1", "MIG-2"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("1", {"GPU-bbb": "1"}),
        ("1,0", {"GPU-bbb": "1", "GPU-aaa": "0"}),
        ("GPU-b", {"GPU-bbb": "GPU-b"}),
        ("", {}),
        ("-1", {}),
        ("NoDevFiles", {}),
        ("7", {}),
    ],
)
def test_gpus_are_those_that_were_given(machine, monkeypatch, given, expected):
    monkeypatch.setenv(gpus.VISIBLE, given)
    assert gpus.gpus_here() == expected


def test_no_program_and_a_failing_one_mean_no_gpus(machine, tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'; exit 9\n")
    assert gpus.gpus_here() == {}
    monkeypatch.setenv("PATH", "/nowhere")
    assert gpus.gpus_here() == {}


@pytest.mark.parametrize(("per_gpu", "places"), [(1, 2), (3, 6)])
def test_limit_is_the_number_of_places(machine, per_gpu, places):
    assert gpus.at_once(gpus.gpus_here(), per_gpu) == places
    assert gpus.at_once({}, per_gpu) is None


def test_trainings_spread_over_the_gpus_and_no_more_share_one_than_was_said(machine, trainings):
    first, second, third, fourth = (trainings(2) for _ in range(4))
    said = [process.stdout.readline().strip() for process in (first, second, third, fourth)]
    assert sorted(said) == ["GPU-aaa", "GPU-aaa", "GPU-bbb", "GPU-bbb"]
    fifth = trainings(2)
    time.sleep(1.5)
    assert fifth.poll() is None
    freed = said[2]
    third.kill()  # the place is given back however a training ends
    assert fifth.stdout.readline().strip() == freed


def test_two_trainings_take_both_gpus_before_one_is_shared(machine, trainings):
    both = [trainings(4).stdout.readline().strip() for _ in range(2)]
    assert sorted(both) == ["GPU-aaa", "GPU-bbb"]


def test_waiting_ends_where_the_scheduler_asks_to_leave(machine, trainings, monkeypatch):
    monkeypatch.setenv(gpus.VISIBLE, "0")
    assert trainings(1).stdout.readline().strip() == "0"
    asked = iter([False, True])
    monkeypatch.setattr(gpus, "SECONDS_BETWEEN_TRIES", 0)
    with gpus.one_of(gpus.gpus_here(), 1, give_up=lambda: next(asked)):
        assert next(asked, "asked twice") == "asked twice"


def test_in_a_job_of_slurm_with_one_gpu_the_scheduler_has_chosen(machine, trainings, monkeypatch):
    """It may have put several on it. In an allocation of several GPUs each training takes one."""
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    assert {trainings(1).stdout.readline().strip() for _ in range(2)} == {"GPU-aaa", "GPU-bbb"}
    monkeypatch.setenv(gpus.VISIBLE, "0")
    assert [trainings(1).stdout.readline().strip() for _ in range(2)] == ["0", "0"]
