from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from zelitrio.audio import FORMATS, open_encoder
from zelitrio.cli.outputs import STDOUT, SpeechFile, choose_format
from zelitrio.cli.texts import named_file, read_text
from zelitrio.errors import LocalError, RemoteError


@pytest.mark.parametrize(
    ("name", "out", "expected"),
    [
        (None, "a.wav", "wav_24000"),
        (None, "a.b/c.MP3", "mp3_44100_128"),
        (None, "a.ogg", "opus_48000_64"),
        (None, "a.flac", "flac_24000"),
        (None, "-", "pcm_24000"),
        ("ulaw_8000", "a.wav", "ulaw_8000"),
        ("mp3_44100", "a", "mp3_44100_128"),
    ],
)
def test_the_format_is_what_was_named_or_what_the_file_asks_for(
    name: str | None, out: str, expected: str
) -> None:
    assert choose_format(name, Path(out)) == FORMATS[expected]


def test_a_file_name_that_says_nothing_is_refused() -> None:
    with pytest.raises(LocalError, match=r"speech: expected --format or a name that ends in one of .wav"):
        choose_format(None, Path("speech"))


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(RemoteError, match="expected one of mp3_22050_32"):
        choose_format("mp4", Path("a.wav"))


@pytest.mark.parametrize("name", ["wav_24000", "pcm_16000", "ulaw_8000", "mp3_44100_128", "opus_48000_64"])
def test_the_written_duration_is_reported(name: str, tmp_path: Path) -> None:
    encoder = open_encoder(FORMATS[name])
    with SpeechFile(tmp_path / "speech", FORMATS[name]) as file:
        file.write(encoder.encode(np.zeros(24_000, np.float32)))
        file.write(encoder.flush())
    assert file.seconds() == pytest.approx(1.0, abs=0.06)
    assert (tmp_path / "speech").stat().st_size == file.written_bytes


def test_a_finished_wav_file_knows_its_length(tmp_path: Path) -> None:
    out = tmp_path / "speech.wav"
    encoder = open_encoder(FORMATS["wav_24000"])
    with SpeechFile(out, FORMATS["wav_24000"]) as file:
        file.write(encoder.encode(np.zeros(1_200, np.float32)))
        file.write(encoder.flush())
    with wave.open(str(out)) as opened:
        assert opened.getnframes() == 1_200


def test_nothing_written_leaves_no_file(tmp_path: Path) -> None:
    with SpeechFile(tmp_path / "speech.wav", FORMATS["wav_24000"]) as file:
        pass
    assert not (tmp_path / "speech.wav").exists()
    assert file.seconds() == 0


def test_stdout_is_written_through_and_left_open(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with SpeechFile(STDOUT, FORMATS["pcm_24000"]) as file:
        file.write(b"\1\0\2\0")
    assert capfdbinary.readouterr().out == b"\1\0\2\0"
    assert file.seconds() == 2 / 24_000


def test_a_text_is_itself_unless_a_file_has_that_name(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Anna,", encoding="utf-8")
    assert read_text(str(path)) == "Dear Anna,"
    assert read_text("Dear Anna, how are you?") == "Dear Anna, how are you?"
    assert named_file(str(tmp_path)) is None
    for odd in ("x" * 5_000, "a\0b", "two\nlines", "x" * 300):
        assert read_text(odd) == odd


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.bin"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LocalError, match="expected text in UTF-8"):
        read_text(str(path))


def test_a_mistyped_flag_is_not_spoken() -> None:
    with pytest.raises(LocalError, match="unknown option --voise"):
        read_text("--voise=x")
