from __future__ import annotations

import json
from typing import Any

import attrs
import orjson
import pytest

from zelitrio.errors import RemoteError
from zelitrio.protocol import (
    PronunciationDictionary,
    SpeechRequest,
    error_body,
    openai_error_body,
    outcome_of,
    parse_openai_speech_request,
    parse_speech_request,
    timed_audio_line,
)
from zelitrio.protocol.speech import OpenAISpeechRequest
from zelitrio.settings import VoiceSettings


def parse(query: dict[str, str] | None = None, **fields: Any) -> SpeechRequest:
    return parse_speech_request(json.dumps(fields).encode(), query or {})


def test_text_alone_is_a_request() -> None:
    assert parse(text="Hi") == SpeechRequest(text="Hi")


def test_every_field_we_know_is_read_and_the_rest_ignored() -> None:
    read = parse(
        {"output_format": "pcm_24000", "enable_logging": "x", "enable_ssml_parsing": "True"},
        text="Hi",
        model_id="m",
        language_code="en",
        voice_settings={"speed": 2, "clone_strength": 7},
        seed=7,
        previous_text="Before.",
        next_text="After.",
        pronunciation_dictionary_locators=[{"pronunciation_dictionary_id": "d"}],
        apply_text_normalization="off",
        previous_request_ids=["a"],
        audio_effects={},
    )
    assert read == SpeechRequest(
        text="Hi",
        model_id="m",
        output_format="pcm_24000",
        voice_settings=VoiceSettings(speed=1.2),
        clamped=("speed=1.2",),
        seed=7,
        previous_text="Before.",
        next_text="After.",
        dictionaries=(PronunciationDictionary("d"),),
        normalise="off",
        language_code="en",
        enable_ssml_parsing=True,
    )


def test_nulls_are_defaults() -> None:
    nulls = dict.fromkeys(
        (
            "voice_settings",
            "seed",
            "previous_text",
            "apply_text_normalization",
            "model_id",
            "enable_ssml_parsing",
        )
    )
    assert parse(text="Hi", **nulls) == SpeechRequest(text="Hi")


def test_a_missing_text_has_the_vendors_body() -> None:
    with pytest.raises(RemoteError) as caught:
        parse(model_id="m")
    assert outcome_of(caught.value).http_status == 422
    assert error_body(caught.value, "r") == {
        "detail": [{"type": "missing", "loc": ["body", "text"], "msg": "Field required", "input": None}]
    }


@pytest.mark.parametrize(
    ("body", "kind", "loc"),
    [
        (b"", "json_invalid", ["body"]),
        (b"\xff", "json_invalid", ["body"]),
        (b"[" * 60_000, "json_invalid", ["body"]),
        (b"[]", "dict_type", ["body"]),
        (b'{"text": ""}', "string_too_short", ["body", "text"]),
        (b'{"text": " \\n "}', "string_too_short", ["body", "text"]),
        (b'{"text": 5}', "string_type", ["body", "text"]),
        (b'{"text": "a", "seed": -1}', "int_type", ["body", "seed"]),
        (b'{"text": "a", "seed": 1.5}', "int_type", ["body", "seed"]),
        (b'{"text": "a", "seed": true}', "int_type", ["body", "seed"]),
        (b'{"text": "a", "voice_settings": 5}', "dict_type", ["body", "voice_settings"]),
        (
            b'{"text": "a", "voice_settings": {"speed": "x"}}',
            "float_type",
            ["body", "voice_settings", "speed"],
        ),
        (b'{"text": "a", "apply_text_normalization": "x"}', "enum", ["body", "apply_text_normalization"]),
        (b'{"text": "a", "enable_ssml_parsing": 1}', "bool_type", ["body", "enable_ssml_parsing"]),
    ],
)
def test_a_wrong_body_is_unprocessable_and_names_the_field(body: bytes, kind: str, loc: list[str]) -> None:
    with pytest.raises(RemoteError) as caught:
        parse_speech_request(body, {})
    (detail,) = error_body(caught.value, "r")["detail"]
    assert (detail["type"], detail["loc"]) == (kind, loc)
    assert outcome_of(caught.value).http_status == 422


def parse_openai(**fields: Any) -> OpenAISpeechRequest:
    return parse_openai_speech_request(json.dumps(fields).encode())


