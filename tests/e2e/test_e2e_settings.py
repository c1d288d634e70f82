"""Every voice setting changes the sound as README describes."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from conftest import KEY, VOICE, Server
from numpy.typing import NDArray
from pitch import pitches_hz
from sound import samples

RATE_HZ = 24_000
TEXT = "The old man walked slowly to the harbour. Did you see the boats come in this morning?"
Audio = NDArray[np.float32]


class Speaker:
    """Speaks TEXT with many settings."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def say(self, seed: int = 1, **settings: float) -> Audio:
        answer = self._http.post(
            f"/v1/text-to-speech/{VOICE}",
            params={"output_format": "pcm_24000"},
            json={"text": TEXT, "seed": seed, "voice_settings": settings},
        )
        return samples(answer.raise_for_status().content)


@pytest.fixture(scope="module")
def speaker(server: Server) -> Iterator[Speaker]:
    with httpx.Client(base_url=server.url, headers={"xi-api-key": KEY}, timeout=60) as http:
        yield Speaker(http)


def melody_range(audio: Audio) -> float:
    """Spread of the logarithm of the pitch."""
    return float(np.log(pitches_hz(audio, RATE_HZ)).std())


def level(audio: Audio) -> float:
    return float(np.sqrt((audio**2).mean()))


def test_speed_divides_the_length(speaker: Speaker) -> None:
    usual = len(speaker.say(stability=1.0))
    for speed in (0.7, 0.85, 1.2):
        assert len(speaker.say(stability=1.0, speed=speed)) == pytest.approx(usual / speed, rel=0.03)


def test_a_seed_repeats_and_another_one_varies(speaker: Speaker) -> None:
    first, again, other = speaker.say(seed=3), speaker.say(seed=3), speaker.say(seed=4)
    np.testing.assert_allclose(first, again, atol=1e-3)
    assert len(other) != len(first) or np.abs(other - first).max() > 0.05


def test_less_stability_varies_rhythm_and_melody_more(speaker: Speaker) -> None:
    rhythm, melody = [], []
    for stability in (1.0, 0.5, 0.0):
        readings = [speaker.say(seed=seed, stability=stability) for seed in range(4)]
        rhythm.append(np.std([len(audio) / RATE_HZ for audio in readings]))
        melody.append(np.std([np.log(pitches_hz(audio, RATE_HZ)).mean() for audio in readings]))
    assert rhythm[0] == 0.0 < 1.2 * rhythm[1] < rhythm[2]
    assert melody[0] < 0.001 < 1.2 * melody[1] < melody[2]


def test_style_widens_the_melody_and_raises_the_level(speaker: Speaker) -> None:
    readings = [speaker.say(stability=1.0, style=style) for style in (0.0, 0.5, 1.0)]
    wide = [melody_range(audio) for audio in readings]
    loud = [level(audio) for audio in readings]
    assert 1.2 * wide[0] < 1.1 * wide[1] < wide[2]
    assert loud[0] < loud[1] < loud[2]


def test_the_two_boosts_are_accepted_and_change_nothing(speaker: Speaker) -> None:
    usual = speaker.say(stability=1.0)
    boosted = speaker.say(stability=1.0, similarity_boost=1.0, use_speaker_boost=False)
    np.testing.assert_allclose(usual, boosted, atol=1e-3)
