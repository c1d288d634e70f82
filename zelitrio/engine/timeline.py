"""Lay out an utterance in time: the token of each frame, and the times of words and phones.

A sentence may come in several utterances.  Each is read with the sentence up to there as context.  An
utterance cut in mid-sentence leaves its last frames to the next one, which is laid out from there.  The
network predicts different pitches for the two readings.  The second one begins near the pitch of the first
and returns to its own within some syllables (*lean*).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.engine.calls import Frames
from zelitrio.engine.commands import Speak
from zelitrio.text import Word
from zelitrio.voices import Model, Tokens

FADE_S = 0.01
"""Length of the crossfade between two utterances of a sentence."""
LEAN_SHARE = 0.6
"""The part of the pitch difference that a continued sentence begins with.  With 0.6, pitch jumps at 200 joins
of two voices equal those at the same places of uncut sentences (medians 0.77 and 1.03 semitones, uncut 0.72
and 1.05; with 0: 1.02 and 1.15).  With 1 the largest jumps grow again."""
LEAN_MOST = 1.5 * math.log(2.0) / 12
"""The largest lean in ln f0 (1.5 semitones).  A larger difference is another melody."""
LEAN_S = 0.2
"""Time constant with which the lean decays."""


@attrs.frozen(kw_only=True, eq=False)
class Labels:
    """Computes the times of words and phones, after the first window was launched."""

    model: Model
    reading: Tokens
    durations: NDArray[np.int64]
    """[tokens] frames of each token."""
    start: int
    """Frames before the first heard one."""
    unheard_words: int
    """Unheard words of the context."""
    words: int
    """All words that were read."""

    def milliseconds(self, heard: int) -> tuple[tuple[int, int], ...]:
        """Start and end of each word after the context, in ms, within the first `heard` frames."""
        hop_ms = 1000 * self.model.facts.hop_s
        edges = self.model.word_edges(self.reading, self.durations)
        times: list[tuple[int, int]] = []
        until = 0.0
        for word in range(self.unheard_words, self.words):
            # A word without tokens takes no time: the voice has none of its symbols.
            begin, end = edges.get(word, (until + self.start, until + self.start))
            begin, end = max(begin - self.start, 0), max(end - self.start, 0)
            until = end
            times.append((round(min(begin, heard) * hop_ms), round(min(end, heard) * hop_ms)))
        return tuple(times)

    def phone_edges(self, words: Sequence[Word], heard: int) -> tuple[tuple[int, ...], ...]:
        """Start of each word after the context, and the ends of its phones, in ms.

        If a family's tokens are not phones, the phones of a word share its tokens evenly.
        """
        hop_ms = 1000 * self.model.facts.hop_s
        ends = np.cumsum(self.durations)
        told: list[tuple[int, ...]] = []
        for word, (begin_ms, end_ms) in zip(words, self.milliseconds(heard), strict=False):
            at = np.flatnonzero(self.reading.words == self.unheard_words + len(told))
            edges = np.array((begin_ms, end_ms), float)
            if len(at):
                edges = np.concatenate(((ends[at[0]] - self.durations[at[0]],), ends[at]))
                edges = (edges - self.start) * hop_ms
            places = np.linspace(0, len(edges) - 1, len(word.phones) + 1)
            spread = np.interp(places, np.arange(len(edges)), edges).clip(begin_ms, end_ms)
            told.append(tuple(np.rint(spread).astype(int).tolist()))
        return tuple(told)


@attrs.frozen(kw_only=True, eq=False)
class Timeline:
    """One utterance laid out in time."""

    frames: Frames
    labels: Labels
    begin: int
    """The first heard frame; earlier frames only warm the network up."""
    end: int
    """The frame after the last heard one, if another utterance continues this one."""
    tail_end: int
    """End of the tail, which begins at `end` and is heard only if no utterance continues this one.  Later
    frames are not heard; they hide the end of the sentence from the network."""
    ends_at: float = 0.0
    """ln f0 of its last token, relative to the speaker's mean."""

    @property
    def heard(self) -> int:
        """Frames that are heard before the next utterance."""
        return self.end - self.begin

    @property
    def given_up(self) -> int:
        """Frames that the next utterance replaces."""
        return self.tail_end - self.end

    @property
    def word_times_ms(self) -> tuple[tuple[int, int], ...]:
        """Start and end of each word, from the first heard sample."""
        return self.labels.milliseconds(self.heard)

    def phone_edges_ms(self, words: Sequence[Word]) -> tuple[tuple[int, ...], ...]:
        """Start of each word and the ends of its phones, from the first heard sample."""
        return self.labels.phone_edges(words, self.heard)


