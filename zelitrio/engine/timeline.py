"""From predicted durations to frames: what each frame is of, and when each word is spoken.

A sentence that comes in pieces is read again from its beginning, now that the network knows how it
continues.  So a piece that stops in mid-sentence leaves its last frames to the next one, and the next one
is laid out from there.  Its pitch differs somewhat from what was heard; it begins nearer to that, and goes
over to its own within some syllables.
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
"""How long a cut utterance goes over into the next."""
LEAN_SHARE = 0.6
"""Part of the difference in pitch that a continued sentence begins with.  Jumps of pitch at 200 joins of two
voices are then as at the same places of uncut sentences (medians 0.77 and 1.03 semitones, uncut 0.72 and
1.05; without 1.02 and 1.15).  With all of it the largest grow again."""
LEAN_MOST = 1.5 * math.log(2.0) / 12
"""In ln f0: beyond it, the two readings mean different melodies."""
LEAN_S = 0.2
"""In which it falls to 1/e."""


@attrs.frozen(kw_only=True, eq=False)
class Labels:
    """Data for the words' times, computed after the first window is launched."""

    model: Model
    reading: Tokens
    durations: NDArray[np.int64]
    """[tokens] frames."""
    start: int
    """Frames before what is heard."""
    unheard_words: int

    def milliseconds(self, heard: int) -> tuple[tuple[int, int], ...]:
        """Start and end of each word that is not of the context, within `heard` frames."""
        hop_ms = 1000 * self.model.facts.hop_s
        edges = self.model.word_edges(self.reading, self.durations)
        times: list[tuple[int, int]] = []
        until = 0.0
        for word in range(self.unheard_words, max(edges, default=-1) + 1):
            # A word without a token, as only a caller's own utterance can have, takes no time.
            begin, end = edges.get(word, (until + self.start, until + self.start))
            begin, end = max(begin - self.start, 0), max(end - self.start, 0)
            until = end
            times.append((round(min(begin, heard) * hop_ms), round(min(end, heard) * hop_ms)))
        return tuple(times)

    def phone_edges(self, words: Sequence[Word], heard: int) -> tuple[tuple[int, ...], ...]:
        """In ms, of each word that is not of the context: its begin, and the end of each of its phones.

        A family with other tokens than one for a phone has its phones spread over a word's tokens.
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
    """The first frame that is heard; those before only warm the network up."""
    end: int
    """The frame after the last that is heard, unless nothing comes after it."""
    tail_end: int
    """The frames from `end` to this one are heard in the next utterance's reading, or at a stream's end in
    this one's.  Later frames only keep the network from seeing an end that is not there."""
    ends_at: float = 0.0
    """ln f0 of its last token, about the speaker's mean."""

    @property
    def heard(self) -> int:
        """Frames that are heard before the next utterance."""
        return self.end - self.begin

    @property
    def given_up(self) -> int:
        """Frames that are left to the next utterance."""
        return self.tail_end - self.end

    @property
    def word_times_ms(self) -> tuple[tuple[int, int], ...]:
        """Start and end of each word within what is heard, from its first sample."""
        return self.labels.milliseconds(self.heard)

    def phone_edges_ms(self, words: Sequence[Word]) -> tuple[tuple[int, ...], ...]:
        """Of each of the words within what is heard: its begin, and the end of each of its phones."""
        return self.labels.phone_edges(words, self.heard)


def lay_out(
    model: Model, reading: Tokens, speak: Speak, read: NDArray[np.float32], before: Timeline | None
) -> Timeline:
    """Give every token its frames.

    Args:
        model: that reads it.
        reading: the utterance's tokens.
        speak: the command.
        read: [2, tokens or more] per token the frames at speed 1, and ln f0 relative to the speaker's mean.
        before: the stream's utterance before it, if there was one.
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
    # The context takes no time, and the pause after it goes with it, unless it was asked for.
    first = int(np.argmax(reading.words >= unheard_words)) if unheard_words else 0
    first -= bool(first and not np.isnan(reading.pauses_s[first - 1]))
    start = max(0, int(durations[:first].sum()) - taken_over)
    begin = min(start, facts.warm_up) if taken_over else 0
    tokens = np.repeat(np.arange(len(durations)), durations)[start - begin :]
    places = model.places(durations)[start - begin :]
    end = tail_end = len(tokens)
    # A requested pause is an end: the text after it begins anew.
    if utterance.is_cut and np.isnan(reading.pauses_s[-1]):
        end -= min(model.seam_frames(reading, durations), end - begin)
        # The last frame is held for as long as the network looks ahead.
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
            model=model, reading=reading, durations=durations, start=start, unheard_words=unheard_words
        ),
        begin=begin,
        end=end,
        tail_end=tail_end,
        ends_at=ends_at,
    )


def trimmed(timeline: Timeline, first: int, end: int) -> Timeline:
    """The utterance without the silence before frame `first` and from frame `end` on.

    Nothing is cut where it joins the next utterance, or is warmed up in the one before.
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
    """Words before a pause end when they have faded, this much before the end of their last phone."""
    return tuple(
        (begin, max(begin, end - fade_ms)) if word.pauses else (begin, end)
        for (begin, end), word in zip(times_ms, words, strict=True)
    )
