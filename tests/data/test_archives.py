"""Whether a file is a sound archive, and whether records fit a data set: each fault named, with the way on."""

import json
import subprocess
import sys
import zipfile

import pytest

from kdml.common.errors import UserError
from kdml.common.files import sha256_of
from kdml.data.archives import ARCHIVES, ARCHIVES_OF, check, paths_of, record_of

IMAGES, MASKS = ARCHIVES_OF["ham10000"]


def write_zip(path, *names, link=False):
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            member = zipfile.ZipInfo(name)
            member.external_attr = (0o120777 if link else 0o644) << 16
            file.writestr(member, b"x" * 100)


def encrypted(path):
    write_zip(path, "train/a.tif")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)


def without_its_middle(path):
    """The directory is whole, but claims more bytes than the file has before it."""
    write_zip(path, "train/a.tif")
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\1\2") + 20
    content[place : place + 4] = (10_000).to_bytes(4, "little")
    path.write_bytes(content)


def truncated(path):
    write_zip(path, "train/a.tif", "train/b.tif")
    path.write_bytes(path.read_bytes()[:-40])


FAULTS = {
    "missing": (lambda path: None, "no zip file"),
    "no bytes": (lambda path: path.touch(), "no zip file"),
    "no zip": (lambda path: path.write_text("<html>"), "no zip file"),
    "truncated": (truncated, "only a part of one"),
    "no members": (lambda path: write_zip(path), "is empty"),
    "folders only": (lambda path: write_zip(path, "train/"), "is empty"),
    "absolute": (lambda path: write_zip(path, "a.tif", "/etc/passwd"), "unsafe member: '/etc/passwd'"),
    "upwards": (lambda path: write_zip(path, "train/../../a.tif"), "unsafe member"),
    "folder upwards": (lambda path: write_zip(path, "a.tif", "../train/"), "unsafe member"),
    "Windows": (lambda path: write_zip(path, "C:/a.tif"), "unsafe member"),
    "backslashes": (lambda path: write_zip(path, "..\\a.tif"), "unsafe member"),
    "no name": (lambda path: write_zip(path, "."), "unsafe member: '.'"),
    "link": (lambda path: write_zip(path, "train/a.tif", link=True), "unsafe member: 'train/a.tif'"),
    "encrypted": (encrypted, "is encrypted (train/a.tif)"),
    "bytes missing": (without_its_middle, "train/a.tif does not lie within it"),
}


@pytest.mark.parametrize(("make", "problem"), FAULTS.values(), ids=FAULTS)
def test_faults_are_named_with_a_remedy(make, problem, tmp_path):
    path = tmp_path / "archive.zip"
    make(path)
    with pytest.raises(UserError) as caught:
        check(path)
    assert problem in caught.value.problem and str(path) in caught.value.problem and caught.value.remedy


def test_sound_archive_counts_files_not_folders(tmp_path):
    write_zip(tmp_path / "a.zip", "train/", "train/a.tif", "labels.csv")
    assert check(tmp_path / "a.zip") == 2


def test_record_says_what_the_file_is(tmp_path, monkeypatch):
    write_zip(tmp_path / "a.zip", "a.tif")
    monkeypatch.chdir(tmp_path)
    (relative,) = tmp_path.glob("a.zip")
    record = record_of(IMAGES, relative.relative_to(tmp_path), "folder: .")
    assert record == {
        "archive": IMAGES,
        "source": "folder: .",
        "path": str(tmp_path / "a.zip"),
        "bytes": (tmp_path / "a.zip").stat().st_size,
        "mtime_ns": (tmp_path / "a.zip").stat().st_mtime_ns,
        "sha256": sha256_of(tmp_path / "a.zip"),
        "files": 1,
    }


@pytest.fixture
def records(tmp_path):
    for name in (IMAGES, MASKS):
        write_zip(tmp_path / f"{name}.zip", "a")
    return [record_of(name, tmp_path / f"{name}.zip", "folder") for name in (IMAGES, MASKS)]


def test_order_of_records_does_not_matter(records, tmp_path):
    expected = [tmp_path / f"{name}.zip" for name in (IMAGES, MASKS)]
    assert paths_of("ham10000", records) == paths_of("ham10000", records[::-1]) == expected


BAD_RECORDS = {
    "one missing": (lambda both: both[:1], f"needs the archive {MASKS}"),
    "none": (lambda both: [], f"needs the archive {IMAGES}"),
    "twice": (lambda both: [both[0], both[0]], f"Two records are of the archive {IMAGES}"),
    "another's": (
        lambda both: [both[0] | {"archive": "lgg-mri-segmentation"}],
        "'lgg-mri-segmentation', which 'ham10000'",
    ),
    "no record": (lambda both: [{}], "archive None"),
    "a list": (lambda both: [[]], "archive None"),
    "without a key": (lambda both: [{"archive": IMAGES, "path": "x"}], "has no 'bytes'"),
}


@pytest.mark.parametrize(("spoil", "problem"), BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_records_that_do_not_fit_are_named(spoil, problem, records):
    with pytest.raises(UserError) as caught:
        paths_of("ham10000", spoil(records))
    assert problem in caught.value.problem and caught.value.remedy


def test_archive_that_changed_or_went_is_named(records, tmp_path):
    write_zip(tmp_path / f"{MASKS}.zip", "a", "b")
    with pytest.raises(UserError, match=f"(?s){MASKS}.zip has changed.*forcerun fetch"):
        paths_of("ham10000", records)
    (tmp_path / f"{MASKS}.zip").unlink()
    with pytest.raises(UserError, match=f"(?s){MASKS}.zip has gone.*forcerun fetch"):
        paths_of("ham10000", records)


def script(root, folder, record, name=IMAGES):
    command = [sys.executable, root / "src" / "fetch.py", "--archive", name, "--folder", folder, "--record", record]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_script_uses_the_archive_where_it_lies(records, root, tmp_path):
    done = script(root, tmp_path, tmp_path / "out" / "record.json")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert record == records[0] | {"source": f"folder: {tmp_path}"}


def test_script_names_the_nearest_archive_and_writes_nothing(records, root, tmp_path):
    (tmp_path / f"{IMAGES}.zip").rename(tmp_path / "skin-cancer-mnist.zip")
    done = script(root, tmp_path, tmp_path / "record.json")
    assert done.returncode == 2 and not (tmp_path / "record.json").exists()
    assert f"{IMAGES}.zip does not exist" in done.stderr and "It holds skin-cancer-mnist.zip" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ARCHIVES)
def test_real_archives_are_sound(name, kaggle_archives):
    assert check(kaggle_archives / f"{name}.zip") > 7000
