"""Whether a file is a sound archive, and whether records fit a data set: each fault named, with the way on."""

import json
import os
import shutil
import struct
import subprocess
import sys
import warnings
import zipfile

import pytest

from kdml.common.errors import UserError
from kdml.common.files import sha256_of
from kdml.data.archives import ARCHIVES, ARCHIVES_OF, path_of, paths_of, record_of
from kdml.data.zipped import Zipped

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


def compressed_by(method):
    """All members say that they were compressed in another way; 9 is what Windows Explorer does to large archives."""

    def make(path):
        write_zip(path, "train/a.tif")
        content = bytearray(path.read_bytes())
        for signature, place in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
            struct.pack_into("<H", content, content.index(signature) + place, method)
        path.write_bytes(content)

    return make


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


def doubled(path):
    with zipfile.ZipFile(path, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for content in (b"x", b"y"):
            file.writestr("train/a.tif", content)


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
    "Deflate64": (compressed_by(9), "is compressed with Deflate64 (train/a.tif)"),
    "unknown compression": (compressed_by(77), "is compressed with method 77 (train/a.tif)"),
    "only what macOS adds": (lambda path: write_zip(path, "__MACOSX/train/._a.tif", "._b.tif"), "is empty"),
    "backslashes between folders": (
        lambda path: write_zip(path, "a.csv", "train\\a.tif"),
        "has a backslash in a name: 'train",
    ),
    "a name twice": (doubled, "holds train/a.tif twice, with other content"),
    "Zstandard": (compressed_by(93), "is compressed with Zstandard (train/a.tif)"),
    "XZ": (compressed_by(95), "is compressed with XZ (train/a.tif)"),
    "PPMd": (compressed_by(98), "is compressed with PPMd (train/a.tif)"),
    "Implode": (compressed_by(6), "is compressed with Implode (train/a.tif)"),
    "bytes missing": (without_its_middle, "train/a.tif does not lie within it"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("make", "problem"), FAULTS.values(), ids=FAULTS)
def test_faults_are_named_with_a_remedy(make, problem, tmp_path):
    path = tmp_path / "archive.zip"
    make(path)
    with pytest.raises(UserError) as caught:
        Zipped(path).check()
    assert problem in caught.value.problem and str(path) in caught.value.problem and caught.value.remedy


def test_a_name_twice_with_one_content_is_no_fault(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_zip(tmp_path / "a.zip", "train/a.tif", "train/a.tif")
    Zipped(tmp_path / "a.zip").check()


def test_sound_archive_counts_files_not_folders(tmp_path):
    write_zip(tmp_path / "a.zip", "train/", "train/a.tif", "labels.csv")
    assert Zipped(tmp_path / "a.zip").check() == 2


def test_what_macos_adds_is_no_file(tmp_path):
    write_zip(
        tmp_path / "a.zip", "train/a.tif", "train/._a.tif", "__MACOSX/train/._a.tif", "._labels.csv", "labels.csv"
    )
    assert Zipped(tmp_path / "a.zip").check() == 2


def test_other_compression_is_to_be_packed_again(tmp_path):
    compressed_by(9)(tmp_path / "a.zip")
    with pytest.raises(UserError) as caught:
        Zipped(tmp_path / "a.zip").check()
    assert caught.value.remedy.startswith("pack it again with Deflate")


def test_fingerprint_is_that_of_the_content_not_of_place_or_time(tmp_path):
    write_zip(tmp_path / "a.zip", "a.tif", "b.tif")
    shutil.copy(tmp_path / "a.zip", tmp_path / "b.zip")
    os.utime(tmp_path / "b.zip", (1, 1))
    assert Zipped(tmp_path / "a.zip").fingerprint() == Zipped(tmp_path / "b.zip").fingerprint()
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as file:
        for name in ("a.tif", "b.tif"):
            file.writestr(zipfile.ZipInfo(name), b"y" * 100)  # as many bytes, of other content
    assert (tmp_path / "c.zip").stat().st_size == (tmp_path / "a.zip").stat().st_size
    assert Zipped(tmp_path / "a.zip").fingerprint() != Zipped(tmp_path / "c.zip").fingerprint()


def test_fingerprint_reads_the_directory_alone(tmp_path):
    """Of a zip with more members than the records of 32 bits can count, too, and with a comment behind."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for number in range(65_600):
            file.writestr(str(number), b"")
        file.comment = b"a comment"
    content = bytearray((tmp_path / "a.zip").read_bytes())
    first = Zipped(tmp_path / "a.zip").fingerprint()
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        start = file.start_dir
    for place, same in ((start - 1, True), (start + 46, False), (len(content) - 40, False)):
        other = bytearray(content)
        other[place] ^= 1
        (tmp_path / "b.zip").write_bytes(other)
        assert (Zipped(tmp_path / "b.zip").fingerprint() == first) is same, place


@pytest.mark.parametrize("make", [truncated, lambda path: path.write_text("<html>"), lambda path: None])
def test_no_fingerprint_without_a_directory(make, tmp_path):
    make(tmp_path / "a.zip")
    with pytest.raises(UserError, match=r"a\.zip is no zip file, or only a part of one"):
        Zipped(tmp_path / "a.zip").fingerprint()


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
        "fingerprint": Zipped(tmp_path / "a.zip").fingerprint(),
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
    write_zip(tmp_path / f"{MASKS}.zip", "b")  # as many bytes, another name
    with pytest.raises(UserError, match=f"(?s){MASKS}.zip has changed.*start the workflow again"):
        paths_of("ham10000", records)
    (tmp_path / f"{MASKS}.zip").unlink()
    with pytest.raises(UserError, match=f"(?s){MASKS}.zip has gone.*name the folder that holds it"):
        paths_of("ham10000", records)


def test_archive_is_read_where_it_lies_now(records, tmp_path):
    """In the folder that is given, else at its last known place; a copy of another time is the same archive."""
    (tmp_path / "new").mkdir()
    assert path_of(records[0], tmp_path / "new") == path_of(records[0]) == tmp_path / f"{IMAGES}.zip"
    moved = (tmp_path / f"{IMAGES}.zip").rename(tmp_path / "new" / f"{IMAGES}.zip")
    os.utime(moved)
    assert path_of(records[0], tmp_path / "new") == moved
    with pytest.raises(UserError, match=f"elsewhere has no {IMAGES}"):
        path_of(records[0], tmp_path / "elsewhere")


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
    assert Zipped(kaggle_archives / f"{name}.zip").check() > 7000
