"""The output file: choose its format, and write it while the speech arrives."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING

from zelitrio.errors import LocalError

if TYPE_CHECKING:  # the room imports FFmpeg
    from zelitrio.audio import AudioFormat

STDOUT = Path("-")
_BY_SUFFIX = {
    ".wav": "wav_24000",
    ".mp3": "mp3_44100_128",
    ".opus": "opus_48000_64",
    ".ogg": "opus_48000_64",
    ".m4a": "m4a_aac_44100_128",
    ".mp4": "m4a_aac_44100_128",
    ".aac": "aac_44100_128",
    ".flac": "flac_24000",
    ".ulaw": "ulaw_8000",
    ".alaw": "alaw_8000",
    ".pcm": "pcm_24000",
    ".raw": "pcm_24000",
}


def choose_format(name: str | None, out: Path) -> AudioFormat:
    """Return the named format; without a name, that of the file's ending; PCM for stdout.

    Raises:
        RemoteError: the format is unknown.
        LocalError: neither the name nor the file's ending gives a format.
    """
    from zelitrio.audio import FORMATS, parse_format

    if name is not None:
        return parse_format(name)
    if out == STDOUT:
        return FORMATS["pcm_24000"]
    try:
        return FORMATS[_BY_SUFFIX[out.suffix.lower()]]
    except KeyError:
        endings = ", ".join(_BY_SUFFIX)
        raise LocalError(f"{out}: expected --format or a name that ends in one of {endings}") from None


class SpeechFile:
    """A file, or stdout, for encoded speech.

    It is opened at the first bytes, so that an earlier failure leaves no empty file.  A seekable WAV file
    gets its true length at the end.
    """

    def __init__(self, out: Path, audio_format: AudioFormat) -> None:
        self._out = out
        self._format = audio_format
        self._file: IO[bytes] | None = None
        self.written_bytes = 0

    def write(self, data: bytes) -> None:
        """Append encoded bytes.  Blocks on the disk, or on the reader of stdout."""
        if self._file is None:
            self._file = sys.stdout.buffer if self._out == STDOUT else self._out.open("wb")
        self._file.write(data)
        self.written_bytes += len(data)
        if self._out == STDOUT:
            self._file.flush()

    def __enter__(self) -> SpeechFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None or self._out == STDOUT:
            return
        with self._file as file:
            if self._format.codec == "wav" and file.seekable():
                from zelitrio.audio import wav_header

                header_bytes = len(wav_header(self._format.sample_rate_hz))
                file.seek(0)
                file.write(wav_header(self._format.sample_rate_hz, self.written_bytes - header_bytes))

    def seconds(self) -> float:
        """Length of the written speech; 0 if it is unknown."""
        bytes_per_sample = {"pcm": 2, "wav": 2, "ulaw": 1, "alaw": 1}.get(self._format.codec)
        if bytes_per_sample:
            return self.written_bytes / bytes_per_sample / self._format.sample_rate_hz
        if not self.written_bytes or not self._out.is_file():
            return 0.0
        from zelitrio.audio import decode_file

        rate_hz = 8_000  # a low rate is enough for the length
        return len(decode_file(self._out, rate_hz)) / rate_hz
