"""A stand-in for Kaggle's server on this machine, for the real client: signs in, redirects to files, and fails as asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ADDRESS = ("localhost", 7777)  # where the client goes with KAGGLE_API_ENVIRONMENT=TEST
LAST_MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT"


@dataclass
class Behaviour:
    """What the server does.

    Args:
        files: slug -> the archive it serves.
        status: answer to every request for a download, if not 200.
        cut_after: break off each of the first transfers after so many bytes.
        cuts: how many transfers to break off.
        ranges: what was asked for in each transfer.
    """

    files: dict[str, Path] = field(default_factory=dict)
    status: int = 200
    cut_after: int = 0
    cuts: int = 0
    ranges: list[str | None] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """Kaggle's two download calls and the files that they redirect to."""

    behaviour: Behaviour

    def log_message(self, *arguments) -> None:
        """Be quiet."""

    def do_POST(self) -> None:
        """A call of the API: its answer is a redirect to the file."""
        import json

        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        if self.behaviour.status != 200:
            return self._answer(self.behaviour.status, b'{"message": "no"}')
        slug = body.get("competitionName") or f"{body.get('ownerSlug')}/{body.get('datasetSlug')}"
        if slug not in self.behaviour.files:
            return self._answer(404, b'{"message": "not found"}')
        self.send_response(302)
        self.send_header("Location", f"http://{ADDRESS[0]}:{ADDRESS[1]}/files/{slug}.zip")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        """A file, or the rest of it from a given byte on."""
        slug = self.path.removeprefix("/files/").removesuffix(".zip").partition("?")[0]
        if slug not in self.behaviour.files:
            return self._answer(404, b"{}")
        content = self.behaviour.files[slug].read_bytes()
        asked = self.headers.get("Range")
        self.behaviour.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Content-Type", "application/zip")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"one"')
        self.send_header("Last-Modified", LAST_MODIFIED)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.behaviour.cuts > 0:
            self.behaviour.cuts -= 1
            self.wfile.write(content[start : start + self.behaviour.cut_after])
            self.wfile.flush()
            self.connection.close()
            return
        self.wfile.write(content[start:])

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Says nothing of clients that hang up."""

    allow_reuse_address = True

    def handle_error(self, request, client_address) -> None:
        """Tests look at the client."""


@contextmanager
def kaggle_server(behaviour: Behaviour) -> Iterator[Behaviour]:
    """Serve on `ADDRESS` while the block runs."""
    server = Server(ADDRESS, type("Bound", (Handler,), {"behaviour": behaviour}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield behaviour
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
