from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
import structlog
from tiny_voice import tiny_catalogue

import zelitrio.cli.catalogue
from zelitrio.audio import decode_file
from zelitrio.cli.app import run

READY = re.compile(
    r"zelitrio: ready at http://127\.0\.0\.1:(\d+) on cpu, voice tiny-0 and 1 more, after [\d.]+ s\n"
)


def main_with_tiny_voice(tokens: list[str]) -> None:
    """The main function of a child process: the whole server with a tiny voice."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(zelitrio.cli.catalogue, "load_voices", lambda *_, **__: tiny_catalogue())
        sys.exit(run(tokens))


@attrs.frozen(eq=False)
class Server:
    url: str
    process: subprocess.Popen[str]


@contextmanager
def serving(*flags: str, **environment: str) -> Iterator[Server]:
    here = Path(__file__).parent
    tokens = ["serve", "--port", "0", "--device", "cpu", *flags]
    with subprocess.Popen(
        [sys.executable, "-c", f"import test_cli_serve as t; t.main_with_tiny_voice({tokens})"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": f"{here}:{here.parent}:{here.parent.parent}", **environment},
    ) as process:
        try:
            assert process.stdout and process.stderr
            line = process.stdout.readline()
            found = READY.fullmatch(line)
            assert found, line
            yield Server(f"http://127.0.0.1:{found[1]}", process)
        finally:
            process.kill()


@pytest.fixture(autouse=True)
def keep_the_process_as_it_is() -> Iterator[None]:
    """Keep serving from changing the process of the tests, for example its logging."""
    interval_s = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval_s)
    structlog.reset_defaults()


def test_a_server_says_when_it_is_ready_speaks_and_ends_on_a_signal(tmp_path: Path) -> None:
    out = tmp_path / "hello.mp3"
    with serving() as server:
        with urllib.request.urlopen(f"{server.url}/ready") as answer:
            assert answer.status == 200
        assert server.process.stdout
        assert f" {server.url}/ " in server.process.stdout.readline()
        with urllib.request.urlopen(f"{server.url}/") as answer:
            assert b"playground" in answer.read()
        tokens = ["speak", "Hello there.", "--out", str(out), "--url", server.url, "--voice", "tiny-1"]
        assert run(tokens) == 0
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0
        assert server.process.stderr
        assert (
            "zelitrio: no API key is set, so only this machine can connect\n" in server.process.stderr.read()
        )
    assert len(decode_file(out, 24_000)) > 2_400


def test_a_key_from_the_environment_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "hello.pcm"
    monkeypatch.delenv("ZELITRIO_API_KEY", raising=False)
    with serving(ZELITRIO_API_KEYS="sk-one,sk-two") as server:
        tokens = ["speak", "Hello.", "--out", str(out), "--url", server.url, "--voice", "tiny-0"]
        assert run([*tokens, "--api-key", "sk-three"]) == 1
        assert "key" in capsys.readouterr().err
        assert not out.exists()
        assert run([*tokens, "--api-key", "sk-two"]) == 0
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(10) == 0
    assert out.stat().st_size > 2_400


def test_an_address_in_use_is_one_line_before_anything_is_loaded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[object] = []
    monkeypatch.setattr("zelitrio.cli.serving.load_voices", loaded.append)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["serve", "--port", str(port), "--device", "cpu"]) == 2
    expected = f"zelitrio: host and port: cannot bind 127.0.0.1:{port}: Address already in use"
    assert capsys.readouterr().err.splitlines()[-1] == expected
    assert not loaded


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--host", "0.0.0.0"], "without an API key only loopback is served"),
        (["--port", "eight"], 'Invalid value for --port: unable to convert "eight" into int'),
        (["--prot", "1"], "Unknown option: --prot. Did you mean --port?"),
        (["--dtype", "int4"], "dtype: expected one of float32, bfloat16, float16, found 'int4'"),
        (["--device", "abacus"], "device: expected auto, cpu, cuda or cuda:N, found 'abacus'"),
        (["--tls-cert", "pyproject.toml"], "--tls-cert and --tls-key: expected both or neither"),
        (["--config", "nowhere.toml"], "nowhere.toml: expected a TOML file: No such file or directory"),
        (["--device", "tpu"], "tpu"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_line(
    flags: list[str], complaint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zelitrio.cli.catalogue, "load_voices", lambda *_, **__: tiny_catalogue())
    assert run(["serve", *flags]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("zelitrio: ") and complaint in last
