"""What is to be fetched, and what keeps jobs from their archives, known before anything runs."""

import json
import shutil
import zipfile

import pytest

from kdml.common.files import write_json
from kdml.data.archives import ARCHIVES, ARCHIVES_OF, record_of
from kdml.data.at_hand import AtHand

(HCD,), (LGG,) = ARCHIVES_OF["hcd"], ARCHIVES_OF["lgg"]
WAYS = ("a Kaggle token:", "--config archives=FOLDER", "uv run snakemake --profile profiles/demo")


def pack(folder, name, member="a.tif"):
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}.zip", "w") as file:
        file.writestr(member, b"x" * 100)
    return folder / f"{name}.zip"


def at_hand(base, folder="here", downloads=False):
    return AtHand(base / folder, {name: base / f"records/{name}.json" for name in ARCHIVES}, downloads)


@pytest.fixture
def base(tmp_path):
    """A folder with one recorded archive."""
    path = pack(tmp_path / "here", HCD)
    write_json(tmp_path / f"records/{HCD}.json", record_of(HCD, path, "folder"))
    return tmp_path


def others():
    return [name for name in ARCHIVES if name != HCD]


@pytest.mark.parametrize("folder", ["here", "there", "nowhere"])
def test_a_recorded_archive_is_not_fetched_wherever_it_lies(base, folder):
    (base / "there").mkdir()
    shutil.copy(base / "here" / f"{HCD}.zip", base / "there")  # with another time
    assert at_hand(base, folder).to_fetch() == others() and at_hand(base, folder).warning(HCD) is None


def test_another_archive_is_fetched_and_said(base):
    pack(base / "here", HCD, "b.tif")
    assert at_hand(base).to_fetch() == list(ARCHIVES)
    assert f"{HCD}.zip is not the archive that was recorded" in at_hand(base).warning(HCD)


@pytest.mark.parametrize("bytes_lost", [10, 0])
def test_a_damaged_archive_is_not_fetched_in_place_of_a_recorded_one(base, bytes_lost):
    path = base / "here" / f"{HCD}.zip"
    content = path.read_bytes()
    path.write_bytes(content[:-bytes_lost] if bytes_lost else b"\0" * len(content))
    assert at_hand(base).to_fetch() == others()
    assert "is no zip file" in at_hand(base).warning(HCD) and "stays as it is" in at_hand(base).warning(HCD)
    assert "is no zip file" in at_hand(base).obstacle([], ["hcd"], has_token=True)


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:-9], lambda text: "[]", lambda text: text.replace("fingerprint", "mtime_ns")]
)
def test_a_record_that_says_too_little_is_none(base, spoil):
    path = base / f"records/{HCD}.json"
    path.write_text(spoil(path.read_text()))
    assert at_hand(base).to_fetch() == list(ARCHIVES)
    assert f"{HCD}.json is no record of an archive" in at_hand(base).obstacle([], ["hcd"], has_token=True)


def test_content_is_that_of_an_archive_at_hand(base):
    recorded = json.loads((base / f"records/{HCD}.json").read_text())["fingerprint"]
    assert at_hand(base).content(HCD) == recorded and at_hand(base, "nowhere").content(HCD) == ""
    (base / "here" / f"{HCD}.zip").write_text("no zip")
    assert at_hand(base).content(HCD) == ""


def test_nothing_stands_in_the_way_of_what_is_there_or_can_be_downloaded(base):
    assert at_hand(base).obstacle([], [], has_token=False) is None
    assert at_hand(base).obstacle([HCD], ["hcd"], has_token=False) is None
    assert at_hand(base, downloads=True).obstacle([HCD], [], has_token=False) is None, "downloaded before"
    assert at_hand(base, downloads=True).obstacle([LGG], ["lgg", "hcd"], has_token=True) is None
    assert at_hand(base, "nowhere").obstacle([], ["hcd"], has_token=False) is None, "at its last known place"


def test_what_is_missing_is_named_with_three_ways(base):
    for downloads, words in ((True, "No images yet, and no Kaggle token"), (False, f"lacks {LGG}.zip")):
        problem = at_hand(base, downloads=downloads).obstacle([HCD, LGG], [], has_token=False)
        assert words in problem and all(problem.count(way) == 1 for way in WAYS)
        assert f"with {LGG}.zip (or a folder {LGG} with kaggle_3m);" in problem, "that which is there is not asked for"


def test_what_is_needed_again_and_gone_is_named_with_three_ways(base):
    shutil.rmtree(base / "here")
    problem = at_hand(base).obstacle([], ["hcd"], has_token=True)
    assert f"{HCD}.zip is needed again" in problem and f"delete {base}/records/{HCD}.json first" in problem
    assert all(problem.count(way) == 1 for way in WAYS)


def test_what_changed_at_its_last_known_place_is_named(base):
    pack(base / "here", HCD, "b.tif")
    assert "has changed since it was recorded" in at_hand(base, "elsewhere").obstacle([], ["hcd"], has_token=True)
