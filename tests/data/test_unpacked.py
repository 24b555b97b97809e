"""Archives that were unpacked: found where people have them, the same pictures as from the zip, and as carefully told apart."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from own_files import written
from pyarrow import parquet

from kdml.common.errors import UserError
from kdml.data.archives import ARCHIVES_OF, found_in, in_folder, missing_from, read_record, record_of
from kdml.data.at_hand import AtHand
from kdml.data.demo import DEMO_ARCHIVES, draw_archive
from kdml.data.layouts import Choice
from kdml.data.own import Own, check_own
from kdml.data.prepare import prepare
from kdml.data.unpacked import Unpacked

LGG, HCD = "lgg-mri-segmentation", "histopathologic-cancer-detection"
PLACES = {"of its name": "{name}", "twice of its name": "{name}/{name}", "itself": "."}
SIZE = 32


@pytest.fixture(scope="module")
def zips(tmp_path_factory):
    """Drawn archives of all data sets."""
    folder = tmp_path_factory.mktemp("zips")
    for names in ARCHIVES_OF.values():
        for name in names:
            draw_archive(name, folder / f"{name}.zip", images=DEMO_ARCHIVES[name].fewest, size=SIZE, seed=0)
    return folder


def unpack(zips, name, folder):
    with zipfile.ZipFile(zips / f"{name}.zip") as file:
        file.extractall(folder)


def prepared(dataset, folder, out):
    """Arrays and index as bytes, and the report without what archives are."""
    records = [record_of(name, in_folder(folder, name), "folder") for name in ARCHIVES_OF[dataset]]
    report = prepare(dataset, records, SIZE, Choice(), out, folder=folder)
    arrays = {path.name: np.load(path).tobytes() for path in sorted(out.glob("*.npy"))}
    index = parquet.read_table(out / "index.parquet").to_pylist()
    return arrays, index, {key: value for key, value in report.items() if key != "archives"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dataset", ARCHIVES_OF)
def test_pixels_labels_and_reports_are_those_of_the_zip(zips, tmp_path, dataset, place):
    folder = tmp_path / "mine"
    for name in ARCHIVES_OF[dataset]:
        unpack(zips, name, folder / PLACES[place].format(name=name))
    assert missing_from(folder, ARCHIVES_OF[dataset]) == []
    packed, unpacked = prepared(dataset, zips, tmp_path / "a"), prepared(dataset, folder, tmp_path / "b")
    assert packed == unpacked and packed[0]


def test_other_files_beside_them_do_not_count(zips, tmp_path):
    unpack(zips, LGG, tmp_path)
    before = Unpacked(tmp_path, ("kaggle_3m",))
    said = before.names(), before.size(), before.fingerprint(), before.sha256()
    for name in ("results/a.csv", "kaggle_3m/._b.tif", "__MACOSX/kaggle_3m/c.tif", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    after = Unpacked(tmp_path, ("kaggle_3m",))
    assert said == (after.names(), after.size(), after.fingerprint(), after.sha256())


def test_a_linked_folder_is_read_and_a_circle_ends(zips, tmp_path):
    unpack(zips, LGG, tmp_path / "disk")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/kaggle_3m").symlink_to(tmp_path / "disk/kaggle_3m", target_is_directory=True)
    (tmp_path / "disk/kaggle_3m/again").symlink_to(tmp_path / "disk/kaggle_3m", target_is_directory=True)
    linked, plain = (Unpacked(folder, ("kaggle_3m",)) for folder in (tmp_path / "mine", tmp_path / "disk"))
    assert linked.names() == plain.names() and linked.sha256() == plain.sha256()


def at_hand(folder, records):
    return AtHand(folder, {HCD: records / "record.json"}, downloads=False)


def test_where_it_lies_is_no_change_and_a_label_is(zips, tmp_path):
    unpack(zips, HCD, tmp_path / "a")
    record = record_of(HCD, in_folder(tmp_path / "a", HCD), "folder")
    (tmp_path / "record.json").write_text(json.dumps(record))
    (tmp_path / "a").rename(tmp_path / "b")
    for path in (tmp_path / "b").rglob("*"):
        os.utime(path, (1, 1))
    assert at_hand(tmp_path / "b", tmp_path).to_fetch() == []
    table = tmp_path / "b/train_labels.csv"
    text = table.read_text()
    changed = text.replace(",0", ",1", 1)
    assert len(changed) == len(text) and changed != text
    table.write_text(changed)
    now = at_hand(tmp_path / "b", tmp_path)
    assert now.to_fetch() == [HCD] and "is not the archive that was recorded" in now.warning(HCD)


def test_a_picture_that_changed_since_is_refused_before_anything_is_made(zips, tmp_path):
    unpack(zips, HCD, tmp_path / "a")
    records = [record_of(HCD, in_folder(tmp_path / "a", HCD), "folder")]
    picture = next((tmp_path / "a/train").iterdir())
    picture.write_bytes(picture.read_bytes()[:-1] + b"?")  # of the same size
    with pytest.raises(UserError, match="another checksum") as caught:
        prepare("hcd", records, SIZE, Choice(), tmp_path / "out", folder=tmp_path / "a")
    assert not (tmp_path / "out").exists() and "delete the record" in caught.value.remedy
    (tmp_path / "record.json").write_text(json.dumps(records[0]))
    read = [read_record(tmp_path / "record.json", "")]
    with pytest.raises(UserError, match="another checksum") as caught:
        prepare("hcd", read, SIZE, Choice(), tmp_path / "out", folder=tmp_path / "a")
    assert f"delete {tmp_path / 'record.json'} and" in caught.value.remedy


def test_what_is_neither_packed_nor_unpacked_is_named(tmp_path):
    (tmp_path / HCD / "train").mkdir(parents=True)  # without its table
    assert found_in(tmp_path, HCD) is None
    with pytest.raises(UserError, match=f"{HCD}.zip does not exist, nor what it unpacks to"):
        in_folder(tmp_path, HCD)
    problem = at_hand(tmp_path, tmp_path).obstacle([HCD], [], has_token=False)
    assert f"lacks {HCD}.zip" in problem and f"a folder {HCD} with train_labels.csv" in problem


def test_a_zip_counts_before_a_folder(zips, tmp_path):
    unpack(zips, HCD, tmp_path)
    (tmp_path / f"{HCD}.zip").write_bytes((zips / f"{HCD}.zip").read_bytes())
    assert in_folder(tmp_path, HCD) == tmp_path / f"{HCD}.zip"


def test_an_empty_folder_of_the_right_name_is_refused(tmp_path):
    (tmp_path / "kaggle_3m").mkdir()
    with pytest.raises(UserError, match="holds none of kaggle_3m"):
        record_of(LGG, Path(tmp_path), "folder")


# Folders of the user's own


def own_folder(path):
    return written(path, {"a/1.png": b"1", "a/2.png": b"22", "LIST.CSV": b"file,x\n1.png,y\n"})


def own_at_hand(folder, record):
    return AtHand(folder, {"own_mine": record}, downloads=False, own={"own_mine": folder})


@pytest.fixture
def recorded(tmp_path):
    """A folder of the user's own and its record, which is newer."""
    folder, record = own_folder(tmp_path / "mine"), tmp_path / "record.json"
    record.write_text(json.dumps(record_of("own_mine", folder, "folder")))
    later(record, 10)
    return folder, record


