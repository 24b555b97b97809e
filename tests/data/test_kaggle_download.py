"""Downloads with Kaggle's real client from a local server: every refusal in plain words, and broken downloads continued."""

import io
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
from kaggle_server import KEY, TOKEN, USER, kaggle_server, nobody_there

from kdml.common.errors import MachineError, UserError
from kdml.common.locks import alone_in
from kdml.data import kaggle_client, kaggle_download
from kdml.data.archives import ARCHIVES
from kdml.data.kaggle_client import token_present
from kdml.data.kaggle_download import download

COMPETITION = ARCHIVES["histopathologic-cancer-detection"]
DATASET = ARCHIVES["lgg-mri-segmentation"]
SLUGS = {archive: archive.slug.rpartition("/")[2] for archive in (COMPETITION, DATASET)}

pytestmark = pytest.mark.xdist_group("kaggle")


MIB = 2**20  # the client keeps what arrives in pieces of this size


def zipped(files=3, size=MIB):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for number in range(files):
            file.writestr(zipfile.ZipInfo(f"train/{number}.tif"), np.random.default_rng(number).bytes(size))
    return buffer.getvalue()


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def kaggle_api(account):
    with kaggle_server() as state:
        state.files = {slug: zipped() for slug in SLUGS.values()}
        yield state


def left(store):
    return sorted(path.name for path in store.iterdir()) if store.exists() else []


@pytest.mark.parametrize("archive", SLUGS, ids=lambda archive: archive.name)
def test_downloads_whole_file_once(archive, kaggle_api, store):
    path = download(archive, store)
    assert path.read_bytes() == kaggle_api.files[SLUGS[archive]]
    assert left(store) == [f"{archive.name}.zip"]
    asked = len(kaggle_api.requests)
    assert download(archive, store) == path
    assert len(kaggle_api.requests) == asked


def test_accepts_a_new_token(kaggle_api, store, monkeypatch):
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    assert download(DATASET, store).is_file()


@pytest.mark.parametrize("archive", SLUGS, ids=lambda archive: archive.name)
def test_broken_download_is_continued_where_it_broke(archive, kaggle_api, store):
    """The client asks for the whole file first, to learn whether it is still the same, and then for the rest."""
    kaggle_api.cuts = [MIB + 1000, None, MIB + 1000]
    path = download(archive, store, retries=2, first_pause=0)
    assert kaggle_api.downloads() == [None, None, f"bytes={MIB}-", None, f"bytes={2 * MIB}-"]
    assert path.read_bytes() == kaggle_api.files[SLUGS[archive]]
    assert left(store) == [path.name]


def test_download_that_gave_up_is_continued_by_the_next(kaggle_api, store):
    kaggle_api.cuts = [MIB + 1000, None, 0]
    with pytest.raises(UserError, match=r"(?s)connection broke.*kept and continued"):
        download(DATASET, store, retries=1, first_pause=0)
    partial = store / "lgg-mri-segmentation.zip.partial"
    assert partial.stat().st_size == MIB and not (store / "lgg-mri-segmentation.zip").exists()
    path = download(DATASET, store, retries=0)
    assert kaggle_api.downloads()[-1] == f"bytes={MIB}-"
    assert path.read_bytes() == kaggle_api.files["lgg-mri-segmentation"]


def test_file_that_changed_meanwhile_is_begun_anew(kaggle_api, store):
    kaggle_api.cuts = [MIB + 1000]
    with pytest.raises(UserError):
        download(DATASET, store, retries=0)
    kaggle_api.etag, kaggle_api.files["lgg-mri-segmentation"] = '"second"', zipped(files=4)
    assert download(DATASET, store, retries=0).read_bytes() == zipped(files=4)


def test_pauses_grow(kaggle_api, store, monkeypatch):
    pauses = []
    monkeypatch.setattr(kaggle_download.time, "sleep", pauses.append)
    kaggle_api.refusal = 503
    with pytest.raises(UserError, match=r"(?s)503.*start again later"):
        download(DATASET, store, retries=4)
    assert pauses == [2, 10, 50, 60]


