"""A log that cannot be written loses only lines, and no peer can write to a terminal."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import pty
import re
import signal
import subprocess
import sys
import tty
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest
import structlog
from running import running

from zelitrio.server import logs
from zelitrio.server.log_writer import MAX_WAITING_BYTES, LogWriter
from zelitrio.server.logs import configure_logging, escape_values, escaped
from zelitrio.server.quiet_log import QuietLog

REPOSITORY = Path(__file__).parent.parent.parent
SERVER = ("-m", "bench.scripted_server", "--block-ms", "50", "--every-s", "0.001", "--blocks", "3")


@pytest.fixture
def pipe():
    ends = list(os.pipe())
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError as error:
            assert error.errno == errno.EBADF


def test_lines_are_written_whole_and_in_order(pipe):
    writer = LogWriter(pipe[1])
    for number in range(100):
        writer.write(b"line %d\n" % number)
    assert os.read(pipe[0], 1 << 16).split(b"\n")[:-1] == [b"line %d" % number for number in range(100)]
    assert writer.dropped == 0


def test_a_stalled_log_reader_costs_only_lines_and_can_continue(pipe):
    writer, line = LogWriter(pipe[1]), b"y" * 999 + b"\n"
    sent = 2 * MAX_WAITING_BYTES // len(line)
    for _ in range(sent):
        writer.write(line)  # a blocking write would never return
    assert writer.dropped > 0
    heard = b""
    while not heard.endswith(b'"lines": %d}\n' % writer.dropped):
        writer.flush()
        heard += os.read(pipe[0], 1 << 16)
    assert heard.count(line) + writer.dropped == sent


def test_a_closed_log_reader_costs_only_lines(pipe):
    os.close(pipe[0])
    writer = LogWriter(pipe[1])
    for _ in range(10):
        writer.write(b"line\n")
    assert writer.dropped == 10


@pytest.mark.parametrize("path", ["/dev/full", None])
def test_a_full_disk_and_a_closed_descriptor_cost_only_lines(path):
    descriptor = -1 if path is None else os.open(path, os.O_WRONLY)
    writer = LogWriter(descriptor)
    for _ in range(10):
        writer.write(b"line\n")
    assert writer.dropped == 10
    if path is not None:
        os.close(descriptor)


def test_a_log_whose_configuration_raises_is_counted():
    def fail(logger, method, values):
        raise ValueError("injected")

    structlog.configure(processors=[fail])
    try:
        log = QuietLog()
        log.info("one")
        log.warning("two")
        log.error("three", exc_info=ValueError("x"))
        assert log.lost == 3
    finally:
        structlog.reset_defaults()


def test_control_characters_are_escaped_and_lines_of_a_traceback_kept():
    assert escaped("zeli\x1b[31m\u202e\x07") == r"zeli\x1b[31m\u202e\x07"
    assert escaped("naïve 声") == "naïve 声"
    told = escape_values(None, "info", {"voice": "a\nb", "exception": "a\nb\x1b", "seconds": 1.5})
    assert told == {"voice": r"a\nb", "exception": "a\nb\\x1b", "seconds": 1.5}
    assert orjson.dumps(escaped("\ud800"))


def test_a_terminal_gets_no_control_sequence_of_a_peer(monkeypatch):
    terminal, ours = pty.openpty()
    tty.setraw(ours)
    with os.fdopen(ours, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(logs, "_writer", None)
        configure_logging()
        try:
            QuietLog().info("socket", voice="zeli\x1b]0;owned\x07\x1b[2J")
        finally:
            structlog.reset_defaults()
        said = os.read(terminal, 1 << 16)
    os.close(terminal)
    assert b"\x1b]0;" not in said and b"\x07" not in said and b"\x1b[2J" not in said
    assert rb"\x1b]0;owned\x07" in said


def test_rooms_that_log_by_the_standard_library_are_in_the_log(monkeypatch):
    reads, writes = os.pipe()
    rooms = logging.getLogger("zelitrio")
    with os.fdopen(writes, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(logs, "_writer", None)
        configure_logging("json")
        try:
            logging.getLogger("zelitrio.engine.models").info("voice %s: %.1f MB", "joe\x1b", 62.6)
            logging.getLogger("zelitrio.engine.models").debug("not at this level")
        finally:
            structlog.reset_defaults()
            rooms.handlers.clear()
            rooms.setLevel(logging.NOTSET)
        (line,) = os.read(reads, 1 << 16).splitlines()
    os.close(reads)
    told = orjson.loads(line)
    assert (told["event"], told["level"]) == (r"voice joe\x1b: 62.6 MB", "info")


@contextmanager
def served(redirection: str = "", stderr: int | None = None):
    """Run a server in its own process, with its standard error redirected; yield process and address."""
    process = subprocess.Popen(
        f"exec {sys.executable} {' '.join(SERVER)} {redirection}",
        shell=True,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().split()[-1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def use(url: str) -> str:
    with httpx.Client(base_url=url, trust_env=False) as http:
        for _ in range(10):
            assert http.get("/live").status_code == 200
            assert http.get("/nowhere").status_code == 404
            answer = http.post("/v1/text-to-speech/zeli-voice-1", json={"text": "A tone."})
            assert answer.status_code == 200
        return http.get("/metrics").text


def check_goes_on(process: subprocess.Popen[str], url: str) -> None:
    """Check that it serves, counts the lost lines, and ends normally."""
    assert "zelitrio_log_lines_dropped_total 0.0" not in use(url)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


@pytest.mark.slow
def test_a_server_goes_on_when_the_reader_of_its_log_has_gone(pipe):
    with served(stderr=pipe[1]) as server:
        os.close(pipe[0])
        check_goes_on(*server)


@pytest.mark.slow
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_a_server_goes_on_when_the_disk_is_full_or_there_is_no_standard_error(redirection):
    with served(redirection) as server:
        check_goes_on(*server)


@pytest.mark.slow
def test_a_server_goes_on_when_its_terminal_is_closed():
    terminal, stderr = pty.openpty()
    with served(stderr=stderr) as server:
        os.close(stderr)
        os.close(terminal)
        check_goes_on(*server)


@pytest.mark.slow
def test_a_server_whose_log_is_read_slowly_goes_on(pipe):
    fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, 4096)
    with served(stderr=pipe[1]) as (process, url):
        for _ in range(200):
            if "zelitrio_log_lines_dropped_total 0.0" not in use(url):
                break
        check_goes_on(process, url)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-request-id": "a-1.b_2"}, "a-1.b_2"),
        (
            {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
            "0af7651916cd43dd8448eb211c80319c",
        ),
        ({"x-request-id": "mine", "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}, "mine"),
        ({"x-request-id": "two\twords"}, None),
        ({"x-request-id": "x" * 129}, None),
        ({"traceparent": "00-" + "0" * 32 + "-b7ad6b7169203331-01"}, None),
        ({"traceparent": "nonsense"}, None),
        ({}, None),
    ],
)
async def test_a_request_keeps_the_name_that_its_client_gave_it(
    headers: dict[str, str], expected: str | None
) -> None:
    async with running() as server, server.http() as http:
        answer = await http.get("/v1/voices", headers=headers)
    name = answer.headers["request-id"]
    assert name == expected if expected else re.fullmatch("[0-9a-f]{24}", name)


def lines_of_a_server(*flags: str) -> list[dict[str, object]]:
    """The log lines of a process that logs one request and one text that cannot be spoken."""
    program = (
        "import structlog, sys\n"
        "from zelitrio.server import configure_logging\n"
        "from zelitrio.server.metrics import Metrics\n"
        "from scripted_engine import ScriptedEngine\n"
        "from structlog.contextvars import bind_contextvars\n"
        "configure_logging('json', sys.argv[1])\n"
        "bind_contextvars(request_id='r1')\n"
        "Metrics(ScriptedEngine(), logs_text=sys.argv[2] == 'text').text_skipped('secret words')\n"
        "structlog.get_logger().info('request')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *flags],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_text_of_clients_is_logged_only_if_asked_for() -> None:
    skipped, request = lines_of_a_server("info", "no")
    assert skipped["characters"] == 12 and "secret" not in str(skipped)
    assert lines_of_a_server("info", "text")[0]["text"] == "secret words"
    assert skipped["request_id"] == request["request_id"] == "r1"


def test_lines_below_the_level_are_not_written() -> None:
    assert [line["event"] for line in lines_of_a_server("warning", "no")] == ["text_skipped"]
