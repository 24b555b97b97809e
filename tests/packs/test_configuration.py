"""The configuration of a pack: without places of the machine, with the files that a plan reads."""

import json

import pytest
from small import method_settings

from kdml.common.errors import UserError
from kdml.common.project import ROOT
from kdml.packs import configuration, crate
from kdml.packs.mixed import check_runs
from kdml.packs.rebuilding import asked_for

CONFIG = {
    "experiment": "mine",
    "archives": "/data/me/archives",
    "hyperparameters": "tables/mine.csv",
    "methods": {"rkd": {"method": "docs/examples/rkd.py:RKD"}, "sp": None},
    "weights": {"own": {"path": "/data/me/w.safetensors"}, "hub": {"timm": "resnet18"}},
    "datasets": {
        "hcd": {"slides": "/data/me/slides.csv"},
        "own": {"source": "/data/me/moles.zip", "table": "/data/me/list.csv"},
    },
    "run": {"seeds": [0, 1]},
}


def test_places_of_the_machine_are_left_out():
    packed, files = configuration.packed(CONFIG)
    assert "/data/me" not in json.dumps(packed) and packed["archives"] is None
    assert CONFIG["archives"] == "/data/me/archives", "the configuration that is run stays as it is"
    assert files == {
        "configuration/mine.csv": ROOT / "tables/mine.csv",
        "configuration/rkd/rkd.py": ROOT / "docs/examples/rkd.py",
    }


def test_drawn_images_stay_drawn():
    assert configuration.packed(CONFIG | {"archives": "demo"})[0]["archives"] == "demo"


def test_files_are_found_where_they_are_unpacked(tmp_path):
    packed, _ = configuration.packed(CONFIG)
    found = configuration.unpacked(packed, tmp_path)
    assert found["hyperparameters"] == str(tmp_path / "configuration/mine.csv")
    assert found["methods"]["rkd"]["method"] == f"{tmp_path}/configuration/rkd/rkd.py:RKD"
    assert configuration.packed({"hyperparameters": "even"})[0]["hyperparameters"] == "even"


def pack_of(path, config, files=()):
    about = {
        "title": "", "description": "", "published": "2026-01-02", "licence": "", "experiment": config["experiment"],
        "configuration": config, "given": [], "again": [], "left_out": {}, "drawn": {},
    }  # fmt: skip
    crate.write(path, about, dict(files))
    return path


@pytest.fixture
def pack(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {"configuration/mine.csv": b"table\n", "configuration/rkd/rkd.py": b""}
    return pack_of(tmp_path / "mine.zip", configuration.packed(CONFIG)[0], files)


def test_a_call_without_packs_is_none_of_ours():
    assert asked_for({"experiment": "mine"}, ROOT) is None


def test_every_pack_has_a_folder_of_its_own(pack, tmp_path):
    first = asked_for({"results_from": str(pack)}, ROOT)
    assert (first.folder / "configuration/mine.csv").read_text() == "table\n"
    assert first.folder.parent == tmp_path / "rebuilt" and first.folder.name.startswith("mine-")
    second = asked_for({"results_from": str(pack_of(tmp_path / "b.zip", {"experiment": "mine"}))}, ROOT)
    assert second.folder != first.folder


def test_what_a_profile_repeats_of_the_configuration_is_taken(pack):
    assert asked_for({"results_from": str(pack), "run": {"seeds": [0, 1]}}, ROOT)


CALLS = {
    "another configuration": ({"results_from": "mine.zip", "run": {"seeds": [3]}}, "`run` is given otherwise"),
    "a number for a file": ({"results_from": 3}, "`results_from: 3` names no file"),
    "no file": ({"results_from": ""}, "names no file"),
    "a second pack alone": ({"compare_with": "mine.zip"}, "without `results_from`"),
    "an address": ({"results_from": "https://example.org/mine"}, "is an address.*download the pack"),
    "a second pack of another experiment": (
        {"results_from": "mine.zip", "compare_with": "mine.zip"},
        "have no run in common",
    ),
    "a second pack that is none": ({"results_from": "mine.zip", "compare_with": "no.zip"}, "no.zip does not exist"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("config, said", CALLS.values(), ids=CALLS)
def test_a_call_is_refused_and_leaves_nothing(pack, tmp_path, config, said):
    with pytest.raises(UserError, match=f"(?s){said}"):
        asked_for(config, tmp_path)
    assert not (tmp_path / "rebuilt").exists()


@pytest.mark.bad_input
def test_a_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = pack_of(tmp_path / "mine.zip", {"experiment": "mine"})
    (tmp_path / "rebuilt").write_text("a file in its place")
    with pytest.raises(UserError, match=r"(?s)rebuilt/mine-.*What to do: "):
        asked_for({"results_from": str(path)}, tmp_path)


def test_runs_are_those_of_the_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    method = {"name": "docs/rkd.py:RKD", "sha256": "12"}
    here = method_settings("docs/rkd.py:RKD", choice=method)
    record = here.model_dump(mode="json")
    del record["balance"], record["networks"]["s1"]["trained"]  # keys that an earlier version did not have
    files = {"r.json": crate.as_json({"settings": record}), "none.json": crate.as_json({"settings": {}})}
    path = pack_of(tmp_path / "a.zip", {"experiment": "x"}, files)
    pack = asked_for({"results_from": str(path)}, ROOT).pack
    check_runs(pack, {"r.json": here})
    check_runs(pack, {"r.json": method_settings("docs/rkd.py:RKD", choice=method | {"name": "/elsewhere/rkd.py:RKD"})})
    for other in (
        method_settings("docs/rkd.py:RKD", choice=method | {"sha256": "34"}),
        here.model_copy(update={"balance": "resample"}),
    ):
        with pytest.raises(UserError, match=r"is mixed: r\.json"):
            check_runs(pack, {"r.json": other})
    with pytest.raises(UserError, match=r"lacks other\.json"):
        check_runs(pack, {"other.json": here})
    with pytest.raises(UserError, match=r"a.zip: none\.json"):
        check_runs(pack, {"none.json": here})
