"""One request after the other, no work for a client that has left, and the used parts of hypercorn."""

from __future__ import annotations

import importlib.metadata
from contextlib import suppress

import h11
import orjson
import pytest
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.worker_context import WorkerContext
from running import KEY, VOICE, descriptors_held, hear, pcm_in, read_all, running, say, until
from scripted_engine import ScriptedEngine

SPEECH = f"/v1/text-to-speech/{VOICE}"
TEXT = "A sentence that takes a while, because the engine is slow. "
GET = b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
H2C = LAST.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\n\r\n")


def post(path: str, text: str = TEXT, *fields: str) -> bytes:
    body = orjson.dumps({"text": text})
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(head).encode() + body


def opened(server) -> int:
    """Number of streams that were opened in the engine."""
    return sum(kind == "open" for kind, *_ in server.engine.log)


# --- What is used of hypercorn ---------------------------------------------------------------------------


def test_the_version_of_hypercorn_is_the_one_that_was_read():
    assert importlib.metadata.version("hypercorn").split(".")[:2] == ["0", "18"]


@pytest.mark.parametrize(
    ("sent", "last"),
    [
        (GET, Updated(idle=True)),
        (GET + GET, Updated(idle=True)),
        (post("/live"), Updated(idle=True)),
        (LAST, Closed()),
        (b"GET /live HTTP/1.0\r\n\r\n", Closed()),
        (b"nonsense\r\n\r\n", Closed()),
    ],
)
async def test_the_protocol_says_when_a_request_is_answered_and_keeps_the_bytes_after_it(sent, last):
    said = []

    class Tasks:
        async def spawn_app(self, app, config, scope, send):
            async def answer():
                await send(
                    {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
                )
                await send({"type": "http.response.body", "body": b"ok"})
                await send(None)

            async def put(message):
                received.append(message)
                if message["type"] == "http.request" and not message["more_body"]:
                    nursery.start_soon(answer)

            return put

    async def send(event):
        if not done:
            said.append(event)
        if event in (Updated(idle=True), Closed()) and not done:
            done.append(protocol.connection.trailing_data[0])
            nursery.cancel_scope.cancel()

    received, done = [], []
    async with trio.open_nursery() as nursery:
        protocol = H11Protocol(
            None, Config(), WorkerContext(None), Tasks(), {}, False, ("127.0.0.1", 1), None, send
        )
        await protocol.handle(RawData(sent))
        await trio.sleep_forever()
    assert said[-1] == last
    if last == Updated(idle=True):
        assert done == [sent[len(GET) :] if sent.startswith(GET) else b""]
        answer = b"".join(event.data for event in said if isinstance(event, RawData))
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
        parser.send(h11.EndOfMessage())
        parser.receive_data(answer)
        assert parser.next_event().status_code == 200 and parser.next_event().data == b"ok"


# --- One at a time ---------------------------------------------------------------------------------------


async def test_pipelined_requests_are_answered_in_order_and_one_at_a_time():
    engine = ScriptedEngine(step_s=0.02)
    stream = f"{SPEECH}/stream?output_format=pcm_24000"
    async with running(engine) as server, await server.connect() as client:
        await client.send_all(post(stream) + post(stream) + LAST)
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, len(engine.lanes))
                await trio.sleep(0.005)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            answer = await read_all(client)
            nursery.cancel_scope.cancel()
    assert answer.count(b"HTTP/1.1 200") == 3 and answer.endswith(b"live\n")
    assert most == 1 and opened(server) == 2


