"""Trainings killed at random, again and again, end to the same bits as one that nobody disturbed.

The times are drawn by a seed.
"""

import json
import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from forked_training import forked_training
from small import arrays_of, cohort_of, method_settings, settings_of, variant_graph

from kdml.common.files import read_csv, sha256_of, write_csv, write_json
from kdml.learning.networks import save_networks

KILLS = 4  # of each kind of run
OUTPUTS = ("weights.safetensors", "predictions.npz", "validation.npz")


@dataclass
class Run:
    """A kind of training.

    Args:
        settings: of it.
        workers: loading processes.
        kind: of the task.
    """

    settings: object
    workers: int = 0
    kind: str = "classification"


RUNS = {
    "mutual learning": Run(settings_of(variant_graph("ml_v3")), workers=2),
    "frozen teacher": Run(settings_of(variant_graph("kd_off_v3"))),
    "online teacher": Run(settings_of(variant_graph("kd_on_v2")), workers=2),
    "both, of masks": Run(settings_of(variant_graph("kd_ml_v1"), "segmentation"), kind="segmentation"),
    "method in two stages": Run(method_settings("fitnet", choice={"options": {"stages": 2}}), workers=2),
    "method with an adversary": Run(method_settings("skd", "segmentation", epochs=1), kind="segmentation"),
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Prepared arrays and a split, for both kinds of task."""
    folder = tmp_path_factory.mktemp("data")
    for kind in ("classification", "segmentation"):
        arrays = arrays_of(kind, images=30)
        (folder / kind).mkdir()
        np.save(folder / kind / "images.npy", arrays.images)
        if arrays.masks is not None:
            np.save(folder / kind / "masks.npy", arrays.masks)
        sums = {path.stem: sha256_of(path) for path in (folder / kind).glob("*.npy")}
        write_json(folder / kind / "report.json", {"sha256": sums})
    order = np.random.default_rng(1).permutation(30)
    part = dict(zip(order.tolist(), ["train"] * 14 + ["validation"] * 8 + ["test"] * 8, strict=True))
    rows = [{"row": row, "id": row, "label": int(row >= 15), "group": "", "part": part[row]} for row in range(30)]
    write_csv(folder / "split.csv", rows)
    warm = forked_training(["--help"], folder / "help.log")  # what all are forked from imports what they need
    warm.join()
    assert warm.exitcode == 0
    return folder


def command(run, data, out):
    words = [
        "--settings",
        run.settings.to_json(),
        "--data",
        data / run.kind,
        "--split",
        data / "split.csv",
        "--out",
        out,
    ]
    words += ["--workers", run.workers, "--checkpoint-minutes", 0]
    if run.settings.teacher.value == "frozen":
        teacher = data / f"teacher-{run.settings.digest()}.safetensors"
        if not teacher.exists():
            save_networks(teacher, {"teacher": cohort_of(run.settings).networks["teacher"]})
        words += ["--teacher", teacher]
    return list(map(str, words))


def started(run, data, out):
    return forked_training(command(run, data, out), out.with_suffix(".log"))


def loaders(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return list(map(int, children.read_text().split())) if children.exists() else []


WAYS = {
    "SIGTERM to the group": lambda pid: os.killpg(pid, signal.SIGTERM),
    "SIGKILL to the group": lambda pid: os.killpg(pid, signal.SIGKILL),
    "SIGKILL to the training alone": lambda pid: os.kill(pid, signal.SIGKILL),
    "SIGKILL to a loading process": lambda pid: os.kill(next(iter(loaders(pid)), pid), signal.SIGKILL),
}


def killed(process, way, after):
    """Kill a training some time after its start; say how it ended, None if it had ended by itself."""
    process.join(after)
    if process.exitcode is None:
        with suppress(ProcessLookupError):
            WAYS[way](process.pid)
        process.join()
    return None if process.exitcode == 0 else process.exitcode


def content(folder):
    record = json.loads((folder / "run.json").read_text())
    measured = ("seconds", "images_per_second", "seconds_to_first_step", "peak_memory_mib", "finished")
    history = [{**row, "seconds": None} for row in read_csv(folder / "history.csv", "train it")]
    return {name: (folder / name).read_bytes() for name in OUTPUTS} | {
        "record": {key: value for key, value in record.items() if key not in measured},
        "history": history,
    }


def finished(run, data, out):
    """Train to the end; say what it said."""
    process = started(run, data, out)
    process.join()
    said = out.with_suffix(".log").read_text()
    assert process.exitcode == 0, said
    return said


@pytest.mark.parametrize("name", RUNS)
def test_killed_at_random_it_ends_to_the_same_bits(name, data, tmp_path):
    """Four kills each, at times and in ways drawn by a seed: in building, a step, a checkpoint, the end."""
    run, generator = RUNS[name], random.Random(name)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    first = time.monotonic()
    finished(run, data, whole)
    took = time.monotonic() - first
    wanted, ends = content(whole), []
    while len(ends) < KILLS:
        way = generator.choice(list(WAYS))
        end = killed(started(run, data, broken), way, after=generator.uniform(0.1, 1) * took)
        if end is None:  # it was through: nothing of what the kills left is in its outputs
            assert content(broken) == wanted
            for path in sorted(broken.rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
        else:
            ends.append((way, end))
            partly = {one.name for one in broken.glob("[!.]*")} if broken.exists() else set()
            assert "run.json" not in partly or content(broken) == wanted, ends
    said = finished(run, data, broken)
    assert content(broken) == wanted, ends
    left = {path.name for path in broken.iterdir()}
    assert left == {*OUTPUTS, "history.csv", "run.json", ".finished"}, ends
    assert "Traceback" not in said, said
    allowed = {75, 128 + signal.SIGTERM, -signal.SIGTERM, -signal.SIGKILL}
    assert {end for _, end in ends} <= allowed, (ends, said)


def longer(run, epochs):
    settings = run.settings.model_copy(update={"training": run.settings.training.model_copy(update={"epochs": epochs})})
    return replace(run, settings=settings)


def test_terminated_it_saves_leaves_and_continues_with_its_own_settings_alone(data, tmp_path):
    """Also with loading processes, which get the signal too."""
    run, out = replace(longer(RUNS["mutual learning"], 16), workers=2), tmp_path / "run"
    log = out.with_suffix(".log")
    process = started(run, data, out)
    while not (log.exists() and "epoch 2/" in log.read_text()):
        assert process.is_alive()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGTERM)
    process.join()
    assert process.exitcode == 128 + signal.SIGTERM and "start the same command again" in log.read_text()
    assert {path.name for path in out.iterdir()} == {"checkpoint.pt", "progress.json"}
    other = started(longer(run, 17), data, out)
    other.join()
    assert other.exitcode == 2 and "other settings, data or code" in log.read_text()
    assert {path.name for path in out.iterdir()} == {"checkpoint.pt", "progress.json"}
    assert "continuing at epoch" in finished(run, data, out)


def test_a_run_that_is_trained_is_not_trained_again(data, tmp_path):
    """Also when its outputs were removed, as Snakemake does where it was killed before it had noted that a job was done."""
    run, out = RUNS["frozen teacher"], tmp_path / "run"
    finished(run, data, out)
    wanted = {path.name: path.read_bytes() for path in out.glob("[!.]*")}
    for path in out.glob("[!.]*"):
        path.unlink()
    said = finished(run, data, out)
    assert "trained already" in said and said.count("epoch 1/2") == 1
    assert {path.name: path.read_bytes() for path in out.glob("[!.]*")} == wanted
    said = finished(replace(run, settings=run.settings.model_copy(update={"seed": 1})), data, out)
    assert said.count("epoch 1/2") == 2 and content(out)["record"]["seed"] == 1


def test_what_an_output_follows_from_decides_whether_it_is_trained_again(data, tmp_path):
    """A changed input, or predictions wanted where a search had none."""
    run, out = RUNS["frozen teacher"], tmp_path / "run"
    search = forked_training([*command(run, data, out), "--validation-only"], out.with_suffix(".log"))
    search.join()
    assert search.exitcode == 0 and {path.name for path in out.glob("[!.]*")} == {"history.csv", "run.json"}
    assert finished(run, data, out).count("epoch 1/2") == 2 and (out / "predictions.npz").exists()
