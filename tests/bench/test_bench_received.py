from __future__ import annotations

import numpy as np
import pybase64
import pytest

from zelitrio.bench_client import ReceivedSpeech, audio_of, multi_target, stream_target
from zelitrio.bench_client.audible import audible_sample
from zelitrio.bench_client.received import seconds_of
from zelitrio.protocol import Dialect, parse_socket_target


def heard(*arrivals: tuple[float, float]) -> ReceivedSpeech:
    """Frames of these lengths at these times after the release."""
    made = ReceivedSpeech(output_format="pcm_24000")
    for at, seconds in arrivals:
        made.add(at, bytes(round(seconds * 48_000)))
    return made


def test_first_audio_counts_from_the_release() -> None:
    one = heard((10.05, 0.1), (10.1, 0.1))
    one.released_at = 10.0
    assert one.first_s == pytest.approx(0.05)
    assert one.audio_s == pytest.approx(0.2)
    assert one.gaps_s == [pytest.approx(0.05)]


def test_a_listener_that_is_always_ahead_is_never_late() -> None:
    assert heard((0.0, 0.1), (0.1, 0.5), (0.4, 0.5)).late_s == 0.0


def test_lateness_is_the_buffer_that_would_have_been_enough() -> None:
    # Dry at 0.1, the next frame comes at 0.13.  Dry again at 0.23, the next frame comes at 0.30.
    assert heard((0.0, 0.1), (0.13, 0.1), (0.30, 0.1)).late_s == pytest.approx(0.07)


@pytest.mark.parametrize(
    ("name", "size"),
    [("pcm_24000", 48_000), ("ulaw_8000", 8_000), ("mp3_44100_128", 16_000), ("pcm_44100", 88_200)],
)
def test_a_second_of_each_format(name: str, size: int) -> None:
    assert seconds_of(size, name) == 1.0


def test_the_first_audible_sample_is_found_after_silence_and_faint_noise() -> None:
    pcm = np.concatenate([np.zeros(2400), np.full(2400, 0.004), np.full(2400, 0.5)]).astype(np.float32)
    assert audible_sample(pcm) == 4800
    assert audible_sample(np.zeros(10, np.float32)) is None


def test_audible_first_audio_is_the_arrival_of_the_frame_that_holds_it() -> None:
    one = ReceivedSpeech(output_format="pcm_24000", released_at=1.0)
    one.add(1.1, bytes(4800))  # 100 ms of silence
    one.add(1.2, bytes(2400) + np.full(1200, 9000, "<i2").tobytes())
    assert one.audible() == (pytest.approx(0.2), pytest.approx(0.15))


def test_audio_is_taken_out_of_a_message_without_parsing_it() -> None:
    payload = b'{"audio":"' + pybase64.b64encode(b"\x00\x01\x02") + b'","isFinal":null,"alignment":null}'
    assert audio_of(payload) == b"\x00\x01\x02"
    assert audio_of(b'{"audio":null,"isFinal":true}') is None


def test_targets_are_those_of_the_protocol() -> None:
    for make, dialect in ((stream_target, Dialect.SINGLE), (multi_target, Dialect.MULTI)):
        request = parse_socket_target(make("zeli-voice-1", "mp3_44100_128"), [])
        assert request is not None
        assert (request.dialect, request.voice_id) == (dialect, "zeli-voice-1")
        assert request.output_format == "mp3_44100_128"
