"""Sessions on Kaggle in a make-believe /kaggle: stopped by their minutes and continued from the attached output, to the same bits."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from miniature import copy_project
from snakemake_runs import clean_environment, snakemake

from kdml.common.files import sha256_of
from kdml.data.demo import draw_archive
from kdml.kaggle import kernel, output, session

ARCHIVE = "histopathologic-cancer-detection"
FOLDER = "results/tiny/paper/hcd/small/kd_on_v3/seed-0"
LOG = "logs/tiny/train/paper/hcd/small/kd_on_v3/seed-0.log"
SAME = ("weights.safetensors", "predictions.npz")
EPOCHS = 6
TINY = """
experiment: tiny
run: {tasks: [hcd], pairs: [small], techniques: [kd_on], strategies: [v3], baselines: false, methods: [], seeds: [0]}
datasets: {hcd: {image_size: 32, subset: 60}}
training: {batch_size: 8, epochs: EPOCHS, patience: EPOCHS, device: cpu, threads: 1}
networks:
  teacher_small: {timm: resnet18, title: T, options: {channels: [8, 12, 16, 24]}, stands_for: resnet50}
  student_small: {timm: resnet18, title: S, options: {channels: [8, 8, 8, 16]}, stands_for: resnet18}
pairs: {small: {teacher: teacher_small, student: student_small}}
"""
# A training of a few epochs may be over before a signal reaches it, on any machine: it waits for it.
HOLD = """
import logging, os, pathlib, signal, sys

