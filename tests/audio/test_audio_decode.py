from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from zelitrio.audio import decode_file
from zelitrio.errors import LocalError


def write_wav(path: Path, rate_hz: int, channels: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.repeat((tone * 32767).astype("<i2"), channels).tobytes())


@pytest.mark.parametrize(("rate_hz", "channels"), [(24_000, 1), (48_000, 1), (22_050, 2)])
def test_a_recording_of_any_rate_comes_as_mono_at_the_rate_asked_for(
    tmp_path: Path, rate_hz: int, channels: int
) -> None:
    write_wav(tmp_path / "tone.wav", rate_hz, channels)
    pcm = decode_file(tmp_path / "tone.wav", 24_000)
    assert pcm.dtype == np.float32
    assert abs(len(pcm) - 24_000) <= 24
    assert np.abs(pcm[1_000:-1_000]).max() == pytest.approx(0.5, abs=0.02)
    spectrum = np.abs(np.fft.rfft(pcm[:24_000], 24_000))
    assert int(spectrum.argmax()) == 440


def test_what_is_not_a_recording_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "noise.wav").write_bytes(b"not audio at all")
    with pytest.raises(LocalError, match=r"noise\.wav"):
        decode_file(tmp_path / "noise.wav", 24_000)
    with pytest.raises(LocalError, match=r"missing\.wav"):
        decode_file(tmp_path / "missing.wav", 24_000)