def lay_out(
    model: Model, reading: Tokens, speak: Speak, read: NDArray[np.float32], before: Timeline | None
) -> Timeline:
    """Lay out an utterance: give every token its frames.

    Args:
        model: the model.
        reading: the utterance's tokens.
        speak: its command.
        read: [2, tokens or more] frames of each token at speed 1; ln f0 relative to the speaker's mean.
        before: the stream's previous utterance, if any.
    """
    utterance, facts = speak.utterance, model.facts
    unheard_words = len(utterance.context)
    taken_over = before.given_up if utterance.joins and before is not None else 0
    durations = model.durations(
        reading,
        read[0, : len(reading)],
        speed=speak.settings.speed,
        joins=utterance.joins,
        is_cut=utterance.is_cut,
    )
    # The context takes no time, nor does the pause after it unless the text requested that pause.
    first = int(np.argmax(reading.words >= unheard_words)) if unheard_words else 0
    first -= bool(first and not np.isnan(reading.pauses_s[first - 1]))
    start = max(0, int(durations[:first].sum()) - taken_over)
    begin = min(start, facts.warm_up) if taken_over else 0
    tokens = np.repeat(np.arange(len(durations)), durations)[start - begin :]
    places = model.places(durations)[start - begin :]
    end = tail_end = len(tokens)
    # After a requested pause the next text begins anew, without a join.
    if utterance.is_cut and np.isnan(reading.pauses_s[-1]):
        end -= min(model.seam_frames(reading, durations), end - begin)
        # The last frame is repeated for the network's lookahead.
        held = np.minimum(np.arange(tail_end + facts.lag + facts.context), tail_end - 1)
        tokens, places = tokens[held], places[held]
    said = np.flatnonzero(reading.words >= 0)
    again = np.flatnonzero((reading.words >= 0) & (reading.words < unheard_words))
    ends_at, lean = float(read[1, said[-1]]) if len(said) else 0.0, None
    if taken_over and before is not None and len(again):
        apart = LEAN_SHARE * (before.ends_at - float(read[1, again[-1]]))
        since = np.maximum(np.arange(len(tokens), dtype=np.float32) - begin, 0.0)
        fall = np.exp(since / np.float32(-LEAN_S / facts.hop_s))
        lean = np.float32(min(LEAN_MOST, max(-LEAN_MOST, apart))) * fall
        ends_at += float(lean[end - 1])
    return Timeline(
        frames=Frames(tokens=tokens, places=places, lean=lean),
        labels=Labels(
            model=model,
            reading=reading,
            durations=durations,
            start=start,
            unheard_words=unheard_words,
            words=unheard_words + len(utterance.words),
        ),
        begin=begin,
        end=end,
        tail_end=tail_end,
        ends_at=ends_at,
    )


def trimmed(timeline: Timeline, first: int, end: int) -> Timeline:
    """Cut off silence: the frames before `first` and from `end` on.

    The beginning is kept if it continues the previous utterance, and the end if the next one joins it.
    """
    begin = timeline.begin if timeline.begin else min(max(first, 0), timeline.end)
    if timeline.given_up:
        end = timeline.end
    end = max(begin, min(end, timeline.end))
    tail_end = end + timeline.given_up
    labels = attrs.evolve(timeline.labels, start=timeline.labels.start + begin - timeline.begin)
    return attrs.evolve(timeline, labels=labels, begin=begin, end=end, tail_end=tail_end)


def faded(
    times_ms: tuple[tuple[int, int], ...], words: Sequence[Word], fade_ms: int
) -> tuple[tuple[int, int], ...]:
    """Shorten words before a pause by `fade_ms`, because the voice fades before the last phone's end."""
    return tuple(
        (begin, max(begin, end - fade_ms)) if word.pauses else (begin, end)
        for (begin, end), word in zip(times_ms, words, strict=True)
    )
