"""The page on one's own pictures holds: its commands, as they stand there, lead from a folder of pictures to the page."""

import csv
import json

import pytest
from tutorials import commands, follow, page

from kdml.analysis.flips import FEWEST
from kdml.analysis.subgroup_scores import TOO_FEW

pytestmark = pytest.mark.xdist_group("own_data")
PAGE = page("own_data.md")
COMMANDS = commands(PAGE)


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """A copy of the project in which the page was followed; what Snakemake said at each call."""
    project = tmp_path_factory.mktemp("own") / "project"
    return project, follow(PAGE, project)


def test_data_are_checked_and_then_trained_on(followed):
    project, (checked, trained, exported) = followed
    assert "Open results/moles/check_data.html" in checked and "Open results/index.html" in trained
    assert "rule train:" not in exported and len(COMMANDS) == 8
    assert len(list((project / "results/moles").rglob("run.json"))) == 4
    (found,) = json.loads((project / "results/moles/check_data.json").read_text())
    assert found["read"] == 240 and {"age", "sex"} <= found["metadata"].keys()


def test_what_the_page_says_of_leakage_is_so(followed):
    project, _ = followed
    (found,) = json.loads((project / "results/moles/check_data.json").read_text())
    by_image, grouped = (one["leakage"] for one in found["splits"])
    # "A third of the test pictures".
    assert by_image["test_with_group_in_train_share"] == pytest.approx(1 / 3, abs=0.05)
    assert grouped["test_with_group_in_train"] == 0
    (row,) = csv.DictReader((project / "results/moles/leakage.csv").open())
    assert (row["protocol"], row["split_by"], row["test_with_group_in_train"]) == ("grouped", "group", "0")


def test_its_students_can_be_taken_home(followed):
    project, _ = followed
    folder = project / "results/moles/export/grouped/moles/small"
    facts = json.loads((folder / "export.json").read_text())
    assert facts["pictures_from"] == "archives" and facts["classes"][0] == "akiec" and not facts["drawn"]
    assert all(one["parity"]["changed"] == one["parity"]["pixels_otherwise"] == 0 for one in facts["models"].values())
    card = (folder / "README.md").read_text()
    assert "cc-by-nc-4.0 (data set 'moles')" in card and "**Not for commercial use**" in card
    assert facts["recorded"]["missing"] == ["institution"] and "**Not recorded: institution.**" in card
    assert folder.with_suffix(".zip").is_file()


def test_other_moles_have_predictions(followed):
    project, _ = followed
    rows = list(csv.DictReader((project / "my/predicted/predictions.csv").open()))
    others = project / "my/others"
    assert {row["file"] for row in rows} == {path.relative_to(others).as_posix() for path in others.rglob("*.jpg")}
    assert len(rows) >= 160
    classes = {"akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"}
    assert {row["class"] for row in rows} <= classes and {"students_agree", "unlike_training"} <= rows[0].keys()
    assert all(
        sum(float(row[f"probability_of_{one}"]) for one in classes) == pytest.approx(1, abs=1e-4) for row in rows
    )
    assert not any(row["problem"] for row in rows)


def test_what_the_page_says_of_subgroups_is_so(followed):
    """Negative flips by what the page names, and by nothing else."""
    project, _ = followed
    said = PAGE.partition("`figures/clinic_flips.pdf` by")[2].partition(":")[0]
    assert all(word in said for word in ("sex", "age", "class", "`dx_type`"))
    (table,) = (project / "results/moles").rglob("flips.csv")
    found = {row["attribute"] for row in csv.DictReader(table.open())} - {""}
    assert found == {"sex", "age", "dx_type", "class"}
    rows = list(csv.DictReader((project / "results/moles/export/grouped/moles/small/subgroups.csv").open()))
    places = {row["subgroup"]: row["remark"] for row in rows if row["attribute"] == "localization"}
    assert len(places) > 5 and set(places.values()) == {TOO_FEW} and "Of no place on the body (`localization`)" in PAGE
    assert f"subgroups of at least {FEWEST} test pictures" in PAGE
    assert (project / "results/figures/clinic_flips.pdf").is_file()


def test_results_are_on_the_page(followed):
    project, _ = followed
    page = (project / "results/index.html").read_text()
    for name in ("results_moles_small", "baselines_moles", "contrasts", "compression"):
        assert f'id="item-{name}"' in page, name
    rows = list(csv.DictReader((project / "results/moles/grouped/moles/small/variants/values.csv").open()))
    assert {row["run"] for row in rows} == {"kd_on_v1", "kd_on_v3"} and {row["network"] for row in rows} >= {
        "teacher",
        "s1",
        "s2",
        "ensemble",
    }
    assert "Synthetic images" not in page  # the program cannot know that these are drawn
