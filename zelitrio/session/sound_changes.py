"""A stream's samples on their way from the engine to the encoder: volume, sample rate and tempo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import attrs

from zelitrio.audio import RateConverter, TempoChanger
from zelitrio.session.packets import NO_SAMPLES, Samples
from zelitrio.session.segments import PhoneEdges
from zelitrio.session.volume import WordVolume
from zelitrio.text import Utterance

if TYPE_CHECKING:
    from zelitrio.engine import AudioBlock

WordTimes: TypeAlias = "tuple[tuple[int, int], ...]"


@attrs.frozen(kw_only=True, eq=False)
class HeardTimes:
    """The times of an utterance, as they are heard.

    Attributes:
        words_ms: start and end of each word, from the utterance's first sample.
        length_ms: length of the utterance; None: it is not known.
        phone_edges_ms: computes the edges of its phones; None: they are not known.
    """

    words_ms: WordTimes
    length_ms: int | None
    phone_edges_ms: Callable[[], PhoneEdges] | None


@attrs.define(eq=False)
class SoundChanges:
    """Changes the samples of one stream.

    Args:
        sample_rate_hz: of the samples that it returns, and of the blocks until `change_rate` is called.
        tempo: changes the tempo of all audio; None: the tempo stays.
    """

    sample_rate_hz: int
    _tempo: TempoChanger | None = None
    _volume: WordVolume = attrs.field(factory=WordVolume, init=False)
    _converter: RateConverter | None = attrs.field(default=None, init=False)
    """Of blocks with another rate."""

    def begin(self, block: AudioBlock, words_ms: WordTimes, utterance: Utterance) -> HeardTimes:
        """Begin an utterance with its first block; `words_ms` are the word times of this block."""
        self._volume.begin(utterance, words_ms, block.sample_rate_hz)
        length_ms, edges = block.length_ms, block.phone_edges_ms
        if self._tempo is not None:
            words_ms = self._tempo.times(words_ms)
            length_ms = None if length_ms is None else self._tempo.length(length_ms)
            edges = None  # only OpenAI's endpoint changes the tempo, and it offers no phone times
        return HeardTimes(words_ms=words_ms, length_ms=length_ms, phone_edges_ms=edges)

    def apply(self, pcm: Samples) -> Samples:
        """Change the samples of a block; the tempo holds some of them back."""
        pcm = self._volume.apply(pcm)
        if self._converter is not None:
            pcm = self._converter.push(pcm)
        if self._tempo is not None:
            pcm = self._tempo.push(pcm)
        return pcm

    def change_rate(self, sample_rate_hz: int) -> Samples:
        """Take blocks of another rate from now on; return the last samples of the blocks before."""
        before, self._converter = self._converter, None
        if sample_rate_hz != self.sample_rate_hz:
            self._converter = RateConverter(sample_rate_hz, self.sample_rate_hz)
        return NO_SAMPLES if before is None else before.flush()

    def flush(self) -> Samples:
        """Return the samples that the tempo held back, at the end of the stream."""
        return NO_SAMPLES if self._tempo is None else self._tempo.flush()