async def test_a_client_that_left_is_not_answered():
    async with running(ScriptedEngine(step_s=0.01)) as server, server.http() as http:
        heard = []

        async def listen() -> None:
            async with server.socket() as socket:
                await say(socket, text=TEXT * 3, flush=True)
                await say(socket, text="")
                heard.append(pcm_in(await hear(socket)).tobytes())

        await listen()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            for _ in range(40):
                async with await server.connect() as client:
                    with trio.move_on_after(0.003):
                        await client.send_all(GET * (60_000 // len(GET)))
        assert heard[0] == heard[1]
        await until(lambda: server_is_quiet(server))
        counted = (await http.get("/metrics")).text
    answered = [line for line in counted.splitlines() if 'endpoint="live"' in line and "_total" in line]
    assert sum(float(line.split()[-1]) for line in answered) < 400  # of 40,000


def server_is_quiet(server) -> bool:
    return not server.engine.lanes


@pytest.mark.parametrize("path", [SPEECH, f"{SPEECH}/stream", f"{SPEECH}/with-timestamps"])
@pytest.mark.parametrize("behind", [b"", GET * 3])
async def test_a_client_that_leaves_in_mid_answer_frees_its_lane(path, behind):
    async with running(ScriptedEngine(step_s=0.3)) as server:
        async with await server.connect() as client:
            await client.send_all(post(f"{path}?output_format=pcm_24000") + behind)
            await until(lambda: server.engine.lanes)
        await until(lambda: not server.engine.lanes, 1.5)


async def test_a_pipelined_request_of_a_gone_client_is_not_spoken():
    async with running(ScriptedEngine(step_s=0.05)) as server:
        async with await server.connect() as client:
            await client.send_all(post(f"{SPEECH}/stream") * 5)
            await until(lambda: server.engine.lanes)
        await until(lambda: not server.engine.lanes, 1.5)
        await trio.sleep(0.3)
        assert opened(server) == 1


@pytest.mark.parametrize(
    "request_",
    [GET, post(SPEECH), post(f"{SPEECH}/stream"), post("/v1/audio/speech"), post("/nowhere"), GET * 5],
)
async def test_a_client_that_half_closes_after_its_request_gets_its_answer(request_):
    async with running(ScriptedEngine(step_s=0.03)) as server, await server.connect() as client:
        await client.send_all(request_)
        await client.send_eof()
        with trio.fail_after(5):
            answer = await read_all(client)
    statuses = [line[9:12] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert b"".join(statuses).replace(b"100", b"") and answer.count(b"HTTP/1.1 ") >= request_.count(
        b"HTTP/1.1"
    )
    if request_.startswith(b"POST") and b"/stream " in request_:
        assert answer.endswith(b"0\r\n\r\n")


async def test_a_kept_connection_that_is_left_gives_its_descriptor_back_at_once():
    async with running(http_idle_s=60) as server:
        before = descriptors_held()
        for _ in range(50):
            async with await server.connect() as client:
                await client.send_all(GET)
                assert b"200" in await client.receive_some()
        await until(lambda: descriptors_held() <= before)


async def test_unread_bodies_do_not_delay_the_answer():
    small = b"1\r\ny\r\n" * 20_000
    head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with running() as server, await server.connect() as client, trio.open_nursery() as nursery:

        async def send() -> None:
            with suppress(trio.BrokenResourceError):
                await client.send_all(head + small)

        nursery.start_soon(send)
        with trio.fail_after(5):
            answer = await client.receive_some()
        nursery.cancel_scope.cancel()
    assert answer.startswith(b"HTTP/1.1 404")


async def test_an_answer_before_the_end_of_a_body_says_that_the_connection_closes():
    async with running(keys=[KEY]) as server, await server.connect() as client:
        await client.send_all(post(SPEECH)[:-5])
        with trio.fail_after(5):
            answer = await read_all(client)
    assert answer.startswith(b"HTTP/1.1 401") and b"connection: close" in answer.lower()


async def test_a_body_that_expects_100_continue_gets_it():
    async with running() as server, await server.connect() as client:
        head, _, body = post(SPEECH, TEXT, "Expect: 100-continue", "Connection: close").partition(b"\r\n\r\n")
        await client.send_all(head + b"\r\n\r\n")
        with trio.fail_after(5):
            assert (await client.receive_some()).startswith(b"HTTP/1.1 100")
            await client.send_all(body)
            assert (await read_all(client)).startswith(b"HTTP/1.1 200")


# --- The front door --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET /live HTTP/3.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /live HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
        (b"\r\n\r\n" + LAST, 200),
        (
            LAST.replace(
                b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\n\r\n"
            ),
            200,
        ),
        (LAST.replace(b"/live", b"/live/"), 200),
        (LAST.replace(b"/live", b"/v1/voices/"), 200),
        (LAST.replace(b"/live", b"//nothing"), 404),
        (LAST.replace(b"/live", b"//"), 200),  # the same as /, the playground
    ],
)
async def test_the_front_door_answers(sent, status):
    async with running() as server, await server.connect() as client:
        await client.send_all(sent)
        with trio.fail_after(5):
            answer = await read_all(client)
    assert int(answer[9:12]) == status, answer
    assert b"location:" not in answer.lower()


async def test_a_folder_for_temporary_files_is_not_needed(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path / ("gone" * 40)))
    async with running() as server, server.http() as http:
        assert (await http.get("/live")).status_code == 200
    assert not list(tmp_path.iterdir())
