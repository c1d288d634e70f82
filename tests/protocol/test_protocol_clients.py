"""The message sequences of real clients, read or recorded from their releases."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from protocol_driver import Listener, connect, schedule

from zelitrio.protocol import Dialect, EndSocket, parse_socket_target

SCHEDULE_50 = {"chunk_length_schedule": [50]}
Script = list[dict[str, Any]]
WORDS = "Hello there. This streams as I type.".split()

DOCUMENTED: Script = [
    {
        "text": " ",
        "voice_settings": {"stability": 0.5, "style": 0.3},
        "generation_config": {"chunk_length_schedule": [120, 160, 250, 290]},
        "authorization": "Bearer sk-zeli-1",
    },
    {"text": "Hello there. "},
    {"text": "This streams as I type. "},
    {"text": ""},
]
# elevenlabs 2.78 convert_realtime: every message has try_trigger_generation.
PYTHON_SDK: Script = [
    {"text": " ", "try_trigger_generation": True, "voice_settings": None, "generation_config": SCHEDULE_50},
    *(
        {"text": word + " ", "try_trigger_generation": True}
        for word in "Hello there. This streams as I type.".split()
    ),
    {"text": ""},
]
# vocode 0.1.113: text, settings and key in the first message.
VOCODE: Script = [
    {
        "text": "Hello there. ",
        "voice_settings": {"stability": 0.5, "similarity_boost": 0.75},
        "generation_config": SCHEDULE_50,
        "xi_api_key": "k",
        "try_trigger_generation": True,
        "flush": True,
    },
    {"text": "This streams as I type. ", "try_trigger_generation": True, "flush": True},
    {"text": ""},
]
# pipecat 0.0.60: keeps the socket alive with a space, flushes with one.
OLD_PIPECAT: Script = [
    {"text": " ", "voice_settings": {"stability": 0.5}, "xi_api_key": "k"},
    {"text": " "},
    {"text": "Hello there. "},
    {"text": "This streams as I type. "},
    {"text": " ", "flush": True},
    {"text": " "},
    {"text": ""},
]
# livekit 1.2.6 and before.
OLD_LIVEKIT: Script = [
    {
        "text": " ",
        "voice_settings": {},
        "generation_config": {"chunk_length_schedule": [80, 120, 200, 260]},
    },
    {"text": "Hello there. "},
    {"text": "This streams as I type. "},
    {"text": "", "flush": True},
    {"text": ""},
]
# The seven messages of pipecat 1.14 for one turn, keep-alives between them.
PIPECAT: Script = [
    {"text": ""},
    {"text": " ", "context_id": "turn", "voice_settings": {"stability": 0.5, "speed": 1.1}},
    {"text": "", "context_id": "turn"},
    {"text": "Hello there.", "context_id": "turn"},
    {"text": "This streams as I type.", "context_id": "turn"},
    {"context_id": "turn", "flush": True},
    {"context_id": "turn", "close_context": True},
]
LIVEKIT: Script = [
    {"text": " ", "voice_settings": {}, "context_id": "turn"},
    {"text": "Hello there. ", "context_id": "turn", "flush": True},
    {"text": "This streams as I type. ", "context_id": "turn", "flush": True},
    {"text": "", "context_id": "turn", "flush": True},
    {"context_id": "turn", "close_context": True},
]
SINGLE = {
    "documented": DOCUMENTED,
    "python sdk": PYTHON_SDK,
    "vocode": VOCODE,
    "old pipecat": OLD_PIPECAT,
    "old livekit": OLD_LIVEKIT,
}
MULTI = {"pipecat": PIPECAT, "livekit": LIVEKIT}


@pytest.mark.parametrize("script", SINGLE.values(), ids=SINGLE.keys())
@pytest.mark.parametrize("auto_mode", [False, True])
def test_single_context_clients_are_spoken_whole_and_ended_once(script: Script, auto_mode: bool) -> None:
    listener = Listener(connect(auto_mode=auto_mode)).play(script)
    assert listener.words() == [WORDS]
    assert listener.contexts[0][1].is_final
    assert listener.connection.is_finished


@pytest.mark.parametrize("script", MULTI.values(), ids=MULTI.keys())
@pytest.mark.parametrize("auto_mode", [False, True])
def test_multi_context_clients_are_spoken_whole_and_the_socket_stays(script: Script, auto_mode: bool) -> None:
    listener = Listener(connect(Dialect.MULTI, auto_mode=auto_mode)).play(script).play(script)
    assert listener.words("turn") == [WORDS, WORDS]
    assert all(spoken.is_final for _, spoken in listener.contexts)
    assert not listener.connection.is_finished
    assert listener.play([{"close_socket": True}]).connection.is_finished


def _texts(script: Script) -> list[str]:
    return [fields["text"] for fields in script if fields.get("text", "").strip()]


def _spoken_in(pieces: list[list[str]], **options: Any) -> list[str]:
    """Words of the chunks of pieces, each cut into slices as given."""
    made = schedule(**options)
    chunks = []
    for slices in pieces:
        for position, text in enumerate(slices):
            chunks += made.feed(text, 0.0, continues=position > 0)
    chunks += made.end(0.0)
    return " ".join(chunk.text for chunk in chunks).split()


@pytest.mark.parametrize("script", [*SINGLE.values(), *MULTI.values()], ids=[*SINGLE, *MULTI])
def test_a_script_says_the_same_character_by_character(script: Script) -> None:
    made = schedule()
    chunks = [chunk for text in _texts(script) for char in text for chunk in made.feed(char, 0.0)]
    chunks += made.end(0.0)
    assert "".join(chunk.text for chunk in chunks).split() == WORDS


@pytest.mark.parametrize("script", [*SINGLE.values(), *MULTI.values()], ids=[*SINGLE, *MULTI])
def test_a_script_says_the_same_in_random_cuts(script: Script) -> None:
    chance = random.Random(7)
    for _ in range(50):
        pieces = []
        for text in _texts(script):
            cuts = sorted(chance.randrange(len(text) + 1) for _ in range(chance.randrange(6)))
            bounds = [0, *cuts, len(text)]
            pieces.append([text[a:b] for a, b in itertools.pairwise(bounds) if a < b])
        made = schedule(schedule_chars=(chance.choice([50, 120]),))
        chunks = [chunk for slices in pieces for part in slices for chunk in made.feed(part, 0.0)]
        chunks += made.end(0.0)
        assert "".join(chunk.text for chunk in chunks).split() == WORDS
        assert _spoken_in(pieces) == WORDS


def test_a_pipecat_barge_in_drops_what_was_never_flushed() -> None:
    listener = Listener(connect(Dialect.MULTI)).play(
        [
            {"text": " ", "context_id": "a"},
            {"text": "This will never be heard", "context_id": "a"},
            {"context_id": "a", "close_context": True},
            {"text": " ", "context_id": "b"},
            {"text": "But this will.", "context_id": "b"},
            {"context_id": "b", "flush": True},
            {"context_id": "b", "close_context": True},
        ]
    )
    assert listener.words("a") == [[]]
    assert listener.words("b") == [["But", "this", "will."]]


def test_an_idle_livekit_socket_with_its_own_url_lives_three_minutes() -> None:
    target = (
        "/v1/text-to-speech/v/multi-stream-input?model_id=eleven_turbo_v2_5&output_format=mp3_22050_32"
        "&enable_ssml_parsing=false&enable_logging=true&inactivity_timeout=180"
        "&apply_text_normalization=auto&sync_alignment=true&auto_mode=true"
    )
    parsed = parse_socket_target(target, [("xi-api-key", "k")])
    assert parsed is not None and parsed.auto_mode and parsed.output_format == "mp3_22050_32"
    connection = connect(Dialect.MULTI, inactivity_timeout_s=parsed.inactivity_timeout_s)
    assert connection.expire(179.9) == []
    assert connection.expire(180.0) == [EndSocket()]
