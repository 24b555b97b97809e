"""The workflow for some time only: it stops cleanly, goes on from there, and what is finished can be published alone."""

import os
import shutil
import signal
import subprocess
import sys
import time

import yaml
from fabricated import call
from snakemake_runs import clean_environment, snakemake

TARGET = "results/miniature/paper/hcd/small/circle/seed-0"
LONGER = "tasks={hcd: {training: {epochs: 400, patience: 400}}}"


def work_for(folder, minutes, *words):
    command = [
        sys.executable,
        folder.with_name("project") / "src/work_for.py",
        minutes,
        "--directory",
        folder,
        "--cores",
        "1",
    ]
    command += [*words, "--configfile", folder / "miniature.yaml"]
    return subprocess.Popen(
        [*map(str, command)],
        cwd=folder.with_name("project"),
        env=clean_environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_time_is_up_in_the_middle_of_a_training(own_chain):
    """Stopped, it has a checkpoint, no lock of Snakemake or of a training, and the next call goes on from there."""
    folder, log = own_chain / TARGET, own_chain / "logs/miniature/train/paper/hcd/small/circle/seed-0.log"
    shutil.rmtree(folder)
    asked = (f"{TARGET}/run.json", "--config", LONGER, "checkpoint_minutes=100")
    for begun in ("epoch 1/400", "continuing at epoch"):
        worked = work_for(own_chain, "0.5", *asked)
        told = worked.communicate()[1]
        assert worked.returncode == 75, told
        assert "0.5 minutes are over: stopping." in told and "Give the same command again" in told
        assert begun in log.read_text() and (folder / "checkpoint.pt").exists() and not (folder / "run.json").exists()
        assert not list(own_chain.glob(".snakemake/locks/*"))


def test_what_is_made_already_ends_at_once(own_chain):
    done = work_for(own_chain, "10", f"{TARGET}/run.json")
    told = done.communicate()[1]
    assert done.returncode == 0 and "minutes are over" not in told, told


def test_ctrl_c_stops_it_as_well(own_chain):
    folder = own_chain / TARGET
    shutil.rmtree(folder)
    worked = work_for(own_chain, "10", f"{TARGET}/run.json", "--config", LONGER)
    while not (folder / ".lock").exists():
        assert worked.poll() is None
        time.sleep(0.05)
    time.sleep(3)  # into the training
    os.kill(worked.pid, signal.SIGINT)
    told = worked.communicate()[1]
    assert worked.returncode == 130, told
    assert (folder / "checkpoint.pt").exists() and not list(own_chain.glob(".snakemake/locks/*"))


def test_bad_input_is_snakemakes_own_answer(own_chain):
    worked = work_for(own_chain, "1", "--config", "sharing={temperature: -1}")
    told = worked.communicate()[1]
    assert worked.returncode == 1 and "sharing.temperature" in told and "minutes are over" not in told
    code, told = call("work_for", "soon")
    assert code == 2 and "minutes" in told


def test_what_is_finished_is_published_alone(own_chain):
    """One of three tasks is not finished: the two others make a pack, from what is there and without any training."""
    shutil.rmtree(own_chain / "results/miniature/paper/mine")
    part = own_chain / "part.yaml"
    words = ("--configfile", own_chain / "miniature.yaml", "--directory", own_chain)
    assert call("status", *words, "--finished", part) == (0, "")
    assert yaml.safe_load(part.read_text())["run"]["tasks"] == ["hcd", "lgg"]
    before = {path: path.stat().st_mtime_ns for path in (own_chain / "results/miniature").rglob("weights.safetensors")}
    asked = ("--cores", "2", "publish", "--configfile", own_chain / "miniature.yaml", part)
    done = snakemake(own_chain, *asked, root=own_chain.with_name("project"))
    assert done.returncode == 0, done.stdout + done.stderr
    after = {path: path.stat().st_mtime_ns for path in (own_chain / "results/miniature").rglob("weights.safetensors")}
    assert after == before and (own_chain / "results/miniature.zip").exists()


def test_nothing_finished_is_said(own_chain):
    shutil.rmtree(own_chain / "results/miniature/paper")
    code, told = call(
        "status",
        "--configfile",
        own_chain / "miniature.yaml",
        "--directory",
        own_chain,
        "--finished",
        own_chain / "part.yaml",
    )
    assert code == 2 and "No task is finished" in told and not (own_chain / "part.yaml").exists()
