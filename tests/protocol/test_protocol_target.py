from __future__ import annotations

from typing import Any

import pytest

from zelitrio.errors import RemoteError
from zelitrio.protocol import Dialect, SocketRequest, parse_socket_target, socket_url

PATH = "/v1/text-to-speech/zeli-voice-1/stream-input"


def parse(query: str = "", **headers: str) -> SocketRequest:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    found = parse_socket_target(f"{PATH}?{query}", pairs)
    assert found is not None
    return found


def test_a_bare_path_has_the_vendors_defaults() -> None:
    found = parse_socket_target(PATH, [])
    assert found == SocketRequest(dialect=Dialect.SINGLE, voice_id="zeli-voice-1")
    assert found.output_format == "mp3_44100_128" and found.inactivity_timeout_s == 20
    assert found.normalise == "auto" and found.credential is None


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/v1/text-to-speech/v",
        "/v1/text-to-speech//stream-input",
        "/v1/text-to-speech/v/stream",
        "/v1/text-to-speech/v/w/stream-input",
        "/v2/text-to-speech/v/stream-input",
        "",
        "?",
    ],
)
def test_other_paths_are_not_realtime(target: str) -> None:
    assert parse_socket_target(target, []) is None


def test_the_multi_path_and_an_escaped_voice_are_read() -> None:
    found = parse_socket_target("/v1/text-to-speech/my%20voice%2F1/multi-stream-input/", [])
    assert found is not None
    assert found.dialect is Dialect.MULTI and found.voice_id == "my voice/1"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("auto_mode=True", {"auto_mode": True}),
        ("auto_mode=FALSE", {"auto_mode": False}),
        ("auto_mode=", {"auto_mode": False}),
        ("sync_alignment=1&enable_ssml_parsing=yes", {"sync_alignment": True, "enable_ssml_parsing": True}),
        ("model_id=Ellipsis", {"model_id": "Ellipsis"}),
        ("output_format=pcm_16000", {"output_format": "pcm_16000"}),
        ("output_format=", {"output_format": "mp3_44100_128"}),
        ("language_code=en&seed=4294967295", {"language_code": "en", "seed": 2**32 - 1}),
        ("seed=", {"seed": None}),
        ("inactivity_timeout=300", {"inactivity_timeout_s": 180.0}),
        ("inactivity_timeout=0", {"inactivity_timeout_s": 1.0}),
        ("inactivity_timeout=-inf", {"inactivity_timeout_s": 1.0}),
        ("inactivity_timeout=7.5", {"inactivity_timeout_s": 7.5}),
        ("apply_text_normalization=OFF", {"normalise": "off"}),
        ("apply_text_normalization=", {"normalise": "auto"}),
        ("auto_mode=true&auto_mode=false", {"auto_mode": False}),
        ("optimize_streaming_latency=3&enable_logging=maybe&nonsense=%ff&x", {}),
        ("single_use_token=t", {"single_use_token": "t", "credential": None}),
        ("authorization=Bearer%20k", {"credential": "k"}),
        ("authorization=k", {"credential": "k"}),
    ],
)
def test_query_parameters_are_read_leniently(query: str, expected: dict[str, Any]) -> None:
    found = parse(query)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("auto_mode=perhaps", "auto_mode"),
        ("seed=-1", "seed"),
        ("seed=4294967296", "seed"),
        ("seed=1e3", "seed"),
        ("seed=" + "1" * 5000, "seed"),
        ("inactivity_timeout=soon", "inactivity_timeout"),
        ("inactivity_timeout=nan", "inactivity_timeout"),
        ("apply_text_normalization=sometimes", "apply_text_normalization"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_parameter(query: str, param: str) -> None:
    with pytest.raises(RemoteError, match=f"{param}: expected") as caught:
        parse(query)
    assert caught.value.param == param and caught.value.code == "invalid_parameters"
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("", {"xi_api_key": "a", "Authorization": "Bearer b"}, "a"),
        ("authorization=c", {"Authorization": "bearer  b "}, "b"),
        ("authorization=c", {"XI_API_KEY": " "}, "c"),
        ("authorization=c", {"Authorization": "b"}, "b"),
        ("", {"Authorization": "Bearer "}, None),
        ("", {"Accept": "a"}, None),
    ],
)
def test_the_first_credential_counts(query: str, headers: dict[str, str], expected: str | None) -> None:
    assert parse(query, **headers).credential == expected


def test_a_credential_never_appears_in_a_repr() -> None:
    assert "secret" not in repr(parse("single_use_token=secret", xi_api_key="secret"))


def test_a_url_reads_back_as_the_request_it_was_made_from() -> None:
    asked = SocketRequest(
        dialect=Dialect.MULTI,
        voice_id="a b/c",
        model_id="m",
        output_format="pcm_24000",
        language_code="en",
        inactivity_timeout_s=33.5,
        sync_alignment=True,
        auto_mode=True,
        enable_ssml_parsing=True,
        normalise="off",
        seed=7,
        single_use_token="t",
    )
    url = socket_url("https://example.org:8443/", asked)
    assert url.startswith("wss://example.org:8443/v1/text-to-speech/a%20b%2Fc/multi-stream-input?")
    assert parse_socket_target(url.removeprefix("wss://example.org:8443"), []) == asked
    plain = SocketRequest(dialect=Dialect.SINGLE, voice_id="v")
    assert socket_url("localhost:80", plain).startswith("ws://localhost:80/v1/text-to-speech/v/stream-input?")
    assert "/tts/v1/" in socket_url("ws://h/tts/", plain)