@pytest.mark.parametrize(
    ("archive", "status", "message"),
    [
        (COMPETITION, 403, "kaggle.com/competitions/histopathologic-cancer-detection/rules and accept"),
        (DATASET, 403, "kaggle.com/datasets/mateuszbuda/lgg-mri-segmentation and accept"),
        (COMPETITION, 401, r"(?s)does not accept the token.*access_token"),
        (DATASET, 404, r"(?s)does not know mateuszbuda/lgg-mri-segmentation.*look at"),
        (DATASET, 400, r"(?s)error \(400\).*later"),
    ],
)
def test_refusals_are_told_and_not_repeated(archive, status, message, kaggle_api, store):
    kaggle_api.refusal = status
    with pytest.raises(UserError, match=message):
        download(archive, store, retries=3)
    assert len(kaggle_api.requests) == 1
    assert left(store) == []


def test_unknown_data_set(kaggle_api, store):
    kaggle_api.files = {}
    with pytest.raises(UserError, match=r"404"):
        download(COMPETITION, store)


@pytest.mark.parametrize("variables", [{"KAGGLE_API_TOKEN": "wrong"}, {"KAGGLE_USERNAME": USER, "KAGGLE_KEY": "wrong"}])
def test_wrong_token(variables, kaggle_api, store, monkeypatch, capsys):
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=r"(?s)does not accept the token.*KAGGLE_API_TOKEN"):
        download(DATASET, store)
    assert left(store) == [] and capsys.readouterr().out == ""


def test_no_token(no_token, store):
    with pytest.raises(UserError) as caught:
        download(DATASET, store)
    ways = ("~/.kaggle/access_token", "KAGGLE_API_TOKEN", "kaggle.json", "KAGGLE_USERNAME", "KAGGLE_KEY", "kaggle auth")
    assert all(way in str(caught.value) for way in ways)
    assert left(store) == []


