"""The page speaks: every sample, every word at its time, and silence after a stop."""

from __future__ import annotations

import io
import statistics
from collections.abc import Callable

import av
import httpx
import numpy as np
import pytest
from browsing import Tab
from real_server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

TEXT = "The quick brown fox jumps over the lazy dog. Nobody saw it, but everyone heard."
ATTEMPTS = 3
"""On a busy machine a player can run dry or a timer come late without a fault of the page."""


def speak_whole(tab: Tab, text: str = TEXT) -> None:
    tab.choose("whole")
    tab.write(text)
    tab.page.click("#speak")


def speak_words(tab: Tab) -> None:
    tab.choose("words")
    tab.set_range("pace", 20)
    tab.write(TEXT)
    tab.page.click("#speak")


def speak_typed(tab: Tab) -> None:
    tab.choose("type")
    tab.page.click("#text")
    tab.page.keyboard.type(TEXT, delay=10)
    tab.page.click("#speak")


def pcm(tab: Tab) -> np.ndarray:
    return np.frombuffer(tab.sent(), "<i2").astype(np.float64)


@pytest.mark.parametrize("way", [speak_whole, speak_words, speak_typed])
def test_every_sample_that_is_played_was_sent(recorded: Tab, way: Callable[[Tab], None]) -> None:
    way(recorded)
    recorded.wait_state("Finished")
    sent, (_, played) = pcm(recorded), recorded.played()
    assert len(sent) > 3 * 24000
    heard = played[np.flatnonzero(played)[0] : np.flatnonzero(played)[-1] + 1]
    if recorded.figure("Underruns") == "0":
        inner = sent[np.flatnonzero(sent)[0] : np.flatnonzero(sent)[-1] + 1]
        np.testing.assert_array_equal(heard, inner)
    np.testing.assert_array_equal(heard[heard != 0], sent[sent != 0])
    shown = recorded.page.inner_text("#transcript")
    assert shown.split() == TEXT.split()
    assert recorded.page.locator(".word.timed").count() == len(TEXT.split())
    assert not recorded.complaints


def test_words_are_sent_one_by_one_and_only_unfinished_ones_wait(recorded: Tab) -> None:
    recorded.choose("type")
    recorded.page.click("#text")
    recorded.page.keyboard.type("Hello there, nobody kno")
    recorded.until("document.querySelector('#text').value === 'kno'")
    assert recorded.page.inner_text("#transcript").split() == ["Hello", "there,", "nobody"]
    recorded.page.keyboard.type("ws")
    recorded.page.keyboard.press("Enter")
    recorded.until("document.querySelectorAll('.word.said').length === 4")
    # The text has not ended, so the player waits; it still plays all its samples.
    recorded.until("document.querySelector('#figures div:last-child dd').textContent !== '0'")
    seconds = len(pcm(recorded)) / 24000
    end = 100 * seconds / max(4, seconds)
    recorded.until(f"parseFloat(document.querySelector('#playhead').style.left) > {end - 0.01}")
    recorded.page.click("#speak")
    recorded.wait_state("Finished")


def as_samples(output_format: str, data: bytes) -> np.ndarray:
    """The bytes decoded by FFmpeg, as 16-bit numbers."""
    codec, _, rate = output_format.partition("_")
    raw = {"pcm": "s16le", "ulaw": "mulaw", "alaw": "alaw"}[codec]
    with av.open(io.BytesIO(data), format=raw, options={"sample_rate": rate}) as container:
        blocks = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(blocks).astype(np.float64)


@pytest.mark.parametrize("output_format", ["pcm_16000", "pcm_48000", "ulaw_8000", "alaw_8000"])
def test_formats_without_a_codec_are_played_to_the_sample(recorded: Tab, output_format: str) -> None:
    recorded.page.select_option("#format", output_format)
    speak_whole(recorded, "Every format carries the same words.")
    recorded.wait_state("Finished")
    sent = as_samples(output_format, recorded.sent())
    _, played = recorded.played()
    np.testing.assert_array_equal(played[played != 0], sent[sent != 0])
    assert recorded.page.evaluate("window.recorded.rate") == int(output_format.partition("_")[2])


@pytest.mark.parametrize("output_format", ["mp3_44100_128", "opus_48000_64"])
def test_codecs_are_decoded_whole_and_words_keep_their_times(recorded: Tab, output_format: str) -> None:
    recorded.set_range("start", 0.3)
    recorded.page.select_option("#format", output_format)
    speak_whole(recorded, "Every format carries the same words, also this one.")
    recorded.wait_state("Finished")
    rate = int(output_format.split("_")[1])
    _, played = recorded.played()
    loud = np.flatnonzero(np.abs(played) > 300)
    heard_s = (loud[-1] - loud[0]) / rate
    alignments = [frame["alignment"] for frame in recorded.sockets[-1] if frame.get("alignment")]
    assert len(alignments) == 1
    times = alignments[0]
    solid = [at for at, char in enumerate(times["chars"]) if char.isalpha()]
    first, last = times["charStartTimesMs"][solid[0]], times["charStartTimesMs"][solid[-1]]
    spoken_s = (last + times["charDurationsMs"][solid[-1]] - first) / 1000
    assert abs(heard_s - spoken_s) < 0.25


