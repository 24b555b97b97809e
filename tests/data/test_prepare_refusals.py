"""What preparing refuses, and what it says of what it left out: tables, records, damaged bytes, full disks, small limits."""

import io
import json
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from kdml.common.errors import UserError
from kdml.data.archives import ARCHIVES_OF, record_of
from kdml.data.layouts import KNOWN_BAD_PATCHES, Choice
from kdml.data.prepare import prepare

HCD = "histopathologic-cancer-detection"
SIZE = 16


def patch(seed):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(buffer, "TIFF")
    return buffer.getvalue()


def patches(count=8):
    """Files of an archive with patches p0, p1, ... of alternating class."""
    labels = "".join(f"p{number},{number % 2}\n" for number in range(count))
    return {f"train/p{number}.tif": patch(number) for number in range(count)} | {
        "train_labels.csv": "id,label\n" + labels
    }


def packed(folder, files):
    path = folder / f"{HCD}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def prepared(folder, files=None, **choice):
    path = packed(folder, files or patches())
    return prepare("hcd", [record_of(HCD, path, "folder")], SIZE, Choice(**choice), folder / "out")


def left(folder):
    return sorted(path.name for path in (folder / "out").glob("*"))


def spoil_member(path, name):
    """Overwrite the beginning of a member's compressed bytes."""
    with zipfile.ZipFile(path) as file:
        place = file.getinfo(name).header_offset + 30 + len(name)
    content = bytearray(path.read_bytes())
    content[place : place + 8] = b"\xff" * 8
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["train/p3.tif", "train_labels.csv"])
def test_damaged_compressed_bytes_are_named(name, tmp_path):
    path = packed(tmp_path, patches())
    spoil_member(path, name)
    with pytest.raises(UserError, match=rf"(?s){HCD}\.zip: {name} .*delete the archive and fetch it again"):
        prepare("hcd", [record_of(HCD, path, "folder")], SIZE, Choice(), tmp_path / "out")
    assert left(tmp_path) == []


@pytest.mark.parametrize("dataset", ["lgg", "ham10000"])
def test_records_of_another_data_set_are_refused(dataset, tmp_path):
    record = record_of(HCD, packed(tmp_path, patches()), "folder")
    with pytest.raises(UserError, match=f"'{HCD}', which '{dataset}' does not need"):
        prepare(dataset, [record], SIZE, Choice(), tmp_path / "out")


SLIDES = {
    "missing": (None, r"slides\.csv does not exist"),
    "not UTF-8": ("id,wsi\np0,\xe9\n".encode("latin-1"), r"slides\.csv cannot be read"),
    "UTF-16": ("id,wsi\np0,a\n".encode("utf-16"), r"slides\.csv cannot be read"),
    "empty": (b"", r"slides\.csv is empty"),
    "no lines": (b"id,wsi\n", r"slides\.csv has no rows"),
    "no column": (b"patch,wsi\np0,a\n", "lacks the column 'id'"),
    "a column twice": (b"id,wsi,id\np0,a,p0\n", "has the column 'id' twice"),
    "too many values": (b"id,wsi\np0,a,b\n", "line 2, has more values"),
    "no patch is known": (
        b"id,wsi\np0.tif,a\ntrain/p1,b\n",
        r"knows the slide of 0 of 8 patches: a patch is for example p\d, an id of the table p0\.tif",
    ),
    "no slide": (b"id,wsi\np0,\n", "line 2, is incomplete"),
    "two slides for one patch": (b"id,wsi\np0,a\np0,b\n", "two slides for p0: a and b"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("content", "problem"), SLIDES.values(), ids=SLIDES)
def test_bad_slide_tables_are_named(content, problem, tmp_path):
    if content is not None:
        (tmp_path / "slides.csv").write_bytes(content)
    with pytest.raises(UserError, match=problem) as caught:
        prepared(tmp_path, slides=tmp_path / "slides.csv")
    assert "slides.csv" in caught.value.problem and caught.value.remedy and left(tmp_path) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_slides_are_the_groups_and_may_be_few(encoding, tmp_path, caplog):
    (tmp_path / "slides.csv").write_text("id,wsi\np0,tumor_001\np1,normal_001\nelsewhere,x\n", encoding=encoding)
    with caplog.at_level("INFO"):
        assert prepared(tmp_path, slides=tmp_path / "slides.csv")["groups"] == 2
    said = r"WARNING .*knows the slide of 2 of 8 patches; .*a patch is for example p\d, an id of the table elsewhere"
    assert re.search(said, caplog.text)


def test_slides_of_all_patches_are_no_reason_to_warn(tmp_path, caplog):
    (tmp_path / "slides.csv").write_text("id,wsi\n" + "".join(f"p{number},a\n" for number in range(8)))
    assert prepared(tmp_path, slides=tmp_path / "slides.csv")["groups"] == 1
    assert "knows the slide" not in caplog.text


def claim(path, name, size):
    """Have the directory say that a member unpacks to so many bytes."""
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\1\2", 0, content.rindex(name.encode()))
    struct.pack_into("<L", content, entry + 24, size)
    path.write_bytes(content)


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["train/p3.tif", "train_labels.csv"])
def test_members_that_promise_gigabytes_are_not_unpacked(name, tmp_path):
    path = packed(tmp_path, patches())
    claim(path, name, 2**32 - 16)
    with pytest.raises(UserError, match=rf"{name} is no (picture|table).*4\.0 GiB of memory"):
        prepare("hcd", [record_of(HCD, path, "folder")], SIZE, Choice(), tmp_path / "out")
    assert left(tmp_path) == []


