"""Data of the user's own in a plan: what is wrong with them is refused before anything runs, and what was prepared stands without them."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from snakemake_runs import Plan, snakemake

ROWS = [(f"p{number}.png", ("benign", "malignant")[number % 2], f"patient {number // 2}") for number in range(24)]
CONFIG = {
    "archives": "demo",
    "hyperparameters": "even",
    "datasets": {
        "moles": {"table": "list.csv", "image": "file", "label": "class", "group": "patient", "classes": ["benign", "malignant"], "image_size": 64}
    },
    "tasks": {"moles": {"title": "Moles", "dataset": "moles", "kind": "classification", "classes": ["benign", "malignant"]}},
    "networks": {"tiny": {"timm": "resnet10t", "title": "Tiny"}},
    "pairs": {"own": {"teacher": "tiny", "student": "tiny"}},
    "run": {"tasks": ["moles"], "pairs": ["own"], "seeds": [0], "methods": []},
}  # fmt: skip
PREPARED = "results/reproduction/data/moles/report.json"


@pytest.fixture
def folder(tmp_path):
    """A folder with pictures and their table, and a configuration."""
    (tmp_path / "mine").mkdir()
    for number, (name, *_) in enumerate(ROWS):
        values = np.random.default_rng(number).integers(0, 256, (32, 32), dtype=np.uint8)
        Image.fromarray(values).save(tmp_path / "mine" / name)
    write(tmp_path, ROWS)
    CONFIG["datasets"]["moles"]["source"] = str(tmp_path / "mine")
    (tmp_path / "mine.json").write_text(json.dumps(CONFIG))
    return tmp_path


def write(folder, rows):
    (folder / "mine/list.csv").write_text(
        "".join(",".join(row) + "\n" for row in (("file", "class", "patient"), *rows))
    )


def call(folder, *words):
    return snakemake(folder, *words, "--cores", "1", "--configfile", folder / "mine.json")


def test_they_are_planned_where_the_papers_are_and_split_by_group(folder):
    plan = Plan(call(folder, "-n", "-p"))
    counts = plan.counts()
    assert (counts["fetch"], counts["prepare"], counts["split"]) == (1, 1, 1) and "draw_demo" not in counts
    for target in ("results/tables/results_moles_own.html", "results/reproduction/grouped/moles/own/contrasts.csv"):
        assert target in plan.makers
    for target in ("results/tables/clinic.html", "results/figures/clinic_reliability.pdf"):  # of all places
        assert "results/reproduction/grouped/moles/own/runs.csv" in plan.makers[target].inputs
        assert target.replace("pdf", "png") in plan.makers["results/index.html"].inputs
    assert "results/tables/results_moles_own.html" in plan.makers["results/index.html"].inputs
    assert "--drawn" not in plan.makers["results/index.html"].command


def test_students_are_taken_home_with_the_pictures_where_they_lie(folder):
    CONFIG["datasets"]["moles"]["licence"] = "Ours; ask us"
    (folder / "mine.json").write_text(json.dumps(CONFIG))
    del CONFIG["datasets"]["moles"]["licence"]
    target = "results/reproduction/export/grouped/moles/own.zip"
    job = Plan(call(folder, "-n", "-p", target)).makers[target]
    assert {"results/reproduction/archives/own_moles.json", "results/reproduction/data/moles/index.parquet"} <= {
        *job.inputs
    }
    words = shlex.split(job.command)
    assert Path(words[words.index("--archives") + 1]).name == "mine" and "--licence=Ours; ask us" in words
    assert "--drawn" not in words and not any(word.startswith("--note=Synthetic") for word in words)


@pytest.mark.bad_input
def test_a_wrong_table_is_refused_before_anything_runs(folder):
    write(folder, [*ROWS, ("p99.png", "benign", "patient 1")])
    done = call(folder, "all")
    assert done.returncode != 0 and not (folder / "results").exists()
    said = done.stdout + done.stderr
    assert (
        "`datasets.moles`: list.csv, line 26: " in said
        and "holds no picture p99.png" in said
        and "Traceback (most recent" not in said
    )


@pytest.mark.bad_input
def test_a_missing_folder_is_refused_until_data_are_prepared(folder):
    assert call(folder, PREPARED).returncode == 0
    report = json.loads((folder / PREPARED).read_text())
    assert report["classes"] == {"benign": 12, "malignant": 12} and report["groups"] == 12
    (folder / "mine").rename(folder / "elsewhere")
    assert "Nothing to be done" in (done := call(folder, PREPARED)).stdout + done.stderr
    CONFIG["datasets"]["moles"]["source"] = str(folder / "elsewhere")
    (folder / "mine.json").write_text(json.dumps(CONFIG))
    assert "Nothing to be done" in (done := call(folder, PREPARED)).stdout + done.stderr
    table = folder / "elsewhere/list.csv"
    table.write_text(table.read_text().replace("p1.png,malignant", "p1.png,benign"))
    assert call(folder, PREPARED).returncode == 0
    assert json.loads((folder / PREPARED).read_text())["classes"] == {"benign": 13, "malignant": 11}
    (folder / "elsewhere").rename(folder / "lost")
    (folder / PREPARED).unlink()
    said = (done := call(folder, PREPARED)).stdout + done.stderr
    assert done.returncode != 0 and "`datasets.moles.source: " in said and "does not exist" in said


def test_data_are_checked_before_anything_trains(folder):
    shutil.copy(folder / "mine/p3.png", folder / "mine/p1.png")  # of another patient and the same class
    done = call(folder, "check_data")
    assert done.returncode == 0 and "Open results/reproduction/check_data.html" in done.stderr, done.stderr
    (found,) = json.loads((folder / "results/reproduction/check_data.json").read_text())
    assert (found["dataset"], found["read"], found["kept"]) == ("moles", 24, 23)
    assert found["dropped"]["same content as another picture"]["files"] == ["p3.png"]
    splits = {one["protocol"]: one for one in found["splits"]}
    assert splits["grouped"]["is_used"] and splits["grouped"]["leakage"]["test_with_group_in_train"] == 0
    assert not splits["paper"]["is_used"] and splits["paper"]["leakage"]["test_with_group_in_train"] > 0
    page = (folder / "results/reproduction/check_data.html").read_text()
    assert (
        page.count("data:image/png;base64,") == 16
        and "p3.png" in page
        and '<th scope="row">files of pictures</th><td>24 PNG, mode L, 8 bits</td>' in page
    )
    assert not list((folder / "results").rglob("weights.safetensors"))


@pytest.mark.bad_input
def test_check_names_all_pictures_that_cannot_be_read(folder):
    for name in ("p4.png", "p9.png"):
        (folder / "mine" / name).write_bytes(b"?")
    assert call(folder, "check_data").returncode != 0
    said = (folder / "logs/reproduction/prepare/moles.log").read_text()
    assert "p4.png cannot be read" in said and "p9.png cannot be read" in said and said.count("What to do") == 1
    assert not (folder / "results/reproduction/data/moles/images.npy").exists()
