"""The page on one's own outlines holds: its commands, as they stand there, lead from scans and masks to masks of other scans."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from tutorials import commands, follow, page

pytestmark = pytest.mark.xdist_group("own_masks")
PAGE = page("own_masks.md")


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """A copy of the project in which the page was followed; what Snakemake said at each call."""
    project = tmp_path_factory.mktemp("scans") / "project"
    return project, follow(PAGE, project)


def test_data_are_checked_trained_on_and_exported(followed):
    project, (checked, trained, exported) = followed
    assert "Open results/scans/check_data.html" in checked and "Open results/index.html" in trained
    assert "rule train:" not in exported and len(commands(PAGE)) == 9
    assert len(list((project / "results/scans").rglob("run.json"))) == 4


def test_what_the_page_says_of_the_data_is_so(followed):
    project, _ = followed
    (found,) = json.loads((project / "results/scans/check_data.json").read_text())
    assert [found["kept"], *(found["groups"][name] for name in ("groups", "smallest", "largest"))] == [240, 12, 16, 25]
    assert "hospital" in found["metadata"] and not any(name.startswith("same") for name in found["dropped"])
    by_slice, grouped = (one["leakage"] for one in found["splits"])
    assert by_slice["test_with_group_in_train_share"] == 1 and grouped["test_with_group_in_train"] == 0


def test_results_are_where_the_page_says(followed):
    project, _ = followed
    for name in (
        "tables/results_scans_small.html",
        "tables/detection.html",
        "tables/clinic.html",
        "figures/figure_05.pdf",
    ):
        assert (project / "results" / name).is_file(), name
    rows = list(csv.DictReader((project / "results/scans/grouped/scans/small/variants/values.csv").open()))
    assert {row["run"] for row in rows} == {"kd_on_v1", "kd_on_v3"} and "iou" in {row["metric"] for row in rows}


def test_other_scans_have_masks(followed):
    project, _ = followed
    rows = list(csv.DictReader((project / "my/outlines/predictions.csv").open()))
    assert len(rows) == 160 and {"marked_pixels", "dice_of_students", "unlike_training"} <= rows[0].keys()
    assert not any(row["problem"] for row in rows)
    for row in rows[:20]:
        mask, overlay = (
            Image.open(project / f"my/outlines/{kind}/{row['file']}.png") for kind in ("masks", "overlays")
        )
        assert mask.size == overlay.size == (64, 64)
        assert (np.asarray(mask) == 255).sum() == int(row["marked_pixels"])
    assert any(int(row["marked_pixels"]) for row in rows)
