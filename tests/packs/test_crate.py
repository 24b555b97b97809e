"""Packs as files: equal ones of equal content, opened whole or refused with a message."""

import json
import shutil
import zipfile

import pytest
from rocrate.rocrate import ROCrate

from kdml.common.errors import UserError
from kdml.packs import crate
from kdml.packs.reading import read_pack

ABOUT = {
    "title": "Results", "description": "Ours", "published": "2026-01-02T03:04:05+0000", "licence": "MIT",
    "experiment": "mine", "configuration": {}, "given": ["results/a.csv"], "again": [], "left_out": {}, "drawn": {},
}  # fmt: skip
FILES = {"results/a.csv": b"a\n1\n", "results/b/c.json": b"{}\n"}


@pytest.fixture
def pack(tmp_path):
    crate.write(tmp_path / "mine.zip", ABOUT, FILES)
    return tmp_path / "mine.zip"


def edited(pack, change, name="edited.zip"):
    """A copy whose members the function `change` has edited."""
    with zipfile.ZipFile(pack) as file:
        members = {one: file.read(one) for one in file.namelist()}
    change(members)
    path = pack.with_name(name)
    with zipfile.ZipFile(path, "w") as file:
        for one, content in members.items():
            file.writestr(one, content)
    return path


def test_equal_files_give_equal_bytes(pack, tmp_path):
    crate.write(tmp_path / "again.zip", dict(reversed(ABOUT.items())), dict(reversed(FILES.items())))
    assert (tmp_path / "again.zip").read_bytes() == pack.read_bytes()


def test_what_was_packed_is_read(pack, tmp_path):
    found = read_pack(pack)
    assert found.experiment == "mine" and found.members.keys() == {*FILES, "pack.json"}
    assert {name: found.read(name) for name in FILES} == FILES
    found.unpack(FILES, tmp_path / "there")
    before = (tmp_path / "there/results/a.csv").stat().st_mtime_ns
    (tmp_path / "there/results/b/c.json").write_text("changed")
    found.unpack(FILES, tmp_path / "there")
    assert (tmp_path / "there/results/b/c.json").read_bytes() == b"{}\n"
    assert (tmp_path / "there/results/a.csv").stat().st_mtime_ns == before, "what is there already keeps its time"


def test_a_record_is_read_once(pack):
    found = read_pack(pack)
    first = found.record("results/b/c.json")
    pack.unlink()
    assert found.record("results/b/c.json") is first and first == {}


def test_others_read_it_as_a_crate(pack, tmp_path):
    """By the library, as a reader who knows nothing of this project would."""
    found = ROCrate(pack)
    assert (found.name, found.description, found.license) == ("Results", "Ours", "MIT")
    entities = {entity.id: entity for entity in found.data_entities}
    assert entities.keys() == {*FILES, "pack.json"} and len(entities["results/a.csv"]["sha256"]) == 64
    metadata = json.loads(zipfile.ZipFile(pack).read("ro-crate-metadata.json"))
    assert metadata["@context"] == "https://w3id.org/ro/crate/1.2/context"


def is_truncated(pack):
    path = pack.with_name("part.zip")
    path.write_bytes(pack.read_bytes()[:-200])
    return path


def is_cut_inside(pack):
    content = bytearray(pack.read_bytes())
    content[60:90] = bytes(30)
    path = pack.with_name("cut.zip")
    path.write_bytes(content)
    return path


def of_a_version(members):
    about = json.loads(members["pack.json"])
    members["pack.json"] = crate.as_json(about | {"schema": max(crate.READ) + 1})


def saying(**said):
    """A function that makes a copy of a pack with something else in pack.json, every checksum as it has to be."""

    def spoil(pack):
        crate.write(pack.with_name("edited.zip"), ABOUT | said, FILES)
        return pack.with_name("edited.zip")

    return spoil


REFUSED = {
    "that is a folder": (lambda pack: pack.parent, "is a folder, not a pack"),
    "of an experiment that would lie elsewhere": (
        saying(experiment="../elsewhere"),
        "'../elsewhere' is no name of an experiment",
    ),
    "that is not there": (lambda pack: pack.with_name("no.zip"), "no.zip does not exist"),
    "no zip": (
        lambda pack: shutil.copy(__file__, pack.with_name("text.zip")),
        "text.zip is no zip file, or only a part",
    ),
    "truncated": (is_truncated, "part.zip is no zip file, or only a part"),
    "damaged": (is_cut_inside, "cut.zip"),
    "foreign": (
        lambda pack: edited(pack, lambda members: members.pop("pack.json")),
        "is no result pack: it lacks pack.json",
    ),
    "of another program": (
        lambda pack: edited(pack, lambda members: members.update({"pack.json": b"{}"})),
        "does not say",
    ),
    "of another version": (lambda pack: edited(pack, of_a_version), "version 3 of the form"),
    "tampered": (
        lambda pack: edited(pack, lambda members: members.update({"results/a.csv": b"a\n2\n"})),
        "results/a.csv is not the file that was packed",
    ),
    "without a member": (
        lambda pack: edited(pack, lambda members: members.pop("results/a.csv")),
        "lacks results/a.csv",
    ),
    "without a measurement": (
        saying(given=["results/a.csv", "results/cases.parquet"]),
        "lacks results/cases.parquet, which pack.json says",
    ),
    "without a table": (saying(again=["results/table.md"]), "lacks results/table.md, which pack.json says"),
    "with a list of something else": (saying(again=[{}]), "pack.json has no 'again', or one of another type"),
    "with one more": (
        lambda pack: edited(pack, lambda members: members.update({"results/d.csv": b""})),
        "holds results/d.csv, which its list",
    ),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("spoil, said", REFUSED.values(), ids=REFUSED)
def test_a_pack_is_refused(pack, spoil, said):
    with pytest.raises(UserError) as refused:
        read_pack(spoil(pack))
    assert said in str(refused.value) and "What to do: " in str(refused.value)


@pytest.mark.bad_input
def test_a_member_does_not_leave_its_folder(tmp_path):
    crate.write(tmp_path / "bad.zip", ABOUT, {"../outside.csv": b""})
    with pytest.raises(UserError, match=r"outside\.csv"):
        read_pack(tmp_path / "bad.zip")
