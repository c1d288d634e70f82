"""The contract of every encoder, checked by decoding its output with FFmpeg's decoders."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Sequence

import av
import numpy as np
from numpy.typing import NDArray

from zelitrio.audio import AudioFormat, open_encoder

INPUT_RATE_HZ = 24_000
Samples = NDArray[np.float32]

# Audio that must be put in before the first bytes come out, in 20 ms pieces.
FIRST_BYTE_MS = {"pcm": 20, "wav": 20, "ulaw": 20, "alaw": 20, "mp3": 60, "opus": 40, "aac": 60, "m4a": 80}
FIRST_BYTE_MS["flac"] = 100
# Samples of padding a codec may add after the end.
LARGEST_TAIL_SAMPLES = {"mp3": 2 * 1152, "aac": 2 * 1024, "m4a": 1024}


def tone(hz: float, seconds: float, rate_hz: int = INPUT_RATE_HZ, level: float = 0.3) -> Samples:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def burst(at_s: float, seconds: float, rate_hz: int = INPUT_RATE_HZ) -> Samples:
    """Silence with 60 ms of a chirp around `at_s`, to locate in decoded audio."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz - at_s
    return (0.5 * np.exp(-((t / 0.03) ** 2)) * np.sin(2 * np.pi * (600 * t + 4000 * t * t))).astype(
        np.float32
    )


def encode_in_cuts(
    audio_format: AudioFormat, pcm: Samples, cuts: Iterable[int], input_rate_hz: int = INPUT_RATE_HZ
) -> list[bytes]:
    """Encode one piece per call; the last item is the output of `flush`."""
    encoder = open_encoder(audio_format, input_rate_hz)
    edges = [0, *cuts, len(pcm)]
    packets = [encoder.encode(pcm[start:stop]) for start, stop in itertools.pairwise(edges)]
    packets.append(encoder.flush())
    assert encoder.flush() == b""
    return packets


def decode(audio_format: AudioFormat, data: bytes) -> NDArray[np.float64]:
    """Decode a whole stream as a client does: by its header, or by the format's name if it has no header."""
    if audio_format.codec == "pcm":
        return np.frombuffer(data, "<i2") / 32768
    raw = {"ulaw": "mulaw", "alaw": "alaw"}.get(audio_format.codec)
    options = {"sample_rate": str(audio_format.sample_rate_hz)} if raw else {}
    blocks: list[NDArray[np.float64]] = []
    with av.open(io.BytesIO(data), format=raw, options=options) as container:
        stream = container.streams.audio[0]
        for frame in container.decode(stream):
            assert frame.sample_rate == audio_format.sample_rate_hz
            assert frame.layout.nb_channels == 1
            block = frame.to_ndarray().reshape(-1)
            blocks.append(block / 32768 if block.dtype == np.int16 else block.astype(np.float64))
    return np.concatenate(blocks)


def lag_samples(heard: NDArray[np.float64], meant: Samples, rate_hz: int) -> int:
    """The delay of the decoded sound in samples, by cross-correlation."""
    times_s = np.arange(len(heard)) / rate_hz
    wanted = np.interp(times_s, np.arange(len(meant)) / INPUT_RATE_HZ, meant)
    size = 2 * len(heard)
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    lag = int(np.argmax(np.fft.irfft(spectrum, size)))
    return lag if lag < size // 2 else lag - size


def strongest_hz(heard: NDArray[np.float64], rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    return float(np.argmax(spectrum)) * rate_hz / len(heard)


def energy_above_db(heard: NDArray[np.float64], rate_hz: int, above_hz: float) -> float:
    """Energy above a frequency, relative to the total: clicks have much of it, low tones do not."""
    power = np.abs(np.fft.rfft(heard * np.blackman(len(heard)))) ** 2
    high = np.fft.rfftfreq(len(heard), 1 / rate_hz) >= above_hz
    return float(10 * np.log10(power[high].sum() / power.sum() + 1e-20))


def check_encoder(audio_format: AudioFormat, random_cuts: Sequence[Sequence[int]]) -> None:
    """Check the contract of all encoders; `random_cuts` are ways to cut one second of samples."""
    rate_hz = audio_format.sample_rate_hz
    encoder = open_encoder(audio_format, INPUT_RATE_HZ)
    pcm = burst(0.4, 1.0)
    heard = decode(audio_format, b"".join(encode_in_cuts(audio_format, pcm, [])))

    # Nothing is lost, and little is added.
    wanted_samples = rate_hz + encoder.delay_samples
    assert wanted_samples <= len(heard) <= wanted_samples + LARGEST_TAIL_SAMPLES.get(audio_format.codec, 1)
    # The sound has the delay that `delay_samples` states.
    assert abs(lag_samples(heard, pcm, rate_hz) - encoder.delay_samples) <= 1
    # A tone keeps its pitch and its level.
    sung = decode(audio_format, b"".join(encode_in_cuts(audio_format, tone(440, 1.0), [])))
    middle = sung[len(sung) // 4 : len(sung) // 4 * 3]
    assert abs(strongest_hz(middle, rate_hz) - 440) <= 3
    assert abs(np.sqrt(np.mean(middle**2)) * np.sqrt(2) - 0.3) <= 0.02
    # Every cut of the input gives the same sound.
    for cuts in random_cuts:
        assert np.array_equal(heard, decode(audio_format, b"".join(encode_in_cuts(audio_format, pcm, cuts))))
    # The first bytes come early and contain sound.
    pieces = encode_in_cuts(audio_format, tone(440, 0.2), range(480, 4800, 480))
    first = next(index for index, piece in enumerate(pieces) if piece)
    assert (first + 1) * 20 <= FIRST_BYTE_MS[audio_format.codec]
    # The stated duration is right.  FFmpeg finds no MP3 in a single frame.
    encoder, data = open_encoder(audio_format, INPUT_RATE_HZ), b""
    for at in range(0, len(pcm), 1200):
        piece = encoder.encode(pcm[at : at + 1200])
        data += piece
        if piece and encoder.encoded_s > 0.05:
            assert abs(len(decode(audio_format, data)) / rate_hz - encoder.encoded_s) < 0.001
    assert encoder.encoded_s > 0.85
    if audio_format.codec in ("pcm", "wav"):
        assert all(len(piece) % 2 == 0 for piece in pieces)
