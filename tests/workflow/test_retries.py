"""A failed job is tried again where another try may pass: after a kill, never after a user's own error."""

import pytest
from snakemake_runs import snakemake

ARCHIVE = "lgg-mri-segmentation"
KILL = """
import os, signal, sys
if any(word.endswith("fetch.py") for word in sys.orig_argv):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def fetched(tmp_path):
    """Call of a job that fails, with two retries; what Snakemake says."""

    def call(environment):
        (tmp_path / f"{ARCHIVE}.zip").write_bytes(b"no archive")
        record = f"results/reproduction/archives/{ARCHIVE}.json"
        arguments = ("--cores", "1", "--retries", "2", record, "--config", f"archives={tmp_path}")
        done = snakemake(tmp_path, *arguments, environment=environment)
        assert done.returncode != 0
        return done.stdout + done.stderr

    return call


def test_bad_input_is_not_tried_again(fetched):
    said = fetched({})
    assert "Trying to restart" not in said and f"{ARCHIVE}.zip" in said and "What to do" in said


def test_killed_job_is_tried_again(fetched, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(KILL)
    assert fetched({"PYTHONPATH": str(tmp_path)}).count("Trying to restart") == 2