def held(*arguments, make=logging.getLogRecordFactory(), **named):
    record = make(*arguments, **named)
    if record.getMessage().startswith("epoch 3/"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        pathlib.Path(HELD).touch()
        signal.sigwait({signal.SIGTERM})
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.kill(os.getpid(), signal.SIGTERM)
    return record

if any(word.endswith("train.py") for word in sys.orig_argv):
    logging.setLogRecordFactory(held)
"""


@pytest.fixture
def tree(tmp_path):
    """A /kaggle with the archive as Kaggle mounts it, the project as it was sent, and the kernel."""
    tree, project = tmp_path / "kaggle", copy_project(tmp_path / "project")
    (project / "tiny.yaml").write_text(TINY.replace("EPOCHS", str(EPOCHS)))
    draw_archive(ARCHIVE, tmp_path / f"{ARCHIVE}.zip", images=60, size=32, seed=0)
    with zipfile.ZipFile(tmp_path / f"{ARCHIVE}.zip") as file:
        file.extractall(tree / "input/competitions" / ARCHIVE)
    (tree / "working").mkdir()
    (tree / "kernel").mkdir()
    names = sorted(path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file())
    sent = tree / "input/datasets/somebody/kdml-project"
    (tree / "kernel/project").write_text(kernel.write_project(sent, "somebody/kdml-project", project, names))
    return tree


def job(minutes):
    files = ("tiny.yaml", "profiles/kaggle/experiment.yaml")
    return kernel.Job(
        "kdml",
        minutes,
        "tiny",
        "profiles/kaggle",
        files,
        targets=(f"{FOLDER}/run.json",),
        archives=(ARCHIVE,),
        gpu=False,
    )


def work(tree, minutes, stop=False):
    """A session, and what it says of itself; on request stopped as by its time after the third epoch of the training."""
    kernel.write_kernel(
        tree / "kernel", "somebody/kdml-session-1", job(minutes), (tree / "kernel/project").read_text(), [], None
    )
    environment = clean_environment(tree) | {session.TREE: str(tree), session.PYTHON: sys.executable}
    held = tree / "hold/held"
    if stop:
        held.parent.mkdir()
        held.with_name("sitecustomize.py").write_text(HOLD.replace("HELD", repr(str(held))))
        environment["PYTHONPATH"] = str(held.parent)
    with (tree / "said").open("w+") as said:
        started = subprocess.Popen(
            [sys.executable, tree / "kernel/session.py"], cwd=tree, env=environment, stdout=said, stderr=said
        )
        while stop and not held.exists():
            assert started.poll() is None, (tree / "said").read_text()
            time.sleep(0.05)
        if stop:
            os.kill(child_of(started.pid), signal.SIGINT)
        code = started.wait()
        said.seek(0)
        told = said.read()
    assert code == 0, told
    assert not (tree / "temp/kdml").exists()
    return json.loads((tree / "working/session.json").read_text()), told


def child_of(process):
    """The process that a session waits for: src/work_for.py."""
    return int(Path(f"/proc/{process}/task/{process}/children").read_text().split()[0])


def attach(tree, number):
    """What `continue` attaches, in place of what was attached before; and another form in which Kaggle shows the project."""
    before = tree / "input/notebooks/somebody"
    shutil.rmtree(before, ignore_errors=True)
    before.mkdir(parents=True)
    (tree / "working").rename(before / f"kdml-session-{number}")
    (tree / "working").mkdir()
    sent = tree / "input/datasets/somebody/kdml-project"
    if (sent / session.PROJECT).exists():
        with tarfile.open(sent / session.PROJECT) as archive:
            archive.extractall(sent / "kdml-project", filter="data")
        (sent / session.PROJECT).unlink()
        for path in (sent / "kdml-project").rglob("*"):
            os.utime(path)


def left(tree):
    found = set()
    for part in (tree / "working").glob("*.tar"):
        with tarfile.open(part) as archive:
            found |= set(archive.getnames())
    return found


def alone(tree, folder):
    """The undisturbed training."""
    folder.mkdir()
    project = folder.with_name("project")
    words = ("--configfile", project / "tiny.yaml", project / "profiles/kaggle/experiment.yaml")
    archives = f"archives={tree}/input/competitions/{ARCHIVE}"
    done = snakemake(folder, "--cores", "1", f"{FOLDER}/run.json", *words, "--config", archives, root=project)
    assert done.returncode == 0, done.stdout + done.stderr


def test_stopped_and_continued_it_has_the_same_bits(tree, tmp_path):
    alone(tree, tmp_path / "alone")
    told, said = work(tree, 0.01)  # over before anything is made
    assert (told["number"], told["exit_code"], told["pack"]) == (1, session.TIME_IS_UP, None) and "`continue`" in said
    attach(tree, 1)
    told, said = work(tree, 60, stop=True)
    assert (told["number"], told["left_out"], told["pack"]) == (2, [], None)
    assert {f"{FOLDER}/checkpoint.pt", "results/tiny/data/hcd/images.npy"} <= left(tree)
    assert f"{FOLDER}/run.json" not in left(tree)
    attach(tree, 2)
    told, said = work(tree, 60)
    assert (told["number"], told["exit_code"]) == (3, 0)
    assert {path.name for path in (tree / "working").iterdir()} == {"session.json", "tiny.zip", *told["parts"]}
    assert told["pack"] == {"name": "tiny.zip", "sha256": sha256_of(tree / "working/tiny.zip")}

    here = tmp_path / "here"
    output.taken(tree / "working", told, here, here / "pulled.json")
    assert {name: sha256_of(here / FOLDER / name) for name in SAME} == {
        name: sha256_of(tmp_path / "alone" / FOLDER / name) for name in SAME
    }
    assert not (here / FOLDER / "checkpoint.pt").exists()
    assert "continuing at epoch 4" in (here / LOG).read_text()

    # Here, too, it counts as made.
    words = ("--configfile", tmp_path / "project/tiny.yaml", tmp_path / "project/profiles/kaggle/experiment.yaml")
    archives = ("--config", f"archives={tree}/input/competitions/{ARCHIVE}")
    planned = snakemake(here, "--cores", "1", "-n", f"{FOLDER}/run.json", *words, *archives, root=tmp_path / "project")
    assert planned.returncode == 0 and "Nothing to be done" in planned.stdout + planned.stderr, (
        planned.stdout + planned.stderr
    )

    # Once more: everything is there, nothing is trained or prepared again.
    before = {name: (here / FOLDER / name).stat().st_mtime for name in SAME}
    attach(tree, 3)
    told, said = work(tree, 60)
    output.taken(tree / "working", told, here, here / "pulled.json")
    assert told["exit_code"] == 0 and {name: (here / FOLDER / name).stat().st_mtime for name in SAME} == before
