"""Snakemake killed while a training of its goes on: what the training finishes alone is not trained again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

from miniature import run
from snakemake_runs import clean_environment

TARGET = "results/miniature/paper/hcd/small/circle/seed-0"
LONGER = "tasks={hcd: {training: {epochs: 12}}}"


def test_a_training_that_outlives_snakemake_is_not_repeated(own_chain):
    folder = own_chain / TARGET
    shutil.rmtree(folder)
    asked = [f"{TARGET}/run.json", "--config", LONGER]
    words = ["--directory", own_chain, "--cores", "1", *asked, "--configfile", own_chain / "miniature.yaml"]
    head = subprocess.Popen(
        [sys.executable, "-m", "snakemake", *map(str, words)],
        cwd=own_chain.with_name("project"),
        env=clean_environment(own_chain),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not (folder / ".lock").exists():
        assert head.poll() is None
        time.sleep(0.01)
    os.kill(head.pid, signal.SIGKILL)
    head.wait()
    assert not (folder / "run.json").exists()
    ends = time.monotonic() + 120
    while not (folder / "run.json").exists() or (folder / ".lock").exists():
        assert time.monotonic() < ends
        time.sleep(0.05)
    record = json.loads((folder / "run.json").read_text())
    weights = (folder / "weights.safetensors").read_bytes()
    assert run(own_chain, "--unlock", *asked).returncode == 0
    done = run(own_chain, *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    again = json.loads((folder / "run.json").read_text())
    assert again == record and (folder / "weights.safetensors").read_bytes() == weights
    log = own_chain / "logs/miniature/train/paper/hcd/small/circle/seed-0.log"
    assert "trained already" in log.read_text() and "epoch 1/12" not in log.read_text()