def later(path, seconds):
    os.utime(path, (path.stat().st_mtime + seconds,) * 2)


@pytest.mark.parametrize("edited", ["a/1.png", "LIST.CSV"])
def test_a_file_that_was_edited_to_the_same_size_is_noticed(edited, recorded):
    folder, record = recorded
    before = own_at_hand(folder, record)
    assert before.to_fetch() == [] and before.obstacle([], ["mine"], has_token=False) is None
    said, content = before.content("own_mine"), (folder / edited).read_bytes()
    (folder / edited).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    later(folder / edited, 20)
    now = own_at_hand(folder, record)
    assert now.to_fetch() == ["own_mine"] and "is not the archive that was recorded" in now.warning("own_mine")
    assert now.content("own_mine") != said  # so the record is made anew
    record.write_text(json.dumps(record_of("own_mine", folder, "folder")))
    assert own_at_hand(folder, record).to_fetch() == []


def test_newer_files_with_the_same_content_are_no_change(recorded):
    folder, record = recorded
    content = own_at_hand(folder, record).content("own_mine")
    for path in folder.rglob("*.*"):
        later(path, 20)
    now = own_at_hand(folder, record)
    assert now.to_fetch() == [] and now.content("own_mine") == content


def broken(path):
    (path / "a/3.png").symlink_to("nowhere.png")


def circular(path):
    (path / "a/3.png").symlink_to("3.png")


def pipe(path):
    os.mkfifo(path / "a/3.png")


def no_text(path):
    (path / os.fsdecode(b"a/3\xff.png")).write_bytes(b"3")


NO_FILES = {
    broken: ("3.png is a link that leads to no file", "mend the link"),
    circular: ("3.png is a link that leads to no file", "mend the link"),
    pipe: ("3.png is no file with content", "take it away"),
    no_text: ("name is not UTF-8: a/3\ufffd.png", "rename it"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("spoil", NO_FILES, ids=lambda spoil: spoil.__name__)
def test_what_is_no_file_is_named_and_never_waited_for(spoil, tmp_path):
    folder = own_folder(tmp_path / "mine")
    spoil(folder)
    problem, remedy = NO_FILES[spoil]
    with pytest.raises(UserError, match=problem) as caught:
        check_own(Own("mine", ("a", "b")), folder, Choice())
    assert remedy in caught.value.remedy
    hand = own_at_hand(folder, tmp_path / "record.json")
    assert hand.to_fetch() == ["own_mine"] and hand.content("own_mine") == ""


def test_what_is_no_picture_may_be_anything(tmp_path):
    folder = own_folder(tmp_path / "mine")
    (folder / "lost").symlink_to("nowhere")
    os.mkfifo(folder / "queue")
    assert Unpacked(folder, ("*",), (".png",)).names() == ["a/1.png", "a/2.png"]