def test_a_word_is_marked_while_it_is_heard(recorded: Tab) -> None:
    recorded.set_range("start", 0.4)
    for attempt in range(ATTEMPTS):
        recorded.page.evaluate("window.forget()")
        speak_whole(recorded)
        recorded.wait_state("Finished")
        late = lateness(recorded)
        if recorded.figure("Underruns") == "0" or attempt == ATTEMPTS - 1:
            break
    assert len(late) > 0.8 * len(TEXT.split())
    assert abs(statistics.median(late)) <= 0.08, late


def lateness(tab: Tab) -> list[float]:
    """For each marked word, the seconds from its first played sample to its mark."""
    starts = word_starts(tab)
    frame, played = tab.played()
    sent = pcm(tab)
    zero = frame + int(np.flatnonzero(played)[0] - np.flatnonzero(sent)[0])
    told = tab.page.evaluate("({ ...window.recorded, pieces: null })")
    return [
        mark["time"] - told["latency"] - (zero + starts[mark["word"]]) / 24000
        for mark in told["marks"]
        if mark["word"] in starts
    ]


def word_starts(tab: Tab) -> dict[int, float]:
    """The sample at which each word of the text begins, read from the frames of the socket."""
    starts: dict[int, float] = {}
    samples, word, was_space = 0, -1, True
    for frame in tab.sockets[-1]:
        if frame.get("alignment"):
            times = frame["alignment"]
            starts_ms = times.get("charStartTimesMs") or times["char_start_times_ms"]
            for char, start in zip(times["chars"], starts_ms, strict=True):
                if not char.isspace() and was_space:
                    word += 1
                    starts[word] = samples + start * 24
                was_space = char.isspace()
        samples += len(frame.get("audio") or "") * 3 // 4 // 2
    return starts


def test_stop_is_silence_within_a_tenth_of_a_second_and_the_server_lets_go(
    recorded: Tab, open_server: Server
) -> None:
    silences = []
    for _ in range(ATTEMPTS):
        recorded.page.evaluate("window.forget()")
        speak_whole(recorded, "This is a long text that is going to be stopped. " * 12)
        recorded.until("document.querySelectorAll('.word.said').length > 4")
        recorded.page.click("#stop")
        said = recorded.wait_state("Silence after")
        assert "The server let go after" in said
        recorded.page.wait_for_timeout(300)
        frame, played = recorded.played()
        last = (frame + int(np.flatnonzero(played)[-1])) / 24000
        silences.append(last - recorded.page.evaluate("window.recorded.stops[0]"))
    assert statistics.median(silences) <= 0.1, silences
    told = [run["silence_ms"] / 1000 for run in recorded.export()["runs"]]
    assert len(told) == ATTEMPTS and 0 < statistics.median(told) <= 0.2, told  # When heard, so a bit later.
    recorded.page.wait_for_timeout(200)
    assert metric(open_server, "zelitrio_streams_active") == 0
    assert recorded.page.is_disabled("#stop") and recorded.page.is_enabled("#speak")


def test_escape_stops_and_another_text_can_be_spoken_at_once(recorded: Tab) -> None:
    speak_whole(recorded, "One two three four five six seven eight nine ten. " * 6)
    recorded.until("document.querySelectorAll('.word.said').length > 1")
    recorded.page.keyboard.press("Escape")
    recorded.wait_state("S")
    speak_whole(recorded, "Now another text.")
    recorded.wait_state("Finished")
    assert recorded.page.inner_text("#transcript").strip() == "Now another text."


def metric(server: Server, name: str) -> float:
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def test_the_pages_first_audio_agrees_with_the_servers(tab: Tab, open_server: Server) -> None:
    apart = []
    for _ in range(ATTEMPTS):
        apart = [first_audio_apart(tab, open_server) for _ in range(7)]
        if abs(statistics.median(apart)) <= 20:
            break
    assert abs(statistics.median(apart)) <= 20, apart
    # The page shows the same figure of the server, for each run alone.
    run = tab.export()["runs"][-1]
    assert abs(run["first_byte_ms"] - run["server_first_byte_ms"] - apart[-1]) < 0.5


def first_audio_apart(tab: Tab, server: Server) -> float:
    """Milliseconds by which the page's first byte of one run is later than the server's own figure."""
    sums = [metric(server, "zelitrio_first_audio_seconds_sum")]
    speak_whole(tab, "Hello there.")
    tab.page.wait_for_timeout(400)  # Do not disturb the page while it measures.
    tab.wait_state("Finished")
    sums.append(metric(server, "zelitrio_first_audio_seconds_sum"))
    tab.until("document.querySelector('#export').disabled === false")
    return tab.export()["runs"][-1]["first_byte_ms"] - 1000 * (sums[1] - sums[0])
