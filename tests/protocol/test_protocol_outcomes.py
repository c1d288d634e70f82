from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_driver import steady

from zelitrio.errors import CapacityError, EngineError, LocalError, RemoteError
from zelitrio.protocol import (
    close_frame,
    error_body,
    openai_error_body,
    outcome_of,
    read_error_body,
    to_remote_error,
)
from zelitrio.protocol.outcomes import OUTCOMES, cut_reason


@pytest.mark.parametrize(
    ("code", "close_code", "status"),
    [
        ("invalid_api_key", 1008, 401),
        ("missing_api_key", 1008, 401),
        ("voice_id_does_not_exist", 1008, 404),
        ("input_timeout_exceeded", 1008, 408),
        ("invalid_input_message", 1008, 400),
        ("max_active_conversations", 1008, 429),
        ("message_too_big", 1009, 413),
        ("missing", 1008, 422),
        ("system_busy", 1013, 429),
        ("service_restart", 1012, 503),
        ("something_went_wrong", 1011, 500),
        ("a code nobody listed", 1011, 500),
    ],
)
def test_every_code_has_its_close_code_and_status(code: str, close_code: int, status: int) -> None:
    error = RemoteError(code, "why")
    assert close_frame(error) == (close_code, "why")
    assert outcome_of(error).http_status == status


def test_close_codes_may_be_sent_and_statuses_are_errors() -> None:
    for outcome in OUTCOMES.values():
        assert outcome.close_code in {1002, 1008, 1009, 1011, 1012, 1013}
        assert 400 <= outcome.http_status < 600


@steady
@given(st.text())
def test_a_reason_is_the_longest_whole_start_that_fits(text: str) -> None:
    reason = cut_reason(text)
    assert text.startswith(reason) and len(reason.encode()) <= 123
    if reason != text:
        assert len(text[: len(reason) + 1].encode("utf-8", "replace")) > 123


def test_a_reason_survives_what_is_no_text() -> None:
    assert cut_reason("\ud800") == "?"


def test_an_error_body_serves_new_and_old_clients() -> None:
    error = RemoteError("voice_id_does_not_exist", "A voice with voice_id 'X' was not found.")
    assert error_body(error, "r") == {
        "detail": {
            "type": "not_found",
            "code": "voice_not_found",
            "message": "A voice with voice_id 'X' was not found.",
            "status": "voice_not_found",
            "request_id": "r",
        }
    }
    key = error_body(RemoteError("invalid_api_key", "Invalid API key"), "r")["detail"]
    assert (key["type"], key["code"], key["status"]) == (
        "authentication_error",
        "unauthorized",
        "invalid_api_key",
    )
    wrong_format = RemoteError("invalid_output_format", "no", param="output_format")
    assert error_body(wrong_format, "r")["detail"]["param"] == "output_format"


def test_a_missing_field_has_the_list_form() -> None:
    assert error_body(RemoteError("missing", "Field required", param="text"), "r") == {
        "detail": [{"type": "missing", "loc": ["body", "text"], "msg": "Field required", "input": None}]
    }
    assert error_body(RemoteError("json_invalid", "no"), "r")["detail"][0]["loc"] == ["body"]
    speed = RemoteError("float_type", "no", param="voice_settings.speed")
    assert error_body(speed, "r")["detail"][0]["loc"] == ["body", "voice_settings", "speed"]


def test_openai_clients_get_their_own_shape() -> None:
    assert openai_error_body(RemoteError("invalid_parameters", "no", param="input")) == {
        "error": {
            "message": "no",
            "type": "invalid_request_error",
            "param": "input",
            "code": "invalid_parameters",
        }
    }
    assert openai_error_body(RemoteError("x", "no"))["error"]["type"] == "server_error"


def test_internal_errors_are_reported_without_details() -> None:
    remote = RemoteError("x", "y")
    assert to_remote_error(remote) is remote
    assert to_remote_error(CapacityError("64 of 64 lanes")).code == "system_busy"
    for inner in (EngineError("cuda:0 lost"), LocalError("9 lanes"), ValueError("nine")):
        told = to_remote_error(inner)
        assert told.code == "something_went_wrong" and str(inner) not in told.message


@pytest.mark.parametrize("code", sorted(set(OUTCOMES) - {"voice_id_does_not_exist"}))
def test_a_client_reads_back_the_error_a_server_wrote(code: str) -> None:
    error = RemoteError(code, "because")
    read = read_error_body(outcome_of(error).http_status, json.dumps(error_body(error, "r")).encode())
    assert outcome_of(read) == outcome_of(error) or read.code == outcome_of(error).legacy_status
    assert "because" in read.message


def test_a_list_body_with_odd_parts_still_gives_an_error() -> None:
    assert read_error_body(422, b'{"detail": [{"loc": 5}]}').code == "connection_failed"
    assert read_error_body(422, b'{"detail": [{"type": "missing", "loc": ["body", 0]}]}').code == "missing"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"detail": 5}',
        b'{"detail": []}',
        b'{"detail": {}}',
        b'{"detail": [5]}',
    ],
)
def test_an_error_body_that_says_nothing_still_gives_an_error(body: bytes) -> None:
    assert read_error_body(503, body).code == "connection_failed"
    assert "503" in read_error_body(503, body).message
