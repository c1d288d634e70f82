"""Decode a recording of any format that FFmpeg reads to float32 mono at a given rate."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler

from zelitrio.errors import LocalError


def decode_file(path: Path | str, rate_hz: int) -> npt.NDArray[np.float32]:
    """Decode the first audio stream of a file.

    Blocks; a program with an event loop should call it in a worker thread.

    Args:
        path: a file in any container and codec of FFmpeg.
        rate_hz: sample rate of the result; channels are mixed to one.

    Returns:
        float32 [samples], nominally in [-1, 1].

    Raises:
        LocalError: the file is missing, has no audio, or cannot be decoded.
    """
    pieces: list[npt.NDArray[np.float32]] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise LocalError(f"{path}: expected an audio stream, found none")
            # Channels are averaged here, because FFmpeg's mix to mono of equal channels is 3 dB too loud.
            resampler = AudioResampler(format="fltp", rate=rate_hz)
            for frame in container.decode(audio=0):
                pieces += [piece.to_ndarray().mean(0) for piece in resampler.resample(frame)]
            # None drains the samples in the resampler's filter.
            pieces += [piece.to_ndarray().mean(0) for piece in resampler.resample(None)]
    except (av.FFmpegError, OSError) as error:
        raise LocalError(f"{path}: expected a readable recording, found: {error}") from error
    if not pieces:
        return np.zeros(0, np.float32)
    return np.concatenate(pieces).astype(np.float32, copy=False)
