"""A mirror of Hugging Face on loopback: repositories, parts of files, and broken connections."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REVISION = "0123456789abcdef0123456789abcdef01234567"
PIPER, KOKORO = "rhasspy/piper-voices", "hexgrad/Kokoro-82M"
_LARGE = (".onnx", ".pth", ".pt")


class Mirror:
    """Serves repositories like the download site.

    Attributes:
        repositories: for each repository, the content of each file by path.
        sums: checksums to state instead of the true ones, by path.
        licences: the licence in a repository's card.
        breaks: number of further answers that end in the middle of a large file.
        is_dead: after a broken answer, no more of a large file is sent.
        asked: method, path and range of every request.
    """

    def __init__(self, repositories: dict[str, dict[str, bytes]]) -> None:
        self.repositories = repositories
        self.sums: dict[str, str] = {}
        self.licences: dict[str, str] = {}
        self.breaks = 0
        self.is_dead = False
        self.asked: list[tuple[str, str, str]] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                mirror.answer(self)

            def do_HEAD(self) -> None:
                mirror.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        self.asked.append((request.command, path, request.headers.get("Range") or ""))
        for repository, files in self.repositories.items():
            if path in (f"/api/models/{repository}", f"/api/models/{repository}/revision/{REVISION}"):
                siblings = [self.sibling(name, content) for name, content in files.items()]
                found: dict[str, object] = {"id": repository, "sha": REVISION, "siblings": siblings}
                if licence := self.licences.get(repository):
                    found["cardData"] = {"license": licence}
                return self.send(request, json.dumps(found).encode())
            for revision in (REVISION, "main"):
                content = files.get(path.removeprefix(f"/{repository}/resolve/{revision}/"))
                if content is not None:
                    return self.send(request, content, path.endswith(_LARGE))
        request.send_response(404)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return None

    def sibling(self, name: str, content: bytes) -> dict[str, object]:
        found: dict[str, object] = {
            "rfilename": name,
            "size": len(content),
            "blobId": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
        }
        if name.endswith(_LARGE):
            sha256 = self.sums.get(name) or hashlib.sha256(content).hexdigest()
            found["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
        return found

    def send(self, request: BaseHTTPRequestHandler, content: bytes, is_large: bool = False) -> None:
        first = 0
        if wanted := re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range") or ""):
            first = int(wanted.group(1))
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(len(content) - first))
        request.send_header("X-Repo-Commit", REVISION)
        request.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        request.end_headers()
        if request.command == "HEAD":
            return
        rest = content[first:]
        if is_large and self.breaks:
            self.breaks -= 1
            request.wfile.write(b"" if self.is_dead and first else rest[: len(rest) // 2])
            request.close_connection = True
        else:
            request.wfile.write(rest)

    def parts_asked(self, ending: str) -> list[str]:
        """The requested ranges of the files with that ending."""
        return [part for method, path, part in self.asked if method == "GET" and path.endswith(ending)]


@contextmanager
def serving(repositories: dict[str, dict[str, bytes]]) -> Iterator[Mirror]:
    mirror = Mirror(repositories)
    thread = threading.Thread(target=mirror.server.serve_forever)
    thread.start()
    try:
        yield mirror
    finally:
        mirror.server.shutdown()
        mirror.server.server_close()
        thread.join()


def surroundings(url: str, home: Path, **more: str) -> dict[str, str]:
    """The environment of a command that knows only the mirror, and only its own cache."""
    return {
        **os.environ,
        "HF_ENDPOINT": url,
        "HF_HOME": str(home / "cache"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "XDG_DATA_HOME": str(home / "data"),
        **more,
    }
