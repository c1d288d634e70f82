"""The rules of a connection with one context."""

from __future__ import annotations

from typing import Any

import pytest
from protocol_driver import connect, only_error, opened, request, tell

from zelitrio.protocol import (
    Authenticate,
    Connection,
    Dialect,
    EndContext,
    Event,
    OpenContext,
    PronunciationDictionary,
    Text,
    UpdateSettings,
)
from zelitrio.settings import SessionSettings, VoiceSettings

DEFAULT = (120.0, 160.0, 250.0, 290.0)
OPENED = OpenContext(None, VoiceSettings(), DEFAULT)


@pytest.mark.parametrize("name", ["authorization", "xi_api_key", "xi-api-key"])
@pytest.mark.parametrize("dialect", list(Dialect))
def test_the_first_message_may_bring_the_key(name: str, dialect: Dialect) -> None:
    connection = Connection(request(dialect), SessionSettings(), 0.0)
    events = tell(connection, text=" ", **{name: "Bearer k"})
    assert events == [Authenticate("k", None), OPENED]
    assert tell(connection, text="a", **{name: "other"}) == [Text(None, "a")]


def test_the_handshakes_key_goes_before_the_messages() -> None:
    connection = Connection(request(credential="a", single_use_token="t"), SessionSettings(), 0.0)
    assert tell(connection, text=" ", xi_api_key="b")[0] == Authenticate("a", None)


def test_a_token_counts_when_there_is_no_key_in_the_handshake() -> None:
    connection = Connection(request(single_use_token="t"), SessionSettings(), 0.0)
    assert tell(connection, text=" ", xi_api_key="later")[0] == Authenticate(None, "t")


def test_each_credential_is_checked_once() -> None:
    connection = connect()
    connection.authenticated(0.0)
    assert tell(connection, text=" ", xi_api_key="b") == [OPENED]


def test_a_peer_without_a_key_is_reported_as_such() -> None:
    connection = Connection(request(), SessionSettings(), 0.0)
    assert tell(connection, text=" ") == [Authenticate(), OPENED]


def test_a_keep_alive_before_the_key_decides_nothing_on_multi() -> None:
    connection = Connection(request(Dialect.MULTI), SessionSettings(auth_timeout_s=10), 0.0)
    assert tell(connection, 9.0, text="") == []
    assert connection.deadline() == 10.0
    assert tell(connection, 9.5, text=" ", context_id="a", xi_api_key="k")[0] == Authenticate("k", None)


def test_a_silent_unknown_peer_is_failed_at_the_deadline() -> None:
    connection = Connection(request(), SessionSettings(auth_timeout_s=3), 100.0)
    assert connection.deadline() == 103.0
    assert connection.expire(102.9) == []
    assert only_error(connection.expire(103.0)).code == "missing_api_key"
    assert connection.deadline() is None and tell(connection, 104.0, text=" ") == []


def test_a_peer_whose_key_is_not_yet_checked_has_the_time_of_an_idle_one() -> None:
    connection = Connection(request(Dialect.MULTI, credential="k"), SessionSettings(auth_timeout_s=3), 0.0)
    assert connection.deadline() == 20.0


def test_the_first_message_opens_and_its_space_is_not_speech() -> None:
    connection = connect()
    events = tell(
        connection,
        text=" ",
        voice_settings={"stability": 0.1, "style": 0.3},
        generation_config={"chunk_length_schedule": [60, 90.5]},
        pronunciation_dictionary_locators=[{"pronunciation_dictionary_id": "d", "version_id": "v"}],
    )
    settings = VoiceSettings(stability=0.1, style=0.3)
    assert events == [OpenContext(None, settings, (60.0, 90.5), (PronunciationDictionary("d", "v"),))]
    assert tell(connection, text=" ") == [Text(None, " ")]


@pytest.mark.parametrize(
    ("fields", "events"),
    [
        ({"text": "Hi. "}, [Text(None, "Hi. ")]),
        ({"text": "Hi. ", "flush": True}, [Text(None, "Hi. ", flush=True)]),
        ({"text": " ", "flush": True}, [Text(None, "", flush=True)]),
        ({"text": " ", "try_trigger_generation": True}, [Text(None, "", trigger=True)]),
        ({"flush": True}, [Text(None, "", flush=True)]),
        ({"try_trigger_generation": True}, [Text(None, "", trigger=True)]),
        ({"text": "", "flush": True}, [Text(None, "", flush=True)]),
        ({"text": ""}, [EndContext(None, discard=False)]),
        ({"text": "", "flush": False}, [EndContext(None, discard=False)]),
        ({"text": None}, []),
        ({}, []),
        ({"voice_settings": None, "generation_config": None}, []),
        ({"close_socket": True, "close_context": True, "context_id": 7, "unknown": [1]}, []),
    ],
)
def test_what_a_first_message_means(fields: dict[str, Any], events: list[Event]) -> None:
    assert tell(connect(), **fields) == [OPENED, *events]


def test_text_after_the_end_is_not_heard() -> None:
    connection = opened()
    assert tell(connection, text="") == [EndContext(None, discard=False)]
    assert tell(connection, text="more") == []
    assert connection.receive(b"\x00", 0.0) == []
    assert not connection.is_finished and connection.deadline() is None
    connection.final_message(None, 1.0)
    assert connection.is_finished


def test_repeated_settings_are_laid_over_the_old_ones() -> None:
    connection = opened()
    tell(connection, voice_settings={"stability": 0.2})
    later = tell(
        connection, text="a", voice_settings={"speed": 5}, generator_config={"chunk_length_schedule": [40]}
    )
    settings = VoiceSettings(stability=0.2, speed=1.2)
    assert later == [UpdateSettings(None, settings, (50.0,)), Text(None, "a")]
    assert tell(connection, text="b", voice_settings={"speed": 1.2}) == [Text(None, "b")]
    assert tell(connection, voice_settings={}) == []


def test_silence_fails_the_socket_in_the_vendors_words() -> None:
    connection = opened(inactivity_timeout_s=20.0)
    tell(connection, 15.0, text="a")
    assert connection.deadline() == 35.0 and connection.expire(34.9) == []
    error = only_error(connection.expire(35.0))
    assert error.code == "input_timeout_exceeded"
    assert error.message.startswith("Have not received a new text input within the timeout of 20.0 seconds.")


def test_an_authenticated_silent_peer_is_failed_too() -> None:
    assert only_error(connect().expire(20.0)).code == "input_timeout_exceeded"


def test_audio_being_made_holds_off_the_timeout() -> None:
    connection = opened()
    connection.busy(None, True, 5.0)
    assert connection.deadline() is None and connection.expire(500.0) == []
    connection.busy(None, False, 600.0)
    assert connection.deadline() == 620.0
    connection.busy("unknown", True, 600.0)
