"""What happens on a cluster changes no bit, needs no hand, and is seen."""

import re

import pytest
from cluster_runs import EVENTS, RUNS, TRAINED, comment_of, folder_of, log_of

pytestmark = pytest.mark.xdist_group("cluster")


def test_everything_is_made_to_the_same_bits(undisturbed, afflicted):
    assert afflicted.codes[-1] == 0, afflicted.said[-1]
    for run in RUNS:
        for name in ("weights.safetensors", "predictions.npz", "validation.npz"):
            ours, theirs = (folder_of(folder, run) / name for folder in (afflicted.folder, undisturbed))
            assert ours.read_bytes() == theirs.read_bytes(), (run, name)
    for name in ("contrasts.csv", "variants/by_seed.csv"):
        assert (afflicted.folder / TRAINED / name).read_text() == (undisturbed / TRAINED / name).read_text()


@pytest.mark.parametrize("event", EVENTS)
def test_training_that_was_ended_continues(afflicted, event):
    assert "continuing at epoch" in log_of(afflicted.folder, afflicted.met[event])


@pytest.mark.parametrize("event", ["cancelled", "out of time", "out of memory"])
def test_job_that_ended_is_submitted_again(afflicted, event):
    """Once for the first head, once for the last, and again."""
    jobs = afflicted.submitted(afflicted.met[event])
    assert len(jobs) == 3 and jobs[-1].restarts == 0


@pytest.mark.parametrize("event", ["node failed", "beside it", "preempted"])
def test_job_whose_node_was_taken_is_started_again_by_slurm(afflicted, event):
    jobs = afflicted.submitted(afflicted.met[event])
    assert len(jobs) == 2 and jobs[-1].restarts == 1


def test_head_names_the_jobs_that_a_killed_one_left(afflicted):
    killed, unlocked, refused, done = afflicted.codes
    assert (unlocked, done) == (0, 0) and killed and refused
    said = afflicted.said[2]
    numbers = re.search(r"cancel them with `scancel ([\d ]+)`", said)[1].split()
    assert {job.number for run in RUNS for job in afflicted.submitted(run)[:1]} <= set(numbers)
    assert f"SLURM still has {len(numbers)} job(s) of an earlier run" in said and "Traceback" not in said


def test_jobs_are_named_in_the_queue(afflicted):
    assert {comment_of(run) for run in RUNS} <= {job.comment for job in afflicted.jobs.values()}


def test_login_node_sets_no_limit(afflicted):
    """Neither its cores to the threads of a job, nor its GPU to the number of trainings."""
    assert re.search(r"^rule networks:\n(?:    .*\n)*    threads: 8$", afflicted.said[0], flags=re.M)
    assert not re.search(r"Provided resources:.*gpu", afflicted.said[0])


def test_light_rules_are_no_jobs_of_the_cluster(afflicted):
    rules = {job.comment.removeprefix("rule_").partition("_wildcards")[0] for job in afflicted.jobs.values()}
    assert rules - {"(null)"} <= {"train", "networks", "evaluate", "similarity", "contrasts"}


def test_memory_grows_with_the_attempt(afflicted):
    assert {job.memory for job in afflicted.submitted(afflicted.met["out of memory"])} >= {"24000M", "48000M"}
