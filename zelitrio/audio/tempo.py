"""Change the tempo of audio at the same pitch, by FFmpeg's `atempo` (WSOLA)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction

import numpy as np
from av import AudioFrame
from av.error import BlockingIOError as NothingReadyError
from av.error import EOFError as NothingMoreError
from av.filter import Graph

from zelitrio.audio.encoder import Samples
from zelitrio.errors import LocalError

MIN_TEMPO, MAX_TEMPO = 0.25, 4.0
_ONE_FILTER = 2.0
"""Above this tempo a single filter skips samples, and below its inverse it is not defined.  Then two filters
apply the square root each."""
_PIECE_S = 0.02
_PADDING_S = 0.3


class TempoChanger:
    """Changes the tempo of one stream while it comes.

    It holds back 60 to 180 ms.  The total length is exact; a sound is at most 25 ms from its exact time.

    Args:
        sample_rate_hz: of the samples, before and after.
        tempo: 2 is twice as fast and half as long.

    Raises:
        LocalError: the tempo is out of range.
    """

    def __init__(self, sample_rate_hz: int, tempo: float) -> None:
        if not MIN_TEMPO <= tempo <= MAX_TEMPO:
            raise LocalError(f"tempo: expected {MIN_TEMPO} to {MAX_TEMPO}, found {tempo!r}")
        self.tempo = tempo
        self._rate_hz = sample_rate_hz
        self._time_base = Fraction(1, sample_rate_hz)
        self._pushed = 0
        self._returned = 0
        self._fed = 0
        self._piece = round(_PIECE_S * sample_rate_hz)
        self._unfed: Samples = np.zeros(0, np.float32)
        graph = Graph()
        self._source = graph.add_abuffer(
            sample_rate=sample_rate_hz, format="flt", layout="mono", time_base=self._time_base
        )
        last = self._source
        filters = 1 if 1 / _ONE_FILTER <= tempo <= _ONE_FILTER else 2
        for _ in range(filters):
            changer = graph.add("atempo", f"{tempo ** (1 / filters):.6f}")
            last.link_to(changer)
            last = changer
        self._sink = graph.add("abuffersink")
        last.link_to(self._sink)
        graph.configure()
        self._graph = graph

    @property
    def held_ms(self) -> int:
        """Milliseconds of pushed audio, at the new tempo, that were not returned yet."""
        return max(0, round(1000 * (self._pushed / self.tempo - self._returned) / self._rate_hz))

    def times(self, times_ms: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        """Convert starts and ends in the next pushed samples to the new tempo."""
        held_ms = self.held_ms
        return tuple((held_ms + self.length(start), held_ms + self.length(end)) for start, end in times_ms)

    def length(self, length_ms: int) -> int:
        """Convert a length to the new tempo."""
        return round(length_ms / self.tempo)

    def push(self, pcm: Samples) -> Samples:
        """Take float32 [n]; return the samples that are ready."""
        if not len(pcm):
            return pcm
        self._pushed += len(pcm)
        return self._feed(pcm)

    def flush(self) -> Samples:
        """Return the rest.  `push` must not be called afterwards."""
        wanted = round(self._pushed / self.tempo) - self._returned
        # The filters hold half a window back; silence pushes it out.
        rest = self._feed(np.zeros(round(_PADDING_S * self._rate_hz), np.float32))
        return rest[: max(0, wanted)]

    def _feed(self, pcm: Samples) -> Samples:
        """Feed pieces of one size, because the size changes where the filters join waveforms."""
        self._unfed = np.concatenate([self._unfed, pcm])
        while len(self._unfed) >= self._piece:
            piece, self._unfed = self._unfed[: self._piece], self._unfed[self._piece :]
            frame = AudioFrame.from_ndarray(piece[None, :], format="flt", layout="mono")
            frame.rate = self._rate_hz
            frame.time_base = self._time_base
            frame.pts = self._fed
            self._fed += self._piece
            self._source.push(frame)
        return self._ready()

    def _ready(self) -> Samples:
        parts = list(self._pull())
        ready = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        self._returned += len(ready)
        return ready

    def _pull(self) -> Iterator[Samples]:
        with suppress(NothingReadyError, NothingMoreError):
            while True:
                frame = self._sink.pull()
                assert isinstance(frame, AudioFrame)
                yield frame.to_ndarray()[0]
