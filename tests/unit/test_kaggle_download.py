"""Downloads with Kaggle's real client from a stand-in of its server: resumed, retried, and every refusal in words."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import namedtuple

import numpy as np
import pytest
from kaggle_server import Behaviour, kaggle_server

from kdml.data import kaggle_download
from kdml.data.archives import ARCHIVES
from kdml.errors import UserError

pytestmark = pytest.mark.xdist_group("kaggle")  # one port
HCD, LGG = ARCHIVES["histopathologic-cancer-detection"], ARCHIVES["lgg-mri-segmentation"]


@pytest.fixture
def archive(tmp_path):
    """A zip of some 4 MB: the client keeps what it has got in pieces of 1 MiB."""
    path = tmp_path / "source.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("train_labels.csv", "id,label\n")
        file.writestr("noise.bin", np.random.default_rng(0).bytes(4_000_000))
    return path


@pytest.fixture
def signed_in(monkeypatch, tmp_path):
    """A token, and the local server in place of Kaggle's."""
    home = tmp_path / "home"
    (home / ".kaggle").mkdir(parents=True)
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "KAGGLE_USERNAME": "me",
        "KAGGLE_KEY": "secret",
        "KAGGLE_API_ENVIRONMENT": "TEST",
        "HOME": home,
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return home


def download(archive, store):
    return kaggle_download.download(archive, store, pauses=(0, 0))


@pytest.mark.parametrize("which", [HCD, LGG], ids=["competition", "dataset"])
def test_download(tmp_path, archive, signed_in, which):
    with kaggle_server(Behaviour({which.slug: archive})) as server:
        path = download(which, tmp_path / "store")
        assert path.name == f"{which.name}.zip" and path.read_bytes() == archive.read_bytes()
        assert len(server.ranges) >= 1
        transfers = len(server.ranges)
        assert download(which, tmp_path / "store") == path and len(server.ranges) == transfers  # there already


def test_broken_connection_is_continued(tmp_path, archive, signed_in):
    with kaggle_server(Behaviour({LGG.slug: archive}, cut_after=1_500_000, cuts=2)) as server:
        path = download(LGG, tmp_path / "store")
    assert path.read_bytes() == archive.read_bytes()
    assert server.ranges == [None, f"bytes={2**20}-", f"bytes={2 * 2**20}-"]


def test_what_has_arrived_is_kept_for_the_next_start(tmp_path, archive, signed_in, monkeypatch):
    """The process is killed in the middle; the next start asks for the rest only."""
    store = tmp_path / "store"

    def killed(seconds):
        raise KeyboardInterrupt

    with kaggle_server(Behaviour({LGG.slug: archive}, cut_after=1_200_000, cuts=1)), monkeypatch.context() as patch:
        patch.setattr("time.sleep", killed)  # the client pauses before it continues
        with pytest.raises(KeyboardInterrupt):
            download(LGG, store)
    part = store / "downloading" / "lgg-mri-segmentation.zip"
    assert part.stat().st_size == 2**20 and not (store / "lgg-mri-segmentation.zip").exists()
    with kaggle_server(Behaviour({LGG.slug: archive})) as server:
        path = download(LGG, store)
    assert path.read_bytes() == archive.read_bytes()
    assert server.ranges[-1] == f"bytes={2**20}-"


REFUSALS = {
    401: ["does not accept the token", "Settings > API", "access_token", "kaggle.json", "KAGGLE_USERNAME"],
    403: [
        "rules or terms are not accepted",
        "https://www.kaggle.com/competitions/histopathologic-cancer-detection/rules",
    ],
    404: ["does not know histopathologic-cancer-detection", "https://www.kaggle.com/"],
    429: ["more downloads", "wait"],
    503: ["answers with an error", "later"],
}


@pytest.mark.parametrize(("status", "words"), REFUSALS.items())
def test_refusals_in_words(tmp_path, archive, signed_in, status, words):
    with kaggle_server(Behaviour({HCD.slug: archive}, status=status)), pytest.raises(UserError) as caught:
        download(HCD, tmp_path / "store")
    assert all(word in str(caught.value) for word in words)
    assert not (tmp_path / "store" / f"{HCD.name}.zip").exists()


def test_no_network(tmp_path, signed_in):
    with pytest.raises(UserError, match="cannot be reached") as caught:
        download(HCD, tmp_path / "store")
    assert "continued" in caught.value.remedy


def test_no_disk_space(tmp_path, archive, signed_in, monkeypatch):
    usage = namedtuple("usage", "total used free")(100, 90, 10)
    with kaggle_server(Behaviour({HCD.slug: archive})):
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(UserError, match=r"needs 0\.0 GB") as caught:
            download(HCD, tmp_path / "store")
    assert "free some space" in caught.value.remedy


def test_what_arrives_is_no_zip(tmp_path, signed_in):
    page = tmp_path / "page.html"
    page.write_text("<html>maintenance</html>")
    with kaggle_server(Behaviour({HCD.slug: page})), pytest.raises(UserError, match="is no zip file"):
        download(HCD, tmp_path / "store")
    assert not list((tmp_path / "store").rglob("*.zip"))


def test_places_of_a_token(tmp_path, monkeypatch):
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not kaggle_download.token_present()
    for place in (".kaggle/access_token", ".kaggle/kaggle.json", ".config/kaggle/kaggle.json"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("x")
        assert kaggle_download.token_present(), place
        (tmp_path / place).unlink()
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    assert not kaggle_download.token_present()
    monkeypatch.setenv("KAGGLE_KEY", "secret")
    assert kaggle_download.token_present()


def script(root, tmp_path, home, **environment):
    command = [
        sys.executable,
        str(root / "src/fetch.py"),
        "--archive",
        LGG.name,
        "--kaggle",
        "--store",
        str(tmp_path / "store"),
    ]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KAGGLE")}
    return subprocess.run(
        [*command, "--record", str(tmp_path / "record.json")],
        capture_output=True,
        text=True,
        check=False,
        env=inherited | {"HOME": str(home)} | environment,
    )


def test_script_without_token(root, tmp_path):
    done = script(root, tmp_path, tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("Error: There is no Kaggle token.")
    assert "Traceback" not in done.stderr and not (tmp_path / "record.json").exists()


def test_script_with_an_access_token_that_kaggle_refuses(root, tmp_path, archive):
    """The client asks the server who the token belongs to; here nobody."""
    with kaggle_server(Behaviour({LGG.slug: archive}, status=403)):
        done = script(root, tmp_path, tmp_path, KAGGLE_API_TOKEN="wrong", KAGGLE_API_ENVIRONMENT="TEST")
    assert done.returncode == 2 and "could not sign in" in done.stderr and "Traceback" not in done.stderr


def test_script_downloads_and_records(root, tmp_path, archive):
    with kaggle_server(Behaviour({LGG.slug: archive})):
        done = script(
            root, tmp_path, tmp_path, KAGGLE_USERNAME="me", KAGGLE_KEY="secret", KAGGLE_API_ENVIRONMENT="TEST"
        )
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["source"] == "kaggle: mateuszbuda/lgg-mri-segmentation" and record["files"] == 2
