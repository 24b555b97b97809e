"""What happens on a cluster changes no bit, needs no hand, and is seen."""

import pytest
from cluster_runs import (
    CANCELLED,
    FAILED_NODE,
    OUT_OF_MEMORY,
    OUT_OF_TIME,
    PREEMPTED,
    RUNS,
    TRAINED,
    folder_of,
    log_of,
)

pytestmark = pytest.mark.xdist_group("cluster")


def test_everything_is_made_to_the_same_bits(undisturbed, afflicted):
    assert afflicted.codes[-1] == 0, afflicted.said[-1]
    for run in RUNS:
        for name in ("weights.safetensors", "predictions.npz"):
            ours, theirs = (folder_of(folder, run) / name for folder in (afflicted.folder, undisturbed))
            assert ours.read_bytes() == theirs.read_bytes(), (run, name)
    for name in ("contrasts.csv", "variants/by_seed.csv"):
        assert (afflicted.folder / TRAINED / name).read_text() == (undisturbed / TRAINED / name).read_text()


@pytest.mark.parametrize("run", [CANCELLED, FAILED_NODE, PREEMPTED, OUT_OF_TIME, OUT_OF_MEMORY])
def test_training_that_was_ended_continues(afflicted, run):
    assert "continuing at epoch" in log_of(afflicted.folder, run)


@pytest.mark.parametrize("run", [CANCELLED, OUT_OF_TIME, OUT_OF_MEMORY])
def test_job_that_ended_is_submitted_again(afflicted, run):
    assert len(afflicted.submitted(run)) >= 2


def test_memory_grows_with_the_attempt(afflicted):
    assert {job.memory for job in afflicted.submitted(OUT_OF_MEMORY)} >= {"24000M", "48000M"}