@pytest.mark.parametrize("variables", [{}, {"KAGGLE_API_TOKEN": TOKEN}])
def test_no_network(variables, account, store, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with nobody_there(), pytest.raises(UserError, match=r"(?s)cannot be reached.*check the network"):
        download(DATASET, store, retries=1, first_pause=0)
    assert left(store) == []


def test_no_space(kaggle_api, store, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5 * MIB // 2))
    with pytest.raises(UserError, match=r"(?s)lgg-mri-segmentation.zip needs .* GB left.*free some space"):
        download(DATASET, store)
    assert left(store) == []


def test_a_server_that_accepts_and_never_answers_is_left(kaggle_api, store, monkeypatch):
    monkeypatch.setattr(kaggle_client, "PATIENCE", 0.3)
    kaggle_api.silent = True
    started = time.monotonic()
    with pytest.raises(MachineError, match=r"(?s)no answer came in time.*kept and continued"):
        download(DATASET, store, retries=1, first_pause=0)
    assert time.monotonic() - started < 10 and len(kaggle_api.requests) == 2
    assert left(store) == []


def test_a_transfer_that_stops_is_continued(kaggle_api, store, monkeypatch):
    """The connection stays open, but nothing comes any more."""
    monkeypatch.setattr(kaggle_client, "PATIENCE", 0.3)
    kaggle_api.cuts, kaggle_api.holds = [MIB + 1000, None, None], [True]
    path = download(DATASET, store, retries=1, first_pause=0)
    assert kaggle_api.downloads() == [None, None, f"bytes={MIB}-"]
    assert path.read_bytes() == kaggle_api.files["lgg-mri-segmentation"] and left(store) == [path.name]


@contextmanager
def refusing_proxy(answer):
    """A proxy that answers every CONNECT with a status."""

    class Handler(BaseHTTPRequestHandler):
        asked = 0

        def do_CONNECT(self):
            type(self).asked += 1
            self.send_response(answer)
            self.end_headers()

        def log_message(self, *arguments):
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", Handler
        finally:
            server.shutdown()
            thread.join()


def behind(monkeypatch, proxy):
    """The real addresses of Kaggle through a proxy; nothing leaves the machine."""
    for name in ("NO_PROXY", "no_proxy", "https_proxy", "http_proxy", "all_proxy", "KAGGLE_API_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    pauses = []
    monkeypatch.setattr(kaggle_download.time, "sleep", pauses.append)
    return pauses


# What the proxy answers -> (words of the message, whether it may pass)
PROXIES = {
    407: (r"(?s)wants a password \(407\).*HTTPS_PROXY: http://NAME:PASSWORD", False),
    403: (r"(?s)proxy refuses the connection .*403.*ask who runs the proxy", False),
    502: (r"(?s)the proxy: .*502.*start again", True),
}


@pytest.mark.parametrize("answer", PROXIES)
def test_a_proxy_that_refuses(answer, account, store, monkeypatch):
    words, may_pass = PROXIES[answer]
    with refusing_proxy(answer) as (proxy, handler):
        pauses = behind(monkeypatch, proxy)
        with pytest.raises(UserError, match=words) as told:
            download(DATASET, store, retries=2)
    assert isinstance(told.value, MachineError) == may_pass
    assert pauses == ([2, 10] if may_pass else []) and handler.asked == 1 + len(pauses)


LASTING = {
    "a SOCKS proxy without its package": ("socks5://127.0.0.1:7", r"(?s)SOCKS.*uv pip install pysocks"),
    "a proxy that is no address": ("http://:no:port:99999", r"(?s)an address is none.*HTTPS_PROXY"),
    "a proxy that nobody knows": ("http://nobody.invalid:3128", r"(?s)an address is not known.*HTTPS_PROXY"),
}


@pytest.mark.parametrize("name", LASTING)
def test_addresses_that_lead_nowhere_are_told_at_once(name, account, store, monkeypatch):
    def unknown(*arguments, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    proxy, words = LASTING[name]
    pauses = behind(monkeypatch, proxy)
    with pytest.raises(UserError, match=words) as told:
        download(DATASET, store)
    assert not isinstance(told.value, MachineError) and pauses == [] and left(store) == []


def test_a_certificate_that_nobody_trusts_is_told_at_once(account, store, monkeypatch, tmp_path):
    """As behind a proxy that looks into connections."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=somebody else"]
    try:
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs openssl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def intercept(listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, suppress(OSError):
                client.recv(4096)
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                context.wrap_socket(client, server_side=True).recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=intercept, args=(listener,), daemon=True)
        thread.start()
        pauses = behind(monkeypatch, f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(
            UserError, match=r"(?s)certificate of the server is not trusted.*REQUESTS_CA_BUNDLE"
        ) as told:
            download(DATASET, store)
    assert not isinstance(told.value, MachineError) and pauses == []


def test_two_processes_do_not_download_one_archive(kaggle_api, store):
    store.mkdir()
    with (
        alone_in(store, f".{DATASET.name}.lock"),
        pytest.raises(MachineError, match=f"Another process writes to .*process {os.getpid()} on"),
    ):
        download(DATASET, store)
    assert kaggle_api.requests == []
    assert download(DATASET, store).is_file() and left(store) == ["lgg-mri-segmentation.zip"]


def test_space_counts_only_what_is_still_to_come(kaggle_api, store, monkeypatch):
    kaggle_api.cuts = [MIB + 1000]
    with pytest.raises(UserError):
        download(DATASET, store, retries=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5 * MIB // 2))
    assert download(DATASET, store, retries=0).is_file()


def test_disk_that_fills_up(kaggle_api, store, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kaggle_download, "_check_space", full)
    with pytest.raises(MachineError, match=r"(?s)lgg-mri-segmentation.zip: No space left on device.*free some space"):
        download(DATASET, store)


@pytest.mark.parametrize("content", [b"<html>maintenance</html>", zipped()[:-30]], ids=["no zip", "truncated"])
def test_what_is_no_whole_zip_is_not_kept(content, kaggle_api, store):
    kaggle_api.files["lgg-mri-segmentation"] = content
    with pytest.raises(
        UserError, match=r"(?s)something else than lgg-mri-segmentation.zip.*no zip file, or only a part"
    ):
        download(DATASET, store)
    assert left(store) == []


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (".kaggle/access_token", TOKEN),
        (".kaggle/access_token.txt", TOKEN),
        (".kaggle/kaggle.json", "{}"),
        (".kaggle/credentials.json", "{}"),
        (".config/kaggle/kaggle.json", "{}"),
    ],
)
def test_token_files_are_found(file, content, no_token):
    assert not token_present()
    path = no_token / file
    path.parent.mkdir(parents=True)
    path.touch()
    assert not token_present()
    path.write_text(content)
    assert token_present()


@pytest.mark.parametrize(
    ("variables", "present"),
    [
        ({"KAGGLE_API_TOKEN": TOKEN}, True),
        ({"KAGGLE_API_TOKEN": ""}, False),
        ({"KAGGLE_API_TOKEN": "/dev/null"}, False),
        ({"KAGGLE_USERNAME": USER, "KAGGLE_KEY": KEY}, True),
        ({"KAGGLE_USERNAME": USER}, False),
    ],
)
def test_token_variables_are_found(variables, present, no_token, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert token_present() == present


UNREADABLE_TOKENS = {
    "UTF-16, as PowerShell writes": (".kaggle/access_token", TOKEN.encode("utf-16"), "is not plain text"),
    "with a byte order mark": (".kaggle/access_token", TOKEN.encode("utf-8-sig"), "is not plain text"),
    "Latin-1": (".kaggle/access_token.txt", "tökén".encode("latin-1"), "is not plain text"),
    "a picture": (".kaggle/access_token", b"\x89PNG\r\n\x1a\n\0", "is not plain text"),
    "JSON in UTF-16": (".kaggle/kaggle.json", '{"username": "a"}'.encode("utf-16"), "is not plain text"),
    "JSON cut off": (".kaggle/kaggle.json", b'{"username": "a"', "is not valid JSON"),
    "no mapping": (".kaggle/kaggle.json", b'["a"]', "is not valid JSON (no mapping)"),
    "credentials cut off": (".kaggle/credentials.json", b"{", "is not valid JSON"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("file", "content", "words"), UNREADABLE_TOKENS.values(), ids=UNREADABLE_TOKENS)
def test_a_token_that_cannot_be_read_is_named_not_the_data_set(file, content, words, no_token, store):
    path = no_token / file
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        download(DATASET, store)
    assert f"The Kaggle token {path}" in caught.value.problem and words in caught.value.problem
    assert DATASET.slug not in str(caught.value) and left(store) == []


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["KAGGLE_API_TOKEN", "KAGGLE_KEY"])
def test_a_token_of_the_environment_is_named(name, no_token, monkeypatch):
    monkeypatch.setenv(name, "tökén")
    with pytest.raises(UserError, match=f"environment variable {name} has signs"):
        token_present()


def test_script_downloads_and_records(kaggle_api, root, store, tmp_path):
    command = [sys.executable, root / "src" / "fetch.py", "--archive", DATASET.name, "--kaggle", "--retries", "0"]
    command += ["--store", store, "--record", tmp_path / "record.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "record.json").read_text())
    assert (record["source"], record["files"]) == ("kaggle: mateuszbuda/lgg-mri-segmentation", 3)


def test_client_is_not_imported_before_it_is_needed(root):
    code = "import sys; from kdml.data.kaggle_client import token_present; token_present(); assert 'kaggle' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
