"""The interface of all encoders, and the checks that they share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zelitrio.audio.formats import AudioFormat
from zelitrio.errors import LocalError

Samples = NDArray[np.float32]
Prepared = NDArray[Any]
"""The result of `Encoder.prepare`, one element for each sample."""


class Encoder(ABC):
    """Encodes the samples of one stream as they come.

    It never waits, has no thread, and takes at most a few milliseconds per second of audio.  It is not
    thread-safe, but successive calls can come from different threads.  It needs no closing.

    Attributes:
        format: of the encoded bytes.
        encoded_s: played seconds of audio in the bytes of `encode`: the input without the codec's frame, its
            look-ahead and the padding that players skip.
    """

    format: AudioFormat
    encoded_s: float

    def __init__(self, audio_format: AudioFormat) -> None:
        self.format = audio_format
        self.encoded_s = 0.0
        self._loudest = 1.0
        """Samples above this value are clipped before `_encode`."""
        self._flushed = False

    @property
    @abstractmethod
    def delay_samples(self) -> int:
        """Delay of the decoded stream in samples at `format.sample_rate_hz`.

        It applies to a decoder that plays everything except the padding named in the container's header.
        """

    def prepare(self, pcm: Samples) -> Prepared:
        """Do the part of `encode` that is the same wherever packets end; see `encode_prepared`.

        Every call of numpy releases the GIL, which costs more than the arithmetic while the engine works.  So
        a block is prepared as a whole.
        """
        return pcm

    def encode_prepared(self, part: Prepared) -> bytes:
        """Encode a part of what `prepare` returned, as `encode` does with samples."""
        return self.encode(part)

    def encode(self, pcm: Samples) -> bytes:
        """Encode more samples: float [n] in [-1, 1] at the input rate; others are clipped.

        The bytes of all calls do not depend on the division of the samples.  A call may return no bytes while
        the codec gathers a frame.

        Raises:
            LocalError: the array is not one-dimensional floats, holds NaN or infinity, or the stream was
                flushed.
        """
        if self._flushed:
            raise LocalError(f"{self.format.name}: encode was called after flush")
        checked = self._checked(pcm)
        return self._encode(checked) if len(checked) else b""

    def _checked(self, pcm: NDArray[np.generic]) -> Samples:
        """Check samples, and clip those that are too loud."""
        if pcm.ndim != 1 or pcm.dtype.kind != "f":
            raise LocalError(f"pcm: expected floats of shape [n], found {pcm.dtype} of shape {pcm.shape}")
        if not len(pcm):
            return np.ascontiguousarray(pcm, dtype=np.float32)
        # Faster than the methods `min` and `max`.  Both results are NaN if any sample is.
        low, high = float(np.minimum.reduce(pcm)), float(np.maximum.reduce(pcm))
        if not (math.isfinite(low) and math.isfinite(high)):
            where = int(np.flatnonzero(~np.isfinite(pcm))[0])
            raise LocalError(f"pcm: expected finite samples, found {pcm[where]} at sample {where}")
        if low < -1.0 or high > self._loudest:
            pcm = np.clip(pcm, -1.0, self._loudest)
        return np.ascontiguousarray(pcm, dtype=np.float32)

    def flush(self) -> bytes:
        """End the stream and return its last bytes; a second call returns nothing."""
        if self._flushed:
            return b""
        self._flushed = True
        return self._finish()

    @abstractmethod
    def _encode(self, pcm: Samples) -> bytes:
        """Encode a checked, non-empty, contiguous float32 array."""

    @abstractmethod
    def _finish(self) -> bytes:
        """Return the codec's last bytes; called once."""
