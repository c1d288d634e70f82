"""The rules of a connection with many contexts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from protocol_driver import connect, only_error, opened_multi, tell

from zelitrio.errors import LocalError
from zelitrio.protocol import (
    ContextError,
    Dialect,
    EndContext,
    EndSocket,
    EvictContext,
    OpenContext,
    Text,
    UpdateSettings,
)
from zelitrio.settings import VoiceSettings

DEFAULT = (120.0, 160.0, 250.0, 290.0)
OPENED = OpenContext(None, VoiceSettings(), DEFAULT)


def test_the_default_context_has_no_name() -> None:
    connection = connect(Dialect.MULTI)
    assert tell(connection, text="Hi") == [OPENED, Text(None, "Hi")]
    assert json.loads(connection.audio_message(None, b"", None, None))["contextId"] is None
    assert tell(connection, close_context=True) == [EndContext(None, discard=True)]


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "", "context_id": "x"},
        {"context_id": "x"},
        {"context_id": "x", "flush": True},
        {"text": "", "context_id": "x", "flush": True},
        {"context_id": "x", "try_trigger_generation": True},
        {"context_id": "x", "close_context": True},
        {"text": ""},
        {"flush": True},
        {"text": "", "context_id": "x", "voice_settings": None},
    ],
)
def test_flush_keep_alive_and_close_of_an_unknown_context_do_nothing(fields: dict[str, Any]) -> None:
    connection = connect(Dialect.MULTI)
    assert tell(connection, **fields) == []
    with pytest.raises(LocalError):
        connection.final_message(fields.get("context_id"), 0.0)


@pytest.mark.parametrize("key", ["context_id", "contextId"])
def test_both_spellings_of_the_context_are_read(key: str) -> None:
    assert tell(connect(Dialect.MULTI), text="a", **{key: "x"})[0] == OpenContext(
        "x", VoiceSettings(), DEFAULT
    )


def test_settings_alone_open_a_context_and_later_ones_change_it() -> None:
    connection = connect(Dialect.MULTI)
    assert tell(connection, text="", context_id="x", voice_settings={"style": 1}) == [
        OpenContext("x", VoiceSettings(style=1), DEFAULT)
    ]
    assert tell(connection, text=" ", context_id="x", voice_settings={"style": 0.5}) == [
        UpdateSettings("x", VoiceSettings(style=0.5), DEFAULT),
        Text("x", " "),
    ]


def test_an_empty_text_keeps_a_context_alive_and_ends_nothing() -> None:
    connection = opened_multi("a")
    assert tell(connection, 19.0, text="", context_id="a") == []
    assert connection.deadline() == 39.0
    assert tell(connection, 30.0, text="") == []
    assert connection.deadline() == 39.0


def test_one_message_may_open_speak_and_close_a_context() -> None:
    assert tell(connect(Dialect.MULTI), text="Hi", context_id="a", flush=True, close_context=True) == [
        OpenContext("a", VoiceSettings(), DEFAULT),
        Text("a", "Hi", flush=True),
        EndContext("a", discard=True),
    ]


def test_a_closed_id_is_a_new_context_after_its_final_frame_and_not_before() -> None:
    connection = opened_multi("a")
    tell(connection, context_id="a", close_context=True)
    error = only_error(tell(connection, text="again", context_id="a"))
    assert "closing" in error.message and error.param == "context_id"
    for quiet in ({"flush": True}, {"text": ""}, {"close_context": True}):
        assert tell(connection, context_id="a", **quiet) == []
    connection.final_message("a", 0.0)
    assert tell(connection, text="again", context_id="a")[0] == OpenContext("a", VoiceSettings(), DEFAULT)


def test_the_sixth_context_is_refused_and_the_socket_goes_on() -> None:
    connection = opened_multi(*"abcde")
    events = tell(connection, text="Hi", context_id="f")
    assert [type(event) for event in events] == [ContextError]
    assert only_error(events).code == "max_active_conversations" and "(5)" in only_error(events).message
    with pytest.raises(LocalError):
        connection.final_message("f", 0.0)
    assert tell(connection, text="Hi", context_id="a") == [Text("a", "Hi")]


def test_the_oldest_closing_context_makes_room() -> None:
    connection = opened_multi(*"abc", max_contexts=3)
    for context_id in "cb":
        tell(connection, context_id=context_id, close_context=True)
    assert tell(connection, text=" ", context_id="d") == [
        EvictContext("b"),
        OpenContext("d", VoiceSettings(), DEFAULT),
    ]
    assert only_error(tell(connection, text="late", context_id="b")).param == "context_id"
    connection.final_message("b", 0.0)
    assert tell(connection, text=" ", context_id="e")[0] == EvictContext("c")
    assert isinstance(tell(connection, text=" ", context_id="f")[0], ContextError)


def test_an_idle_context_ends_without_the_others() -> None:
    connection = opened_multi("a")
    tell(connection, 10.0, text=" ", context_id="b")
    assert connection.deadline() == 20.0
    assert connection.expire(20.0) == [EndContext("a", discard=False)]
    assert connection.deadline() == 30.0
    connection.final_message("a", 21.0)
    assert connection.expire(31.0) == [EndContext("b", discard=False)]
    assert connection.deadline() is None


def test_an_idle_socket_is_closed_when_it_has_no_context() -> None:
    connection = opened_multi("a")
    tell(connection, context_id="a", close_context=True)
    assert connection.deadline() is None
    connection.final_message("a", 50.0)
    assert connection.deadline() == 70.0
    tell(connection, 60.0, text="")
    assert connection.deadline() == 80.0
    assert connection.expire(80.0) == [EndSocket()]
    assert connection.is_finished and tell(connection, 80.0, text="Hi", context_id="a") == []


def test_close_socket_ends_open_contexts_and_waits_for_their_final_frames() -> None:
    connection = opened_multi("a", "b")
    tell(connection, context_id="a", close_context=True)
    assert tell(connection, close_socket=True) == [EndContext("b", discard=True), EndSocket()]
    assert not connection.is_finished
    connection.final_message("a", 0.0)
    connection.final_message("b", 0.0)
    assert connection.is_finished
