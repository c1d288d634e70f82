"""Decode a recording at its own rate, with all channels."""

from __future__ import annotations

from pathlib import Path

import attrs
import av
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler

from zelitrio.errors import LocalError


@attrs.frozen(eq=False)
class Sound:
    """The content of a recording."""

    rate_hz: int
    pcm: npt.NDArray[np.float32]
    """[channels, samples] in [-1, 1]; at most `limit_s` of the recording."""
    seconds: float
    """Length of the whole file, also if only its beginning was read."""


def read_sound(path: Path | str, limit_s: float = float("inf")) -> Sound:
    """Decode the first audio stream of a file at its own rate.  Blocks while it reads.

    Args:
        path: a file in any container and codec of FFmpeg.
        limit_s: limit of decoded seconds.

    Raises:
        LocalError: the file is missing, has no audio, or cannot be decoded.
    """
    pieces: list[npt.NDArray[np.float32]] = []
    samples = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise LocalError(f"{path}: expected an audio stream, found none")
            stream = container.streams.audio[0]
            rate_hz = stream.rate
            said_s = 0.0 if container.duration is None else container.duration / 1e6
            planes = AudioResampler(format="fltp")
            for frame in container.decode(stream):
                for piece in planes.resample(frame):
                    pieces.append(piece.to_ndarray().astype(np.float32, copy=False))
                    samples += piece.samples
                if samples > limit_s * rate_hz:
                    break
    except (av.FFmpegError, OSError) as error:
        raise LocalError(f"{path}: expected a readable recording, found: {error}") from error
    pcm = np.concatenate(pieces, 1) if pieces else np.zeros((1, 0), np.float32)
    seconds = samples / rate_hz
    return Sound(rate_hz, pcm, max(said_s, seconds) if seconds > limit_s else seconds)
