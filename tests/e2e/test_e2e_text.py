"""Marks in the text are heard: pauses, pronunciations, an end that is none."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import websocket
from conftest import KEY, VOICE, Server
from numpy.typing import NDArray
from sound import samples

RATE_HZ = 24_000
Audio = NDArray[np.float32]


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"xi-api-key": KEY}, timeout=60) as http:
        yield http


def say(http: httpx.Client, text: str, **fields: Any) -> Audio:
    body = {"text": text, "seed": 1, "voice_settings": {"stability": 1.0}, **fields}
    query = {"output_format": "pcm_24000"}
    answer = http.post(f"/v1/text-to-speech/{VOICE}", params=query, json=body)
    return samples(answer.raise_for_status().content)


def longest_silence_s(audio: Audio) -> float:
    """The longest stretch without a 10 ms that is louder than 30 dB below the loudest."""
    hop = RATE_HZ // 100
    levels = (audio[: len(audio) // hop * hop].reshape(-1, hop) ** 2).mean(1)
    loud = np.flatnonzero(levels > levels.max() / 1000)
    return float(np.diff(loud).max()) / 100


def test_a_break_is_as_long_as_asked(http: httpx.Client) -> None:
    for seconds in (0.5, 1.5):
        text = f'One moment <break time="{seconds}s" /> please.'
        audio = say(http, text, enable_ssml_parsing=True)
        assert longest_silence_s(audio) == pytest.approx(seconds, abs=0.25)


def test_a_break_survives_tokens_on_a_socket(server: Server) -> None:
    query = "output_format=pcm_24000&enable_ssml_parsing=true&seed=1"
    url = f"{server.ws_url}/v1/text-to-speech/{VOICE}/stream-input?{query}"
    ws = websocket.create_connection(url, header={"xi-api-key": KEY}, timeout=20)
    text = 'One moment <break time="1.0s" /> please.'
    for piece in (" ", *(text[at : at + 3] for at in range(0, len(text), 3)), ""):
        ws.send(json.dumps({"text": piece}))
    audio = b""
    while message := ws.recv():
        audio += base64.b64decode(json.loads(message)["audio"] or "")
    ws.shutdown()
    assert longest_silence_s(samples(audio)) == pytest.approx(1.0, abs=0.25)


def test_a_phoneme_tag_says_how(http: httpx.Client) -> None:
    def tagged(alphabet: str, ph: str) -> Audio:
        # As long as each other, for the length decides where a text is cut.
        gap = " " * (40 - len(alphabet + ph))
        text = f'Say <phoneme alphabet="{alphabet}"{gap}ph="{ph}">tomato</phoneme> again.'
        return say(http, text, enable_ssml_parsing=True)

    ipa, arpabet = tagged("ipa", "təˈmɑːtoʊ"), tagged("cmu-arpabet", "T AH0 M AA1 T OW0")
    np.testing.assert_allclose(ipa, arpabet, atol=1e-3)
    plain = say(http, "Say tomato again.")
    assert len(plain) != len(ipa) or np.abs(plain - ipa).max() > 0.05


def test_normalisation_can_be_left_out(http: httpx.Client) -> None:
    usual = say(http, "Dr. Ho came.", apply_text_normalization="on")
    bare = say(http, "Dr. Ho came.", apply_text_normalization="off")
    assert abs(len(usual) - len(bare)) > 0.1 * RATE_HZ


def test_a_text_that_goes_on_does_not_come_to_rest(http: httpx.Client) -> None:
    rests = say(http, "We went to the harbour")
    goes_on = say(http, "We went to the harbour", next_text="and came back late.")
    assert len(goes_on) < len(rests)
    ends = say(http, "We went to the harbour.", next_text="And we came back.")
    np.testing.assert_allclose(ends, say(http, "We went to the harbour."), atol=1e-3)
