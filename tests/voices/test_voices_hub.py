"""Voices fetched by name: from a mirror of the download site on loopback, by the real library."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from test_voices_public import write_piper

from zelitrio.errors import LocalError
from zelitrio.voices import is_name, plan

pytest.importorskip("huggingface_hub", reason="the extra `hub` is not installed")

REVISION = "0123456789abcdef0123456789abcdef01234567"
STEM = "en/en_US/tiny/medium"


class Mirror:
    """Serves repositories as the download site does."""

    def __init__(self, repositories: dict[str, dict[str, bytes]]) -> None:
        self.repositories = repositories
        self.sums: dict[str, str] = {}
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                mirror.answer(self, with_body=True)

            def do_HEAD(self) -> None:
                mirror.answer(self, with_body=False)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler, *, with_body: bool) -> None:
        path = request.path.partition("?")[0]
        for repository, files in self.repositories.items():
            if path.startswith(f"/api/models/{repository}"):
                siblings = [self.sibling(name, content) for name, content in files.items()]
                found = {"id": repository, "sha": REVISION, "siblings": siblings}
                return self.send(request, json.dumps(found).encode(), with_body=with_body)
            for revision in (REVISION, "main"):
                content = files.get(path.removeprefix(f"/{repository}/resolve/{revision}/"))
                if content is not None:
                    return self.send(request, content, with_body=with_body)
        request.send_response(404)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return None

    def sibling(self, name: str, content: bytes) -> dict[str, object]:
        found: dict[str, object] = {"rfilename": name, "size": len(content)}
        if name.endswith(".onnx"):
            sha256 = self.sums.get(name) or hashlib.sha256(content).hexdigest()
            found["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
        return found

    def send(self, request: BaseHTTPRequestHandler, content: bytes, *, with_body: bool) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        request.send_header("X-Repo-Commit", REVISION)
        request.end_headers()
        if with_body:
            request.wfile.write(content)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    path = write_piper(tmp_path / "source")
    files = {
        f"{STEM}/{path.name}": path.read_bytes(),
        f"{STEM}/{path.name}.json": path.with_name(path.name + ".json").read_bytes(),
        f"{STEM}/MODEL_CARD": b"# Model card\n\n* License: CC0\n",
        "voices.json": json.dumps(
            {"en_US-tiny-medium": {"language": {"code": "en_US"}, "quality": "medium"}}
        ).encode(),
    }
    served = Mirror({"rhasspy/piper-voices": files, "hexgrad/Kokoro-82M": {"voices/af_one.pt": b"x"}})
    thread = threading.Thread(target=served.server.serve_forever)
    thread.start()
    yield served
    served.server.shutdown()
    served.server.server_close()
    thread.join()


def voices(mirror: Mirror, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command against the mirror: the library reads its address when it is imported."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": mirror.url,
        "HF_HOME": str(home / "cache"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", "from zelitrio.cli import main; main()", "voices", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.slow
def test_a_name_is_shown_fetched_converted_listed_and_removed(mirror: Mirror, tmp_path: Path) -> None:
    home = tmp_path / "home"
    into = ("--into", str(home))
    found = voices(mirror, tmp_path, "available", "en_US")
    assert found.stdout.split()[:1] == ["piper:en_US-tiny-medium"], found.stderr
    asked = voices(mirror, tmp_path, "add", "piper:en_US-tiny-medium", *into)
    assert asked.returncode == 2
    assert "MB in all" in asked.stderr
    assert not list(home.glob("*")) if home.exists() else True
    added = voices(mirror, tmp_path, "add", "piper:en_US-tiny-medium", *into, "--yes")
    assert added.returncode == 0, added.stderr
    listed = voices(mirror, tmp_path, "list", "--voices", str(home))
    assert "en_US-tiny-medium" in listed.stdout
    shown = voices(mirror, tmp_path, "show", "en_US-tiny-medium", *into)
    assert "rhasspy/piper-voices" in shown.stdout
    assert "Licence: CC0" in shown.stdout
    again = voices(mirror, tmp_path, "add", "piper:en_US-tiny-medium", *into, "--yes")
    assert "remove it first" in again.stderr
    removed = voices(mirror, tmp_path, "remove", "en_US-tiny-medium", *into)
    assert removed.returncode == 0
    assert not list(home.glob("*"))


@pytest.mark.slow
def test_a_file_that_is_not_what_its_checksum_says_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    mirror.sums[f"{STEM}/en_US-tiny-medium.onnx"] = "0" * 64
    found = voices(mirror, tmp_path, "add", "piper:en_US-tiny-medium", "--into", str(tmp_path / "h"), "--yes")
    assert found.returncode == 1
    assert "checksum" in found.stderr
    assert not list((tmp_path / "h").glob("*")) if (tmp_path / "h").exists() else True


@pytest.mark.slow
def test_a_name_that_is_not_there_and_a_site_that_is_not_there_are_one_line(
    mirror: Mirror, tmp_path: Path
) -> None:
    missing = voices(mirror, tmp_path, "add", "piper:en_US-other-medium", "--yes")
    assert "has no en/en_US/other/medium" in missing.stderr
    mirror.url = "http://127.0.0.1:9"
    away = voices(mirror, tmp_path, "add", "piper:en_US-tiny-medium", "--yes")
    assert away.returncode == 1
    assert away.stderr.startswith("zelitrio: rhasspy/piper-voices: cannot be fetched")
    assert len(away.stderr.strip().splitlines()) == 1


def test_names_are_told_from_paths(tmp_path: Path) -> None:
    assert is_name("piper:de_DE-thorsten-medium")
    assert is_name("kokoro")
    assert not is_name(str(tmp_path))
    with pytest.raises(LocalError, match="expected piper:LANGUAGE_COUNTRY-NAME-QUALITY"):
        plan("piper:thorsten")
