"""Messages of the clients, and their events for the answers."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from echo_server import EchoServer, accepting, serving
from trio_websocket import WebSocketConnection

from zelitrio.client import ClientAudio, ClientFailure, ClientFinal, open_client, open_multi_client
from zelitrio.errors import LocalError, RemoteError
from zelitrio.protocol import (
    CharTimes,
    OpenContext,
)
from zelitrio.settings import VoiceSettings


async def test_text_goes_in_and_audio_comes_out() -> None:
    server = EchoServer()
    async with serving(server.handle) as url, open_client(url) as client:
        await client.send_text("Hello there. ")
        await client.send_text("")
        await client.send_text("This is flushed. ", flush=True)
        assert (await anext(client)).audio == b"Hello there. This is flushed. "
        await client.send_text("", flush=True)
        await client.flush()
        await client.send_text("The end.")
        await client.end()
        assert [part async for part in client] == [ClientAudio(b"The end.")]
        assert [part async for part in client] == []
    assert server.requests[0].output_format == "mp3_44100_128"


async def test_options_reach_the_server() -> None:
    server = EchoServer(key="k")
    settings = VoiceSettings(speed=1.1)
    opening: dict[str, Any] = {"settings": settings, "chunk_schedule": (60.0, 70.0), "seed": 7}
    async with (
        serving(server.handle) as url,
        open_client(
            url,
            api_key="k",
            voice_id="a b",
            output_format="pcm_24000",
            sync_alignment=True,
            **opening,
        ) as client,
    ):
        await client.send_text("Hi")
        await client.end()
        (part,) = [part async for part in client]
    assert part == ClientAudio(b"Hi", CharTimes(("H",), (0,), (10,)), CharTimes(("H",), (0,), (10,)))
    (asked,) = server.requests
    assert (asked.voice_id, asked.output_format, asked.seed, asked.credential) == ("a b", "pcm_24000", 7, "k")
    assert server.opened == [OpenContext(None, settings, (60.0, 70.0))]


async def test_an_error_frame_is_raised_with_its_code() -> None:
    async def refuse(websocket: WebSocketConnection) -> None:
        await websocket.get_message()
        await websocket.send_message('{"message":"Invalid API key","error":"invalid_api_key","code":1008}')
        await websocket.aclose(1008, "Invalid API key")

    async with serving(accepting(refuse)) as url, open_client(url, api_key="bad") as client:
        with pytest.raises(RemoteError, match="Invalid API key") as caught:
            await anext(client)
        assert caught.value.code == "invalid_api_key"


async def test_a_send_into_a_refused_stream_raises_the_servers_error() -> None:
    async def refuse(websocket: WebSocketConnection) -> None:
        await websocket.get_message()
        await websocket.send_message('{"message":"no such voice","error":"voice_id_does_not_exist"}')
        await websocket.aclose(1008, "no such voice")

    async with serving(accepting(refuse)) as url, open_client(url) as client:
        with pytest.raises(RemoteError) as caught:
            for _ in range(100):
                await client.send_text("Hello. ")
                await trio.sleep(0.01)
        assert caught.value.code == "voice_id_does_not_exist"
        with pytest.raises(RemoteError):
            await anext(client)


@pytest.mark.parametrize("code", [1000, 1011, None])
async def test_a_close_before_the_end_is_an_error(code: int | None) -> None:
    async def vanish(websocket: WebSocketConnection) -> None:
        await websocket.get_message()
        await websocket.send_message('{"audio":"YWI="}')
        if code is not None:
            await websocket.aclose(code, "because")

    async with serving(accepting(vanish)) as url, open_client(url) as client:
        assert (await anext(client)).audio == b"ab"
        with pytest.raises(RemoteError) as caught:
            await anext(client)
        assert caught.value.code == "connection_closed"


async def test_an_invalid_frame_is_raised() -> None:
    async def babble(websocket: WebSocketConnection) -> None:
        await websocket.send_message("hello")
        await websocket.get_message()
        await trio.sleep_forever()

    async with serving(accepting(babble)) as url, open_client(url) as client:
        with pytest.raises(RemoteError) as caught:
            await anext(client)
        assert caught.value.code == "invalid_server_message"


async def test_a_send_that_was_cancelled_leaves_a_client_that_only_closes() -> None:
    release = trio.Event()

    async def stall(websocket: WebSocketConnection) -> None:
        await release.wait()

    async with serving(accepting(stall)) as url, open_client(url) as client:
        with trio.move_on_after(0.3) as scope:
            while True:
                await client.send_text("x" * 500_000)
        assert scope.cancelled_caught
        with pytest.raises(LocalError, match="cancelled"):
            await client.send_text("more")
        release.set()


async def test_leaving_early_closes_the_socket() -> None:
    server = EchoServer()
    async with serving(server.handle) as url:
        async with open_client(url) as client:
            for _ in range(5):
                await client.send_text("Hello. ", flush=True)
            await anext(client)
        with trio.fail_after(2):
            await server.closed.wait()
    assert server.close_code == 1000


async def test_calls_after_the_end_are_refused() -> None:
    async with serving(EchoServer().handle) as url, open_client(url) as client:
        await client.end()
        with pytest.raises(LocalError):
            await client.send_text("more")


async def test_contexts_share_a_socket() -> None:
    async with serving(EchoServer(key="k").handle) as url, open_multi_client(url, api_key="k") as client:
        await client.open_context("a", settings=VoiceSettings(style=1))
        await client.open_context("b")
        await client.send_text("a", "Hello from a. ")
        await client.send_text("a", "")
        await client.send_text("b", "Hello from b. ", flush=True)
        await client.send_text("a", "", flush=True)
        await client.open_context("c")
        await client.close_context("a")
        await client.end()
        events = [event async for event in client]
    assert [(type(event), event.context_id) for event in events] == [
        (ClientAudio, "b"),
        (ClientAudio, "a"),
        (ClientFailure, "c"),
        (ClientFinal, "a"),
        (ClientFinal, "b"),
    ]
    failure = events[2]
    assert isinstance(failure, ClientFailure) and failure.error.code == "max_active_conversations"


async def test_an_error_of_the_whole_socket_is_raised_from_many_contexts_too() -> None:
    async def refuse(websocket: WebSocketConnection) -> None:
        await websocket.send_message(
            '{"message":"m","error":"something_went_wrong","code":1011,"contextId":null}'
        )
        await websocket.aclose(1011, "m")

    async with serving(accepting(refuse)) as url, open_multi_client(url) as client:
        with pytest.raises(RemoteError) as caught:
            await anext(client)
        assert caught.value.code == "something_went_wrong"
        with pytest.raises(RemoteError):
            await anext(client)