def test_an_openai_request_is_read() -> None:
    read = parse_openai(
        input="Hi",
        voice="alloy",
        model="tts-1",
        response_format="pcm",
        speed=4,
        stream_format="sse",
        instructions="Whisper.",
    )
    assert read == OpenAISpeechRequest(
        text="Hi",
        voice="alloy",
        model="tts-1",
        response_format="pcm",
        speed=4,
        stream_format="sse",
    )
    assert parse_openai(input="Hi", stream=False) == OpenAISpeechRequest(text="Hi", is_streamed=False)
    assert parse_openai(input="Hi", voice={"id": "v"}, speed=0.25) == OpenAISpeechRequest(
        text="Hi", voice="v", speed=0.25
    )


@pytest.mark.parametrize(
    ("asked", "spoken", "tempo", "clamped"),
    [
        (None, 1.0, 1.0, ()),
        (0.7, 0.7, 1.0, ()),
        (1.2, 1.2, 1.0, ()),
        (2, 1.2, 2 / 1.2, ()),
        (0.25, 0.7, 0.25 / 0.7, ()),
        (0.1, 0.7, 0.25 / 0.7, ("speed=0.25",)),
        (-1, 0.7, 0.25 / 0.7, ("speed=0.25",)),
        (9, 1.2, 4 / 1.2, ("speed=4",)),
    ],
)
def test_a_speed_outside_the_voices_range_is_done_by_tempo(
    asked: float | None, spoken: float, tempo: float, clamped: tuple[str, ...]
) -> None:
    read = parse_openai(input="Hi", speed=asked)
    assert (read.voice_settings.speed, read.tempo, read.clamped) == (spoken, tempo, clamped)


@pytest.mark.parametrize("voice", [{}, {"voice": None}, {"voice": ""}])
def test_a_voice_may_be_missing(voice: dict[str, Any]) -> None:
    assert parse_openai(input="Hi", **voice) == OpenAISpeechRequest(text="Hi")


def test_the_format_in_the_query_goes_before_the_one_in_the_body() -> None:
    assert parse(text="Hi", output_format="pcm_8000").output_format == "pcm_8000"
    assert (
        parse({"output_format": "wav_8000"}, text="Hi", output_format="pcm_8000").output_format == "wav_8000"
    )
    assert parse({"output_format": ""}, text="Hi", output_format=None) == SpeechRequest(text="Hi")


def test_every_number_out_of_range_is_reported() -> None:
    given = {"stability": -1, "similarity_boost": 2, "style": 0.5, "speed": 0.1, "use_speaker_boost": True}
    assert parse(text="Hi", voice_settings=given).clamped == (
        "stability=0",
        "similarity_boost=1",
        "speed=0.7",
    )


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"voice": "v"}, "input", "invalid_parameters"),
        ({"input": "", "voice": "v"}, "input", "invalid_parameters"),
        ({"input": "Hi", "voice": {}}, "voice", "invalid_parameters"),
        ({"input": "Hi", "voice": 5}, "voice", "invalid_parameters"),
        ({"input": "Hi", "voice": "v", "speed": "x"}, "speed", "invalid_parameters"),
        ({"input": "Hi", "voice": "v", "stream_format": "x"}, "stream_format", "invalid_parameters"),
        ({"input": "Hi", "voice": "v", "stream": "x"}, "stream", "invalid_parameters"),
        ({"input": "Hi", "voice": "v", "response_format": "x"}, "response_format", "invalid_output_format"),
    ],
)
def test_a_wrong_openai_request_is_a_400_that_names_the_field(
    fields: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(RemoteError) as caught:
        parse_openai(**fields)
    assert outcome_of(caught.value).http_status == 400
    shown = openai_error_body(caught.value)["error"]
    assert (shown["param"], shown["code"]) == (param, code)
    with pytest.raises(RemoteError, match="not JSON"):
        parse_openai_speech_request(b"{")


@attrs.frozen
class Times:
    chars: tuple[str, ...]
    starts_ms: tuple[int, ...]
    durations_ms: tuple[int, ...]


def test_a_timed_line_counts_from_the_start_of_the_answer_and_ends_in_a_newline() -> None:
    line = timed_audio_line(b"ab", Times(("H", "i"), (0, 50), (50, 70)), None, offset_ms=1000)
    assert line.endswith(b"}\n") and line.count(b"\n") == 1
    assert orjson.loads(line) == {
        "audio_base64": "YWI=",
        "alignment": {
            "characters": ["H", "i"],
            "character_start_times_seconds": [1.0, 1.05],
            "character_end_times_seconds": [1.05, 1.12],
        },
        "normalized_alignment": None,
    }


@pytest.mark.parametrize(("sent", "read"), [(7.0, 7), (1e9, 10**9)])
def test_a_whole_number_may_be_written_with_a_point(sent: float, read: int) -> None:
    seed = parse(text="Hi", seed=sent).seed
    assert seed == read and isinstance(seed, int)
