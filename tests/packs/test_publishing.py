"""What a pack says of its environment, and what it takes from a list of files."""

import json

import pytest

from kdml.common.errors import UserError
from kdml.common.files import write_json
from kdml.packs.publishing import environment, publish
from kdml.packs.reading import read_pack
from kdml.packs.rebuilt import rows

RECORD = {
    "python": "3.11.7", "platform": "Linux", "device": "cpu", "gpu": None, "packages": {"torch": "2"}, "code_hash": "12",
    "finished": "2026-01-02T03:04:05+0000",
}  # fmt: skip


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """A list of files that are there."""
    monkeypatch.chdir(tmp_path)
    for name in ("results/a.csv", "results/t.html", "results/f.png", "results/f.pdf", "mine.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    write_json(tmp_path / "results/run.json", RECORD)
    return {
        "experiment": "mine", "description": "", "configuration": {}, "records": ["results/run.json"], "given": ["results/run.json", "results/a.csv"],
        "again": ["results/t.html", "results/f.png", "results/f.pdf"], "left_out": {"results/p.png": "results/p.npz"},
        "files": {"configuration/mine.csv": "mine.csv"}, "licences": {"hcd": "free"}, "renewed_from": "",
    }  # fmt: skip


def test_figures_are_packed_once_and_compared_in_both_forms(listed, tmp_path):
    publish(tmp_path / "mine.zip", listed)
    pack = read_pack(tmp_path / "mine.zip")
    assert {"results/f.pdf", "configuration/mine.csv", "environment.json"} <= pack.members.keys()
    assert "results/f.png" not in pack.members and pack.about["published"] == "2026-01-02T03:04:05+00:00"
    assert json.loads(pack.read("licences.json")) == {"hcd": "free"}
    (tmp_path / "results/t.html").write_text("changed")
    (tmp_path / "results/f.pdf").unlink()
    found = {row["file"]: (row["state"], row["needs"]) for row in rows(pack, tmp_path)}
    assert found == {
        "results/t.html": ("differs", ""),
        "results/f.png": ("as published", ""),
        "results/f.pdf": ("not rebuilt", ""),
        "results/p.png": ("not in the pack", "results/p.npz"),
    }


def test_runs_that_were_trained_alike_are_told_of_once():
    found = environment([RECORD, RECORD | {"code_hash": "34"}, RECORD | {"device": "gpu"}])
    assert [one["device"] for one in found["trained_with"]] == ["cpu", "gpu"]
    assert found["training_code"] == ["12", "34"] and found["written_with"]["packages"]["numpy"]


@pytest.mark.bad_input
def test_a_missing_file_leaves_no_pack(listed, tmp_path):
    (tmp_path / "results/a.csv").unlink()
    with pytest.raises(UserError, match=r"a\.csv cannot be packed"):
        publish(tmp_path / "mine.zip", listed)
    assert not (tmp_path / "mine.zip").exists()


@pytest.mark.bad_input
def test_an_experiment_without_runs_is_not_published(listed, tmp_path):
    with pytest.raises(UserError, match="no runs to publish"):
        publish(tmp_path / "mine.zip", listed | {"records": []})
