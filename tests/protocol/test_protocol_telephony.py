"""Messages of Vapi and jambonz, read without a server."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from zelitrio.errors import RemoteError
from zelitrio.protocol import (
    BeginReply,
    RefuseReply,
    ReplyText,
)
from zelitrio.protocol.replies import EndReply
from zelitrio.protocol.telephony import (
    JambonzConnection,
    PhoneRequest,
    check_signature,
    is_signed,
    parse_jambonz_request,
    parse_jambonz_target,
    parse_vapi_request,
)

SECRET, NOW_S = "shared", 1_795_000_000.0
BODY = b'{"message": {}}'


def vapi(**message: object) -> bytes:
    return json.dumps({"message": {"type": "voice-request", "text": "Hello.", **message}}).encode()


@pytest.mark.parametrize(
    ("body", "query", "expected"),
    [
        (vapi(sampleRate=8000), {}, PhoneRequest(text="Hello.", sample_rate_hz=8000)),
        (vapi(), {}, PhoneRequest(text="Hello.", sample_rate_hz=24_000)),
        (
            vapi(assistant={"voice": {"provider": "custom-voice", "voiceId": "a"}}, timestamp=1, call={}),
            {},
            PhoneRequest(text="Hello.", voice="a", sample_rate_hz=24_000),
        ),
        (
            vapi(assistant={"voice": {"voiceId": "a"}}),
            {"voice": "b"},
            PhoneRequest(text="Hello.", voice="b", sample_rate_hz=24_000),
        ),
        (vapi().replace(b"message", b"messsage"), {}, PhoneRequest(text="Hello.", sample_rate_hz=24_000)),
    ],
)
def test_a_voice_request_is_read(body: bytes, query: dict[str, str], expected: PhoneRequest) -> None:
    assert parse_vapi_request(body, query) == expected


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"", "json_invalid", None),
        (b"[]", "dict_type", None),
        (b"{}", "missing", "message"),
        (b'{"message": 7}', "dict_type", "message"),
        (b'{"message": {"text": "a"}}', "missing", "message.type"),
        (vapi(type="end-of-call-report"), "enum", "message.type"),
        (vapi(text=None), "missing", "message.text"),
        (vapi(text=" \n"), "string_too_short", "message.text"),
        (vapi(text=7), "string_type", "message.text"),
        (vapi(sampleRate=7999), "int_type", "message.sampleRate"),
        (vapi(sampleRate="8000"), "int_type", "message.sampleRate"),
        (vapi(assistant=[]), "dict_type", "message.assistant"),
        (vapi(assistant={"voice": {"voiceId": 7}}), "string_type", "message.assistant.voice.voiceId"),
    ],
)
def test_a_wrong_voice_request_names_the_field(body: bytes, code: str, param: str | None) -> None:
    with pytest.raises(RemoteError) as refused:
        parse_vapi_request(body, {})
    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"text": "Hi."}, PhoneRequest(text="Hi.")),
        (
            {"language": "en-US", "voice": "v", "type": "ssml", "text": "<speak>Hi.</speak>"},
            PhoneRequest(text="<speak>Hi.</speak>", voice="v", language="en-US", is_ssml=True),
        ),
        ({"text": "Hi.", "voice": "", "language": ""}, PhoneRequest(text="Hi.")),
    ],
)
def test_a_jambonz_request_is_read(body: dict[str, str], expected: PhoneRequest) -> None:
    assert parse_jambonz_request(json.dumps(body).encode()) == expected


@pytest.mark.parametrize(
    ("body", "param"), [({}, "text"), ({"text": ""}, "text"), ({"text": "a", "type": "html"}, "type")]
)
def test_a_wrong_jambonz_request_names_the_field(body: dict[str, str], param: str) -> None:
    with pytest.raises(RemoteError) as refused:
        parse_jambonz_request(json.dumps(body).encode())
    assert refused.value.param == param


def signed(timestamp: str | None = None, secret: str = SECRET, name: str = "x-signature") -> dict[str, str]:
    text = BODY if timestamp is None else f"{timestamp}.".encode() + BODY
    headers = {name: hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()}
    return headers if timestamp is None else {**headers, "x-timestamp": timestamp}


@pytest.mark.parametrize(
    "headers",
    [
        signed(),
        signed(name="x-vapi-signature"),
        signed("1795000000"),
        signed("1794999999123"),
        signed("2026-11-18T11:06:40+00:00"),
        {"x-signature": "sha256=" + signed()["x-signature"].upper()},
    ],
)
def test_a_right_signature_is_accepted(headers: dict[str, str]) -> None:
    assert is_signed(headers)
    check_signature(headers, BODY, SECRET, NOW_S)


@pytest.mark.parametrize(
    "headers",
    [
        signed(secret="other"),
        signed("1795000000", secret="other"),
        {**signed("1795000000"), "x-timestamp": "1795000001"},
        {"x-signature": ""},
        {"x-signature": "é"},
        signed("1794999000"),  # recorded a while ago
        signed("1795001000000"),
        signed("yesterday"),
        signed("²"),
    ],
)
def test_a_wrong_or_old_signature_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(RemoteError) as refused:
        check_signature(headers, BODY, SECRET, NOW_S)
    assert refused.value.code == "invalid_api_key"


def test_another_body_has_another_signature() -> None:
    with pytest.raises(RemoteError):
        check_signature(signed(), BODY + b" ", SECRET, NOW_S)


def test_a_jambonz_socket_is_known_by_its_path() -> None:
    headers = [("authorization", "Bearer sk-1")]
    target = parse_jambonz_target("/v1/jambonz/stream?voice=a%2Bb&language=en-US&sampleRate=8000", headers)
    assert target is not None
    assert (target.voice, target.language, target.sample_rate_hz) == ("a+b", "en-US", 8000)
    assert target.credential == "sk-1"
    bare = parse_jambonz_target("/v1/jambonz/stream/", [])
    assert bare is not None
    assert (bare.voice, bare.sample_rate_hz, bare.credential) == (None, 24_000, None)
    assert parse_jambonz_target("/v1/jambonz/streams", []) is None


@pytest.mark.parametrize("rate", ["fast", "0", "-8000", "8000.5", "７999", "96000", "1" * 5000, "²"])
def test_a_rate_that_is_not_for_telephones_is_refused(rate: str) -> None:
    with pytest.raises(RemoteError) as refused:
        parse_jambonz_target(f"/v1/jambonz/stream?sampleRate={rate}", [])
    assert (refused.value.code, refused.value.param) == ("invalid_parameters", "sampleRate")


def test_messages_of_a_call_become_replies() -> None:
    connection = JambonzConnection()
    script = [
        {"type": "keepalive"},
        {"type": "flush"},
        {"type": "stream", "text": ""},
        {"type": "stream", "text": "One "},
        {"type": "stream", "text": "two."},
        {"type": "flush"},
        {"type": "something-new", "data": {}},
        {"type": "stream", "text": "Three."},
    ]
    events = [event for message in script for event in connection.receive(json.dumps(message))]
    expected = [
        BeginReply(),
        ReplyText("One "),
        ReplyText("two."),
        EndReply(),
        BeginReply(),
        ReplyText("Three."),
    ]
    assert events == expected
    assert not connection.is_stopped
    assert connection.receive('{"type": "stop"}') == []
    assert connection.is_stopped


@pytest.mark.parametrize(
    "message", ["", "[]", "{}", '{"type": 7}', '{"type": "stream"}', '{"type": "stream", "text": 7}', b"{}"]
)
def test_a_wrong_message_is_refused_and_the_socket_goes_on(message: str | bytes) -> None:
    connection = JambonzConnection()
    [refused] = connection.receive(message)
    assert isinstance(refused, RefuseReply)
    assert refused.error.code == "invalid_input_message"
    assert connection.receive('{"type": "stream", "text": "Hi."}') == [BeginReply(), ReplyText("Hi.")]
