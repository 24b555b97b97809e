"""Where a file lies is not what it is: moved archives, projects and working directories make nothing again, changed content does."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from miniature import copy_project
from snakemake_runs import ROOT, job_counts, snakemake

from kdml.common.files import sha256_of
from kdml.data.demo import draw_archive

NAME = "histopathologic-cancer-detection"
RECORD = f"results/moved/archives/{NAME}.json"
DATA = "results/moved/data/hcd"
SPLIT, SPLIT_REPORT = "results/moved/grouped/hcd/split-0.csv", "results/moved/grouped/hcd/leakage-0.json"
TARGETS = [f"{DATA}/report.json", SPLIT, SPLIT_REPORT]
CONFIG = {
    "experiment": "moved",
    "run": {
        "tasks": ["hcd"],
        "pairs": ["small"],
        "protocols": ["grouped"],
        "seeds": [0],
        "methods": [],
        "methods_at": [],
    },
    "networks": {
        "tiny": {"title": "T", "timm": "resnet18", "stands_for": "resnet50"},
        "tinier": {"title": "S", "timm": "resnet18", "stands_for": "resnet18"},
    },
    "pairs": {"small": {"teacher": "tiny", "student": "tinier"}},
}
AWKWARD = 'Bob\'s $(touch pwned) {archives} \\ für "alle"'


def write_slides(path, patients=12):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path.parents[1] / AWKWARD / f"{NAME}.zip") as file:
        names = sorted(Path(name).stem for name in file.namelist() if name.startswith("train/"))
    lines = [f"{name},slide_{number % patients}" for number, name in enumerate(names)]
    path.write_text("\n".join(["id,wsi", *lines]) + "\n")


class Place:
    """A finished run: a folder of archives, a table of slides, and a working directory."""

    def __init__(self, base):
        self.base, self.out, self.archives = base, base / "out", base / AWKWARD
        self.slides, self.size = base / "Bob's {slides}" / "slides.csv", 32

    def run(self, *arguments, targets=TARGETS, root=ROOT):
        archives = None if self.archives is None else str(self.archives)
        dataset = {"image_size": self.size, "subset": 60, "slides": str(self.slides)}
        path = self.base / "moved.json"
        path.write_text(json.dumps(CONFIG | {"archives": archives, "datasets": {"hcd": dataset}}))
        files = ["--configfile", root / "config.yaml", path]
        return snakemake(self.out, "--cores", "2", *arguments, *files, "--", *targets, root=root)

    def plan(self, **where):
        """Jobs that a dry run would do."""
        done = self.run("-n", **where)
        return {} if "Nothing to be done" in done.stdout + done.stderr else job_counts(done)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("moved"))
    draw_archive(NAME, place.archives / f"{NAME}.zip", images=60, size=32, seed=0)
    write_slides(place.slides)
    done = place.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return place


@pytest.fixture
def place(first, tmp_path):
    """The same anew, with times as they were, so that a test may change it; it lies elsewhere, too."""
    shutil.copytree(first.base, tmp_path / "copy")
    return Place(tmp_path / "copy")


def test_awkward_paths_reach_the_scripts_and_nothing_else_runs(first):
    assert not list(first.base.rglob("pwned")) and not (ROOT / "pwned").exists()
    record = json.loads((first.out / RECORD).read_text())
    assert record["path"] == str(first.archives / f"{NAME}.zip")
    report = json.loads((first.out / SPLIT_REPORT).read_text())
    assert report["sha256"] == sha256_of(first.out / SPLIT)


def test_nothing_is_made_again_because_something_lies_elsewhere(place):
    """One test of many moves, because each costs a start of Snakemake."""
    found, place.archives = place.archives, None
    assert place.plan() == {}, "archives left out"
    place.archives = found.rename(place.base / "elsewhere")
    os.utime(place.archives / f"{NAME}.zip")  # as by a copy
    assert place.plan() == {}, "archives in another folder"
    place.out = place.out.rename(place.base / "other name")
    (place.base / "link").symlink_to(ROOT)
    assert place.plan(root=place.base / "link") == {}, "working directory renamed, project through a link"
    project = copy_project(place.base / "my project")
    place.slides = place.slides.rename(place.base / "slides.csv")
    assert place.plan(root=project) == {}, "project copied, table of slides moved"


def test_project_in_a_folder_with_a_space_makes_all(place):
    project = copy_project(place.base / "Bob's project for $(touch pwned)")
    place.out = place.base / "outside"
    done = place.run(root=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (place.out / SPLIT).exists()


def test_other_content_is_made_again_and_said(place):
    draw_archive(NAME, place.archives / f"{NAME}.zip", images=60, size=32, seed=1)
    write_slides(place.slides)  # the old table would know none of the new patches, and be refused
    done = place.run("-n")
    assert job_counts(done) == {"fetch": 1, "prepare": 1, "split": 1}
    assert f"{NAME}.zip is not the archive that was recorded" in done.stdout + done.stderr
    before = json.loads((place.out / RECORD).read_text())
    done = place.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((place.out / RECORD).read_text())["sha256"] != before["sha256"] and place.plan() == {}


def test_other_slides_are_prepared_again(place):
    write_slides(place.slides, patients=10)
    assert place.plan() == {"prepare": 1, "split": 1}


def test_a_damaged_archive_is_said_and_refused_where_it_must_be_read(place):
    path = place.archives / f"{NAME}.zip"
    path.write_bytes(path.read_bytes()[:-40])
    done = place.run()
    assert done.returncode == 0 and "Nothing to be done" in done.stdout + done.stderr
    assert "no zip file, or only a part of one" in done.stdout + done.stderr
    place.size = 48
    done = place.run()
    assert done.returncode != 0 and "no zip file, or only a part of one" in done.stdout + done.stderr
    assert (place.out / RECORD).exists() and (place.out / DATA / "images.npy").exists()


def test_a_missing_table_of_slides_is_refused_while_the_data_still_stand(place):
    place.slides = place.base / "nowhere.csv"
    done = place.run()
    assert done.returncode != 0 and "nowhere.csv` cannot be read" in done.stdout + done.stderr
    assert (place.out / DATA / "images.npy").exists()


def test_what_must_be_prepared_again_needs_its_archive_and_is_kept_without(place):
    record = json.loads((place.out / RECORD).read_text())
    (place.out / RECORD).write_text(json.dumps(record | {"path": str(place.base / "gone.zip")}))
    place.archives, place.size = None, 48
    done = place.run()
    output = done.stdout + done.stderr
    assert done.returncode != 0 and f"{NAME}.zip is needed again" in output and "Traceback" not in output
    for way in ("a Kaggle token:", "--config archives=FOLDER", "uv run snakemake --profile profiles/demo"):
        assert output.count(way) == 1
    assert (place.out / DATA / "images.npy").exists() and (place.out / RECORD).exists()


DELETED = {
    "images": ([f"{DATA}/images.npy"], [f"{DATA}/images.npy"], {"prepare": 1}),
    "index": ([f"{DATA}/index.parquet", SPLIT], [SPLIT], {"prepare": 1, "split": 1}),
    "record": ([RECORD, f"{DATA}/report.json"], [f"{DATA}/report.json"], {"fetch": 1, "prepare": 1}),
    "report of the split": ([SPLIT_REPORT], TARGETS, {"split": 1}),
}


@pytest.mark.parametrize(("deleted", "targets", "jobs"), DELETED.values(), ids=DELETED)
def test_what_was_deleted_is_planned_with_what_depends_on_it(place, deleted, targets, jobs):
    for path in deleted:
        (place.out / path).unlink()
    assert place.plan(targets=targets) == jobs


def test_masks_are_made_by_a_rule_that_says_so(tmp_path):
    done = snakemake(tmp_path, "--profile", "profiles/demo", "--cores", "2", "-n", "results/demo/data/lgg/masks.npy")
    assert job_counts(done) == {"draw_demo": 1, "fetch": 1, "prepare_masks": 1}
