"""Invalid messages, and unusual valid messages."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from protocol_driver import connect, message, only_error, opened, opened_multi, request, tell

from zelitrio.protocol import (
    Connection,
    ContextError,
    Dialect,
    Fail,
    OpenContext,
    Text,
)
from zelitrio.settings import SessionSettings, VoiceSettings

DEFAULT = (120.0, 160.0, 250.0, 290.0)
OPENED = OpenContext(None, VoiceSettings(), DEFAULT)


WRONG_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"text": 5}, "text: expected a string, found 5"),
    ({"text": ["a", "b"]}, "text: expected a string, found a list of 2"),
    ({"text": "a", "flush": "yes"}, "flush: expected true or false, found 'yes'"),
    ({"try_trigger_generation": 1}, "try_trigger_generation: expected true or false, found 1"),
    ({"voice_settings": [1]}, "voice_settings: expected an object, found a list of 1"),
    ({"voice_settings": {"speed": "fast"}}, "voice_settings.speed: expected a number, found 'fast'"),
    ({"voice_settings": {"stability": True}}, "voice_settings.stability: expected a number, found true"),
    (
        {"voice_settings": {"use_speaker_boost": {}}},
        "use_speaker_boost: expected true or false",
    ),
    ({"generation_config": "x"}, "generation_config: expected an object"),
    (
        {"generation_config": {"chunk_length_schedule": 50}},
        "chunk_length_schedule: expected a list",
    ),
    ({"generation_config": {"chunk_length_schedule": [None]}}, "generation_config.chunk_length_schedule"),
    ({"generator_config": {"chunk_length_schedule": [50] * 101}}, "at most 100 numbers, found a list of 101"),
    ({"xi_api_key": 5}, "xi_api_key: expected a string, found 5"),
    ({"pronunciation_dictionary_locators": {}}, "locators: expected a list"),
    ({"pronunciation_dictionary_locators": [5]}, "pronunciation_dictionary_id"),
    ({"pronunciation_dictionary_locators": [{}] * 11}, "at most 10"),
]


@pytest.mark.parametrize(("fields", "words"), WRONG_FIELDS)
def test_a_wrong_field_fails_a_single_socket_by_name(fields: dict[str, Any], words: str) -> None:
    connection = opened()
    (event,) = tell(connection, **fields)
    assert isinstance(event, Fail) and event.error.code == "invalid_input_message"
    assert words in event.error.message
    assert tell(connection, text="a") == []


@pytest.mark.parametrize(("fields", "words"), WRONG_FIELDS)
def test_a_wrong_field_fails_only_its_context(fields: dict[str, Any], words: str) -> None:
    connection = opened_multi("a", "b")
    (event,) = tell(connection, 5.0, context_id="a", **fields)
    assert isinstance(event, ContextError) and event.context_id == "a" and words in event.error.message
    assert tell(connection, 6.0, text="Hi", context_id="b") == [Text("b", "Hi")]
    assert tell(connection, 6.0, text="Hi", context_id="a") == [Text("a", "Hi")]


@pytest.mark.parametrize("context_id", [5, ["a"], {"a": 1}, True, "x" * 257, "x" * 10_000])
def test_a_wrong_context_id_fails_only_its_message(context_id: object) -> None:
    connection = opened_multi("a")
    (event,) = tell(connection, text="Hi", context_id=context_id)
    assert isinstance(event, ContextError) and event.context_id is None
    assert event.error.param == "context_id" and len(event.error.message) < 200
    assert tell(connection, text="Hi", context_id="a") == [Text("a", "Hi")]


def test_a_wrong_close_is_refused_too() -> None:
    connection = opened_multi("a")
    assert isinstance(tell(connection, context_id="a", close_context="yes")[0], ContextError)
    assert isinstance(tell(connection, close_socket=1)[0], ContextError)


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"\xff\xfe",
        "",
        "not json",
        '{"text": NaN}',
        '{"text": 1e999}',
        "\ud800",
        "[" * 60_000 + "]" * 60_000,
        '{"a":' * 60_000 + "1" + "}" * 60_000,
        "[]",
        "null",
        "7",
        '"text"',
        '{"text": "a"',
    ],
    ids=range(14),
)
def test_an_invalid_message_fails_the_socket(raw: str | bytes, dialect: Dialect) -> None:
    connection = connect(dialect)
    assert only_error(connection.receive(raw, 0.0)).code == "invalid_input_message"
    assert connection.deadline() is None


def test_out_of_range_numbers_are_clamped() -> None:
    (event,) = tell(
        connect(),
        text=" ",
        voice_settings={
            "stability": -1,
            "similarity_boost": 2,
            "style": 1e300,
            "speed": 0,
            "use_speaker_boost": False,
            "unknown": {},
        },
        generation_config={"chunk_length_schedule": [1, 1e9, 1e40, 77.7]},
    )
    assert event == OpenContext(
        None,
        VoiceSettings(stability=0, similarity_boost=1, style=1, speed=0.7, use_speaker_boost=False),
        (50.0, 500.0, 500.0, 77.7),
    )


def test_an_empty_schedule_is_the_default() -> None:
    assert tell(connect(), text=" ", generation_config={"chunk_length_schedule": []}) == [OPENED]
    assert tell(connect(), text=" ", generation_config={}) == [OPENED]


def test_a_key_never_appears_in_a_repr() -> None:
    (event, _) = tell(Connection(request(), SessionSettings(), 0.0), text=" ", xi_api_key="secret")
    assert "secret" not in repr(event)


def test_a_message_may_be_a_megabyte() -> None:
    text = "word " * 200_000
    assert opened().receive(message(text=text), 0.0) == [Text(None, text)]
    assert orjson.loads(opened().audio_message(None, b"a" * 700_000))["audio"]
