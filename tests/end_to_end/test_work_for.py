"""The workflow for some time only: it stops cleanly, goes on from there, and what is finished can be published alone."""

import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml
from fabricated import call
from snakemake_runs import ROOT, clean_environment, snakemake

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


def test_the_time_is_up(own_chain):
    """Wherever the workflow is, it ends, says what to do, and leaves no lock."""
    shutil.rmtree(own_chain / TARGET)
    worked = work_for(own_chain, "0.2", f"{TARGET}/run.json", "--config", LONGER)
    told = worked.communicate()[1]
    assert worked.returncode == 75, told
    assert "0.2 minutes are over: stopping." in told and "Give the same command again" in told
    assert not (own_chain / TARGET / "run.json").exists() and not list(own_chain.glob(".snakemake/locks/*"))


SLOW_TO_LEAVE = """
import signal, subprocess, sys, time
child = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(SECONDS); open(sys.argv[1], 'w')"
subprocess.Popen([sys.executable, "-c", child.replace("SECONDS", sys.argv[2]), sys.argv[1]])
time.sleep(60)
"""


@pytest.mark.parametrize(("seconds", "grace", "saved"), [("2", 20.0, True), ("60", 1.0, False)])
def test_it_waits_for_jobs_that_outlive_snakemake(tmp_path, seconds, grace, saved):
    """A job's shell ends with the signal and Snakemake with it, but the training is still writing; one that never ends is killed."""
    program = runpy.run_path(str(ROOT / "src/work_for.py"))
    program["stop"].__globals__["GRACE"] = grace
    command = [sys.executable, "-c", SLOW_TO_LEAVE, str(tmp_path / "saved"), seconds]
    workflow = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert workflow.stdout.readline() == "up\n"
    before = {number: signal.getsignal(number) for number in program["LEAVE"]}
    try:
        program["stop"](workflow)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (tmp_path / "saved").exists() == saved
    ends = time.monotonic() + 20  # a killed process counts until the system has buried it
    while program["is_alive"](workflow):
        assert time.monotonic() < ends
        time.sleep(0.1)


def test_what_is_made_already_ends_at_once(own_chain):
    done = work_for(own_chain, "10", f"{TARGET}/run.json")
    told = done.communicate()[1]
    assert done.returncode == 0 and "minutes are over" not in told, told


def test_whoever_asks_it_to_leave_stops_the_workflow(own_chain):
    """Ctrl-C, a scheduler, a terminal that is closed: in the middle of a training, which goes on from there each time."""
    folder, log = own_chain / TARGET, own_chain / "logs/miniature/train/paper/hcd/small/circle/seed-0.log"
    shutil.rmtree(folder)
    log.unlink()
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        worked = work_for(own_chain, "10", f"{TARGET}/run.json", "--config", LONGER, "checkpoint_minutes=100")
        said = ""
        while not re.search("epoch [0-9]+/400", said):  # of this call: the log begins anew with it
            assert worked.poll() is None, worked.stderr.read()
            time.sleep(0.05)
            said = log.read_text() if log.exists() else ""
        os.kill(worked.pid, number)
        told = worked.communicate()[1]
        assert worked.returncode == code, told
        assert (folder / "checkpoint.pt").exists() and not (folder / "run.json").exists()
        assert not list(own_chain.glob(".snakemake/locks/*"))
        assert ("continuing at epoch" in log.read_text()) == (number != signal.SIGINT)
        log.unlink()


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