RECORDS = {
    "no JSON": ("{", "r.json is not valid JSON"),
    "a key twice": ('{"archive": "a", "archive": "b"}', "the key 'archive' stands there twice"),
    "no number": ('{"bytes": NaN}', "NaN is no number"),
    "nested without end": ("[" * 100_000, "nested too deeply"),
    "not UTF-8": ("\udcff", "r.json is not valid JSON"),
    "a list": ("[1]", "r.json is no record of an archive"),
    "another archive": ({"archive": "mine"}, "archive 'mine', which 'hcd' does not need"),
    "no size": ({"bytes": None}, f"record of {HCD} has no 'bytes'"),
    "size as text": ({"bytes": "12"}, f"record of {HCD} has no 'bytes'"),
    "no path": ({"path": 3}, f"record of {HCD} has no 'path'"),
    "another size": ({"bytes": 1}, "has changed since it was recorded"),
    "another fingerprint": ({"fingerprint": "0" * 64}, "has changed since it was recorded"),
    "wrong checksum": ({"sha256": "0" * 64}, "has another checksum (sha256) than"),
    "no checksum": ({"sha256": None}, f"record of {HCD} has no 'sha256'"),
    "gone": ({"path": "nowhere.zip"}, "nowhere.zip has gone"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("change", "words"), RECORDS.values(), ids=RECORDS)
def test_records_that_lie_are_named(call, tmp_path, change, words):
    record = record_of(HCD, packed(tmp_path, patches()), "folder")
    text = change if isinstance(change, str) else json.dumps(record | change)
    (tmp_path / "r.json").write_text(text, errors="surrogateescape")
    code, message, written = call("prepare", "--dataset hcd --record r.json --size 16 --out {out}")
    assert code == 2 and words in message and "What to do" in message, message
    assert written == []


def test_full_disk_is_said_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=8 * SIZE**2 * 3 - 1))
    with pytest.raises(UserError, match=r"(?s)The arrays need .* GB left.*free some space"):
        prepared(tmp_path)
    assert left(tmp_path) == []


def test_nothing_left_is_said(tmp_path):
    files = patches(2)
    files["train/p1.tif"] = files["train/p0.tif"]
    with pytest.raises(UserError, match="every picture has a double with another label"):
        prepared(tmp_path, files)
    assert left(tmp_path) == []


def test_smallest_limit_keeps_one_of_each_class(tmp_path):
    assert prepared(tmp_path, limit=1)["classes"] == {"normal": 1, "metastasis": 1}


def test_report_gives_every_file_left_out_its_reason(tmp_path):
    files = patches(60)
    for number in range(2, 60, 2):
        files[f"train/p{number}.tif"] = files["train/p0.tif"]
    for bad in KNOWN_BAD_PATCHES:
        files[f"train/{bad}.tif"] = b"broken"
        files["train_labels.csv"] += f"{bad},1\n"
    report = prepared(tmp_path, files)
    expected = {reason: {"count": 1, "files": [bad]} for bad, reason in KNOWN_BAD_PATCHES.items()}
    doubles = sorted(f"p{number}" for number in range(2, 60, 2))
    dropped = report["dropped"]
    assert sorted(dropped.pop("same content as another picture")["files"]) == doubles
    assert dropped == expected
    assert (report["read"], report["kept"]) == (60, 31) and report["classes"] == {"normal": 1, "metastasis": 30}
    assert json.loads((tmp_path / "out" / "report.json").read_text())["dropped"].keys() >= expected.keys()


@pytest.mark.parametrize("option", ["--size", "--subset", "--limit", "--threads"])
def test_script_refuses_numbers_below_one(option, root, tmp_path):
    command = [sys.executable, root / "src" / "prepare.py", "--dataset", "hcd", "--record", "r", "--size", "8"]
    done = subprocess.run([*command, "--out", tmp_path, option, "0"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and f"argument {option}: 0 is not 1 or more" in done.stderr


def test_script_prepares_real_patches(root, kaggle_archives, tmp_path):
    (name,) = ARCHIVES_OF["hcd"]
    (tmp_path / "r.json").write_text(json.dumps(record_of(name, kaggle_archives / f"{name}.zip", "folder")))
    command = [sys.executable, root / "src" / "prepare.py", "--dataset", "hcd", "--record", tmp_path / "r.json"]
    command += ["--size", "96", "--limit", "40", "--out", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert left(tmp_path) == ["images.npy", "index.parquet", "report.json"]
    images = np.load(tmp_path / "out" / "images.npy")
    assert images.shape == (40, 96, 96, 3) and images.dtype == np.uint8 and images.std() > 20
