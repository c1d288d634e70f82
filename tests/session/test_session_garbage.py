"""A conversation leaves no reference cycles, because a garbage collection would delay all tasks."""

from __future__ import annotations

import gc
import weakref

import pytest
import trio
from memory_socket import conversation, make_service, target
from scripted_engine import ScriptedEngine

from zelitrio.session import options as options_file
from zelitrio.session import socket as socket_file

TEXT = "Hello there, this is a sentence of some length. "


@pytest.fixture
def remains(monkeypatch: pytest.MonkeyPatch):
    """Weak references to every conversation and encoder; garbage collection is off meanwhile."""
    found: list[weakref.ref] = []
    open_encoder = options_file.open_encoder

    class Conversation(socket_file._Conversation):
        def __attrs_post_init__(self) -> None:
            super().__attrs_post_init__()
            found.append(weakref.ref(self))

    def open_and_note(*arguments):
        encoder = open_encoder(*arguments)
        found.append(weakref.ref(encoder))
        return encoder

    monkeypatch.setattr(options_file, "open_encoder", open_and_note)
    monkeypatch.setattr(socket_file, "_Conversation", Conversation)
    gc.collect()
    gc.disable()
    yield found
    gc.enable()


@pytest.mark.parametrize(
    "ending", ["it is over", "the client leaves", "a context ends", "the server is cancelled"]
)
async def test_conversations_and_their_encoders_go_without_a_collection(ending, remains, autojump_clock):
    service = make_service(ScriptedEngine(step_s=0.05))
    scope = trio.CancelScope()
    with scope:
        async with conversation(service, target(multi=True, output_format="mp3_44100_128")) as (socket, done):
            for context in "ab":
                socket.say(text=TEXT, context_id=context, flush=True)
            await trio.sleep(0.2)
            assert len([ref for ref in remains if ref() is not None]) == 3
            match ending:
                case "it is over":
                    socket.say(close_socket=True)
                    await done.wait()
                case "the client leaves":
                    socket.leave()
                    await done.wait()
                case "a context ends":
                    socket.say(context_id="a", close_context=True)
                    await trio.sleep(15)
                    assert len([ref for ref in remains if ref() is not None]) == 2
                case "the server is cancelled":
                    scope.cancel()
    del socket
    assert [ref() for ref in remains] == [None] * 3
