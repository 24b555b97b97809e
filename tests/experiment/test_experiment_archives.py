"""What the rules from archives to splits are told: places are passed on but not compared, content is compared."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from kdml.common.errors import UserError
from kdml.common.files import sha256_of
from kdml.common.untracked import Untracked
from kdml.experiment import archives
from kdml.experiment.datasets import Dataset
from kdml.experiment.paths import Paths

PATHS = Paths("mine")


class Configured:
    """As much of a configuration as these functions read."""

    def __init__(self, archives=None, slides=None):
        self.archives = archives
        self.datasets = {"hcd": Dataset(image_size=32, slides=slides)}
        self.own_datasets = {}
        self.tasks = {"patches": SimpleNamespace(dataset="hcd")}
        self.run = SimpleNamespace(tasks=["patches"])


@pytest.mark.parametrize(
    ("configured", "folder", "options"),
    [
        (None, "resources/kaggle", ["--kaggle", "--store", "resources/kaggle"]),
        ("demo", "resources/mine/archives", ["--folder", "resources/mine/archives"]),
        (
            Path("/data/my archives"),
            os.path.relpath("/data/my archives"),
            ["--folder", os.path.relpath("/data/my archives")],
        ),
        (Path("mine"), os.path.relpath("/project/mine"), ["--folder", os.path.relpath("/project/mine")]),
    ],
)
def test_folder_of_archives(configured, folder, options):
    experiment = Configured(configured)
    assert archives.folder_of(experiment, PATHS, Path("/project")) == folder
    assert list(map(str, archives.fetch_options(experiment, folder))) == options
    assert archives.is_drawn(experiment) == (configured == "demo")


def test_places_are_not_compared():
    options = [archives.fetch_options(Configured(Path(place)), place) for place in ("here", "there")]
    assert repr(options[0]) == repr(options[1])
    options = [archives.prepare_options(Dataset(image_size=32), slides, "hcd") for slides in ("here", "there", None)]
    assert repr(options[0]) == repr(options[1]) != repr(options[2])
    assert isinstance(options[0][-1], Untracked) and str(options[0][-1]) == "here"


def test_what_decides_the_arrays_is_compared():
    dataset = Dataset(image_size=32, subset=60, subset_seed=1, limit=9)
    assert archives.prepare_options(dataset, None, "hcd") == ["--size", 32, "--seed", 1, "--subset", 60, "--limit", 9]
    assert archives.demo_options(dataset) == ["--seed", 0, "--images", 400, "--size", 32]


@pytest.mark.parametrize(
    ("path", "why"),
    [("a\0b", r"control character '\\x00'"), ("a\nb", "control character"), ("~nobody-here/a", "cannot be found")],
)
def test_paths_that_cannot_work_are_named(path, why):
    with pytest.raises(UserError, match=why) as caught:
        archives.folder_of(Configured(Path(path)), PATHS, Path("/project"))
    assert "`archives" in caught.value.problem
    with pytest.raises(UserError, match=r"datasets\.hcd\.slides"):
        archives.table_of(Configured(slides=Path(path)), "hcd", Path("/project"))


def test_content_of_table(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("id,wsi\np0,s0\n")
    contents = [archives.content_of_table("hcd", str(tmp_path / name)) for name in ("a.csv", "b.csv")]
    assert contents == [sha256_of(tmp_path / "a.csv")] * 2 and archives.content_of_table("hcd", None) == ""
    for missing in (tmp_path / "c.csv", tmp_path):
        with pytest.raises(UserError, match=r"`datasets\.hcd`: .*cannot be read"):
            archives.content_of_table("hcd", str(missing))


def test_slides_lie_where_the_project_says():
    assert archives.table_of(Configured(), "hcd", Path("/project")) is None
    found = archives.table_of(Configured(slides=Path("s.csv")), "hcd", Path("/project"))
    assert found == os.path.relpath("/project/s.csv")


def test_files_of_readers():
    report, images, masks = (f"results/mine/data/lgg/{name}" for name in ("report.json", "images.npy", "masks.npy"))
    assert archives.data_files(PATHS, "lgg", with_masks=True) == ({"data": report}, {"images": images, "masks": masks})
    assert archives.data_files(PATHS, "lgg", with_masks=False) == ({"data": report}, {"images": images})
    compared, there = archives.split_files(PATHS, "paper", "lgg", 0)
    assert compared == {"split_report": "results/mine/paper/lgg/leakage-0.json"}
    assert there == {"split": "results/mine/paper/lgg/split-0.csv"}
