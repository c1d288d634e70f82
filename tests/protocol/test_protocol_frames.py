"""The frames of the server, key by key."""

from __future__ import annotations

import base64
import json

import attrs
import pytest
from protocol_driver import opened, opened_multi

from zelitrio.errors import LocalError, RemoteError
from zelitrio.protocol import close_frame


@attrs.frozen
class Times:
    chars: tuple[str, ...]
    starts_ms: tuple[int, ...]
    durations_ms: tuple[int, ...]


HI = Times(("H", "i"), (0, 50), (50, 70))


def test_an_audio_frame_has_exactly_the_documented_keys() -> None:
    connection = opened()
    assert json.loads(connection.audio_message(None, b"\x00\xff", HI, HI)) == {
        "audio": base64.b64encode(b"\x00\xff").decode(),
        "isFinal": None,
        "normalizedAlignment": None,
        "alignment": None,
    }
    assert json.loads(connection.final_message(None, 0.0)) == {
        "audio": None,
        "isFinal": True,
        "normalizedAlignment": None,
        "alignment": None,
    }
    assert not connection.wants_alignment


def test_alignment_is_sent_if_requested() -> None:
    connection = opened(sync_alignment=True)
    frame = json.loads(connection.audio_message(None, b"", HI, Times((), (), ())))
    assert frame["alignment"] == {
        "chars": ["H", "i"],
        "charStartTimesMs": [0, 50],
        "charDurationsMs": [50, 70],
    }
    assert frame["normalizedAlignment"] is None
    assert "contextId" not in frame


@pytest.mark.parametrize("context_id", ["a", 'quote " and é \n'])
def test_frames_of_a_context_carry_its_id(context_id: str) -> None:
    connection = opened_multi(context_id)
    for text in (
        connection.audio_message(context_id, b"a", HI, HI),
        connection.error_message(RemoteError("something_went_wrong", "no"), context_id),
        connection.final_message(context_id, 0.0),
    ):
        assert json.loads(text)["contextId"] == context_id
    assert json.loads(connection.error_message(RemoteError("x", "no"))) == {
        "message": "no",
        "error": "x",
        "code": 1011,
        "contextId": None,
    }


def test_an_error_frame_has_the_close_code_and_a_reason_that_fits() -> None:
    connection = opened()
    error = RemoteError("invalid_input_message", "é" * 100)
    assert json.loads(connection.error_message(error)) == {
        "message": "é" * 100,
        "error": "invalid_input_message",
        "code": 1008,
    }
    code, reason = close_frame(error)
    assert code == 1008 and reason == "é" * 61


def test_a_second_final_frame_is_a_local_error() -> None:
    connection = opened_multi("a")
    connection.final_message("a", 0.0)
    with pytest.raises(LocalError, match="final frame"):
        connection.final_message("a", 0.0)
