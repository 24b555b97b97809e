"""A stand-in for Kaggle's API on the one port where Kaggle's client looks when KAGGLE_API_ENVIRONMENT=TEST.

The port is also the lock between tests that run at the same time: who cannot have it waits.
"""

import base64
import errno
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kaggle_work import Work

ADDRESS = ("127.0.0.1", 7777)
LAST_MODIFIED = "Tue, 01 Jan 2019 00:00:00 GMT"
USER, KEY, TOKEN = "somebody", "a-key", "a-token"
PATIENCE = 60  # seconds to wait for the port


@dataclass
class Kaggle:
    """What the server does.

    Attributes:
        files: slug, without the owner -> content of its zip.
        refusal: status that every download is answered with, if any.
        cuts: bytes after which the next transfers break off, one each, None for not at all; further ones are whole.
        holds: for the next transfers that break off: whether the connection stays open all the same.
        silent: whether connections are accepted and never answered.
        announced: size that answers claim instead of the true one, if any.
        etag: of all files.
        requests: method, path and Range header of all requests, in order.
        work: data sets and kernels of the account.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    refusal: int | None = None
    cuts: list[int | None] = field(default_factory=list)
    holds: list[bool] = field(default_factory=list)
    silent: bool = False
    announced: int | None = None
    etag: str = '"first"'
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    work: Work = field(default_factory=Work)

    def downloads(self) -> list[str | None]:
        """Range headers of the requests for files."""
        return [wanted for method, _, wanted in self.requests if method == "GET"]


@contextmanager
def kaggle_server() -> Iterator[Kaggle]:
    """Serve until the block ends."""
    state = Kaggle()
    handler = type("BoundHandler", (_Handler,), {"kaggle": state})
    server = _waiting_for_port(lambda: _Server(ADDRESS, handler))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def nobody_there() -> Iterator[None]:
    """Hold the port without listening: connections are refused."""

    def bound() -> socket.socket:
        held = socket.socket()
        held.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do: else the last one blocks for a minute
        try:
            held.bind(ADDRESS)
        except OSError:
            held.close()
            raise
        return held

    with _waiting_for_port(bound):
        yield


def _waiting_for_port(make):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return make()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                raise
            time.sleep(0.05)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Say nothing of clients that hang up; tests look at the client."""


class _Handler(BaseHTTPRequestHandler):
    kaggle: Kaggle

    def log_message(self, *arguments):
        """Keep quiet."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._note()
        if self.kaggle.silent:
            return self._hold()
        if self.path.endswith("/IntrospectToken"):
            known = body["token"] == TOKEN
            return self._json(200, {"active": known, "username": USER if known else ""})
        if self.headers.get("Authorization") not in _accepted():
            return self._json(401, {"code": 401, "message": "Unauthenticated"})
        if self.kaggle.refusal:
            return self._json(self.kaggle.refusal, {"code": self.kaggle.refusal, "message": "no"})
        if answer := self.kaggle.work.answer(self.path.rpartition("/")[2], body, f"http://localhost:{ADDRESS[1]}"):
            return self._json(*answer)
        slug = body.get("competitionName") or body.get("datasetSlug")
        if slug not in self.kaggle.files:
            return self._json(404, {"code": 404, "message": "Not found"})
        self.send_response(302)  # as Kaggle does, to a storage server
        self.send_header("Location", f"http://localhost:{ADDRESS[1]}/files/{slug}.zip?signed=yes")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_PUT(self):
        self._note()
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self._json(200 if self.kaggle.work.keep(self.path.rpartition("/")[2], content) else 400, {})

    def do_GET(self):
        self._note()
        if self.path.startswith("/outputs/"):
            return self._output(*self.path.split("/")[2:])
        # Before the headers are out: the client may send its next request as soon as it has them.
        cut = self.kaggle.cuts.pop(0) if self.kaggle.cuts else None
        content = self.kaggle.files[self.path.removeprefix("/files/").partition(".zip")[0]]
        begin = self._begin()
        self.send_response(206 if begin else 200)
        headers = {
            "Content-Type": "application/zip",
            "Content-Length": str(self.kaggle.announced or len(content) - begin),
            "Accept-Ranges": "bytes",
            "Last-Modified": LAST_MODIFIED,
            "ETag": self.kaggle.etag,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[begin:] if cut is None else content[begin : begin + cut])
        if cut is not None and self.kaggle.holds and self.kaggle.holds.pop(0):
            self._hold()
        self.close_connection = True

    def _output(self, slug, name):
        content = self.kaggle.work.outputs[slug][name]
        self.send_response(200)
        for header, value in {"Content-Length": str(len(content)), "Last-Modified": LAST_MODIFIED}.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(content)

    def _hold(self):
        """Say nothing until the client hangs up."""
        self.close_connection = True
        self.connection.settimeout(PATIENCE)
        self.rfile.read(1)

    def _begin(self) -> int:
        same = self.headers.get("If-Range") == self.kaggle.etag
        wanted = self.headers.get("Range")
        return int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and same else 0

    def _note(self):
        self.kaggle.requests.append((self.command, self.path, self.headers.get("Range")))

    def _json(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _accepted() -> tuple[str, str]:
    return f"Bearer {TOKEN}", "Basic " + base64.b64encode(f"{USER}:{KEY}".encode()).decode()
