from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from audio_checks import encode_in_cuts, strongest_hz, tone

from zelitrio.audio import FORMATS, decode_file
from zelitrio.errors import LocalError


@pytest.mark.parametrize("name", ["wav_44100", "flac_24000", "opus_48000_64", "mp3_44100_128"])
@pytest.mark.parametrize("rate_hz", [16_000, 24_000])
def test_a_recording_is_read_at_the_rate_that_is_asked_for(name: str, rate_hz: int, tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.write_bytes(b"".join(encode_in_cuts(FORMATS[name], tone(440, 1.0), [])))
    heard = decode_file(path, rate_hz)
    assert heard.dtype == np.float32 and heard.ndim == 1
    assert len(heard) == pytest.approx(rate_hz, rel=0.05)
    assert abs(strongest_hz(heard.astype(float), rate_hz) - 440) <= 3


@pytest.mark.parametrize("data", [None, b"", b"this is no recording"])
def test_an_error_names_an_invalid_recording(data: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(LocalError, match=r"noise\.wav: expected a readable recording"):
        decode_file(path, 24_000)
