"""Marks in the text change the speech: pauses, pronunciations, an open end."""

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
from pitch import pitches_hz
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
    """The longest time in which every 10 ms block is 30 dB below the loudest."""
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
        # All texts have the same length, because the length decides where a text is cut.
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


def test_an_unfinished_text_does_not_fall_at_its_end(http: httpx.Client) -> None:
    rests = say(http, "We went to the harbour")
    goes_on = say(http, "We went to the harbour", next_text="and came back late.")
    assert len(goes_on) < len(rests)
    ends = say(http, "We went to the harbour.", next_text="And we came back.")
    np.testing.assert_allclose(ends, say(http, "We went to the harbour."), atol=1e-3)


SENTENCES = (
    ("We went down to the harbour", "and came back late in the evening."),
    ("I have never seen so many people", "standing in the rain for a song."),
    ("She bought the apples and the pears", "and the bread for the whole family."),
)


def pitch_hz(audio: Audio) -> float:
    """The geometric mean of the pitch."""
    return float(np.exp(np.log(pitches_hz(audio, RATE_HZ)).mean()))


def edges_s(audio: Audio) -> tuple[float, float]:
    """Silence before and after the speech: 35 dB below its loudest 5 ms."""
    hop = RATE_HZ // 200
    levels = (audio[: len(audio) // hop * hop].reshape(-1, hop) ** 2).mean(1)
    loud = np.flatnonzero(levels > levels.max() / 10**3.5)
    return float(loud[0]) / 200, float(len(levels) - 1 - loud[-1]) / 200


def test_a_text_continues_the_previous_one(http: httpx.Client) -> None:
    alone, continued, whole, waits = [], [], [], []
    for before, after in SENTENCES:
        plain, joined = say(http, after), say(http, after, previous_text=before)
        read_at_once = say(http, f"{before} {after}")[-len(joined) :]
        waits.append((edges_s(joined)[0], edges_s(plain)[0]))
        assert np.abs(joined[:5]).max() < 0.05  # it starts without a click
        for pitches, audio in ((alone, plain), (continued, joined), (whole, read_at_once)):
            pitches.append(pitch_hz(audio[: RATE_HZ // 2]))
    joined_s, plain_s = np.mean(waits, axis=0)
    assert joined_s < plain_s - 0.005  # a sentence begins with a frame of silence (10 ms)
    # A voice begins a sentence high, so a continued sentence is lower.
    assert np.mean(continued) < 0.96 * np.mean(alone)
    assert np.mean(continued) == pytest.approx(np.mean(whole), rel=0.05)


def test_a_text_after_a_finished_sentence_begins_a_new_one(http: httpx.Client) -> None:
    text = "We came back late."
    np.testing.assert_allclose(
        say(http, text, previous_text="We went to the harbour."), say(http, text), atol=1e-3
    )


def test_an_unfinished_text_has_no_final_silence_or_fall(http: httpx.Client) -> None:
    fallen, level = [], []
    for before, after in SENTENCES:
        rests, goes_on = say(http, before), say(http, before, next_text=after)
        assert edges_s(goes_on)[1] <= 0.02 < edges_s(rests)[1]
        fallen.append(pitch_hz(rests[-RATE_HZ // 2 :]))
        level.append(pitch_hz(goes_on[-RATE_HZ // 2 :]))
    # The voices fall little at the end of a statement, so an open end is not higher than a closed one.
    assert np.mean(level) > 0.9 * np.mean(fallen)


def test_the_times_of_a_text_that_goes_on_begin_with_it(http: httpx.Client) -> None:
    before, after = SENTENCES[0]
    answer = http.post(
        f"/v1/text-to-speech/{VOICE}/with-timestamps",
        params={"output_format": "pcm_24000"},
        json={"text": after, "previous_text": before, "seed": 1},
    )
    told = answer.raise_for_status().json()
    audio = samples(base64.b64decode(told["audio_base64"]))
    alignment = told["alignment"]
    assert "".join(alignment["characters"]) == after
    assert alignment["character_start_times_seconds"][0] == 0.0
    end_s = max(alignment["character_end_times_seconds"])
    assert len(audio) / RATE_HZ - 0.15 < end_s <= len(audio) / RATE_HZ + 0.001
