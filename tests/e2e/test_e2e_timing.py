"""The told times are those of the sound, for any text and encoding."""

from __future__ import annotations

import base64
import json

import httpx
import numpy as np
import pytest
from conftest import KEY, VOICE, Server
from numpy.typing import NDArray
from sound import decoded, samples

from bench.word_ends import end_errors_ms, sentences

RATE_HZ = 24_000
SENTENCES = 8
"""`python -m bench.timing` uses fifty."""


def spoken(
    http: httpx.Client, text: str, output_format: str, voice: str = VOICE
) -> tuple[NDArray[np.float32], list[str], list[float], list[float]]:
    """The decoded audio, and the times of the text's characters."""
    answer = http.post(
        f"/v1/text-to-speech/{voice}/stream/with-timestamps",
        params={"output_format": output_format},
        json={"text": text, "seed": 7, "voice_settings": {"stability": 1.0}},
    )
    lines = [json.loads(line) for line in answer.raise_for_status().text.splitlines()]
    audio = b"".join(base64.b64decode(line["audio_base64"]) for line in lines)
    told = [line["alignment"] for line in lines if line["alignment"]]
    columns = ("characters", "character_start_times_seconds", "character_end_times_seconds")
    chars, starts, ends = ([value for part in told for value in part[name]] for name in columns)
    assert "".join(chars) == text
    pcm = samples(audio) if output_format.startswith("pcm") else decoded(audio, RATE_HZ, "mp3")
    return pcm, chars, starts, ends


@pytest.mark.parametrize(
    ("voice", "output_format"),
    [(VOICE, "pcm_24000"), (VOICE, "mp3_44100_128"), ("zeli-voice-2", "pcm_24000")],
)
def test_words_end_where_the_sound_does(server: Server, voice: str, output_format: str) -> None:
    errors: list[float] = []
    texts = sentences(SENTENCES, seed=7)
    with httpx.Client(base_url=server.url, headers={"xi-api-key": KEY}, timeout=60) as http:
        # Two sentences in one request: times of the second continue those of the first.
        for text in [*texts[2:], " ".join(texts[:2])]:
            pcm, chars, starts, ends = spoken(http, text, output_format, voice)
            errors += [error for _, error in end_errors_ms(pcm, RATE_HZ, chars, starts, ends)]
    assert len(errors) > SENTENCES
    # An n may be 20 dB down before its end, and another processor may round it to one frame (10 ms) more.
    assert sorted(np.abs(errors))[-2] <= 40.0 and np.abs(errors).max() <= 50.0, sorted(errors)
    assert abs(float(np.median(errors))) <= 10.0, sorted(errors)


def test_the_measurement_detects_wrong_times(server: Server) -> None:
    with httpx.Client(base_url=server.url, headers={"xi-api-key": KEY}, timeout=60) as http:
        pcm, chars, starts, ends = spoken(http, sentences(1, seed=7)[0], "pcm_24000")
    true = [error for _, error in end_errors_ms(pcm, RATE_HZ, chars, starts, ends)]
    for shift_s in (-0.05, 0.05):
        moved = [[at + shift_s for at in times] for times in (starts, ends)]
        found = [error for _, error in end_errors_ms(pcm, RATE_HZ, chars, *moved)]
        assert found == pytest.approx([error - 1000 * shift_s for error in true], abs=6.0)
