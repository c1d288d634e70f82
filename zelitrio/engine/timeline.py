"""From predicted durations to frames: what each frame is of, and when each word is spoken."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.text import PHONES, Word
from zelitrio.voices import PhoneInputs, frame_positions, spoken_durations

SEAM_FRAMES = 2
"""Of a cut utterance so much is left to the next one.  There the networks know what comes: before a vowel
the release of a stop, which held to its end is silence, begins 20 ms before the word ends."""
FADE_FRAMES = 1
"""Of them, the frames over which the one goes over into the other."""
PLOSIVE_SEAM_FRAMES = 4
"""So much is left where the last phone is a plosive: the seam then lies in its closure.  Its release comes at
different times in the two readings, and at 3 of 144 seams it was heard twice."""
_PLOSIVES = frozenset(PHONES.index(phone) for phone in ("P", "T", "K", "B", "D", "G"))
WARM_UP_FRAMES = 6
"""What the networks see, and nobody hears, of the words before a sentence's rest.  With ten a join is no
better, and of a first window more than seven would leave nothing to be heard."""


@attrs.frozen(kw_only=True, eq=False)
class WordTimes:
    """What the words' times follow from."""

    words: NDArray[np.int64]
    """[tokens] index of the word, -1 for a pause."""
    durations: NDArray[np.int64]
    """[tokens] frames."""
    start: int
    """Frames before what is heard."""
    unheard_words: int
    hop_ms: float

    def milliseconds(self, heard: int) -> tuple[tuple[int, int], ...]:
        """Start and end of each word that is not unheard, within `heard` frames."""
        edges: dict[int, tuple[int, int]] = {}
        end = -self.start
        for word, duration in zip(self.words.tolist(), self.durations.tolist(), strict=True):
            begin, end = end, end + duration
            if word >= self.unheard_words:
                edges[word] = edges.get(word, (begin, end))[0], end
        times: list[tuple[int, int]] = []
        until = 0
        for word in range(self.unheard_words, max(edges, default=-1) + 1):
            # A word without a phone, as only a caller's own utterance can have, takes no time.
            begin, end = edges.get(word, (until, until))
            until = end
            times.append((round(min(begin, heard) * self.hop_ms), round(min(end, heard) * self.hop_ms)))
        return tuple(times)


@attrs.frozen(kw_only=True, eq=False)
class Timeline:
    """One utterance laid out in time."""

    phones: NDArray[np.int64]
    """[frames] which token each frame is of."""
    positions: NDArray[np.float32]
    """[frames, 4] where in that token it stands."""
    times: WordTimes
    begin: int
    """The first frame that is heard; those before only warm the networks up."""
    end: int
    """The frame behind the last that is heard, unless nothing comes after it."""
    tail_end: int
    """The frames from `end` to this one are heard in the next utterance's reading, or at a stream's end
    in this one's.  Those behind only keep the networks from seeing an end where there is none."""
    ends_at: float = 0.0
    """ln f0 of its last phone, about the speaker's mean."""
    lean: NDArray[np.float32] | None = None
    """[frames] what is added to ln f0, if anything."""

    @property
    def word_times_ms(self) -> tuple[tuple[int, int], ...]:
        """Start and end of each word within what is heard, from its first sample.

        Worked out when it is asked for: the first window can be under way by then.
        """
        return self.times.milliseconds(self.heard)

    @property
    def length(self) -> int:
        """Frames, heard or not."""
        return len(self.phones)

    @property
    def heard(self) -> int:
        """Frames that are heard before the next utterance."""
        return self.end - self.begin

    @property
    def given_up(self) -> int:
        """Frames that are left to the next utterance."""
        return self.tail_end - self.end


def lay_out(
    inputs: PhoneInputs,
    frames: NDArray[np.float32],
    speed: float,
    hop_ms: float,
    *,
    joins: bool = False,
    is_cut: bool = False,
    unheard_words: int = 0,
    taken_over: int = 0,
    lag: int = 0,
) -> Timeline:
    """Give every token its frames.

    Args:
        inputs: the tokens, first and last of them pauses.
        frames: [tokens] predicted frames at speed 1.
        speed: how much faster to speak; asked-for pauses keep their length.
        hop_ms: milliseconds in a frame.
        joins: no pause at the start: the sentence began in the utterance before.
        is_cut: no pause at the end: the sentence goes on in the next.
        unheard_words: words at the start that shape the others and take no time themselves.  The pause
            after them goes with them, unless it was asked for.
        taken_over: frames before its first word that the utterance before has left to this one.
        lag: frames that the networks look ahead: a cut utterance's last is held for so long.
    """
    durations = spoken_durations(inputs, frames, speed=speed, hop_ms=hop_ms, joins=joins, is_cut=is_cut)
    phones, positions = frame_positions(durations)
    first = int(np.argmax(inputs.words >= unheard_words)) if unheard_words else 0
    first -= bool(first and not np.isnan(inputs.pauses_s[first - 1]))
    start = max(0, int(durations[:first].sum()) - taken_over)
    begin = min(start, WARM_UP_FRAMES) if taken_over else 0
    phones, positions = phones[start - begin :], positions[start - begin :]
    end = tail_end = len(phones)
    # A pause that was asked for is an end: what comes after it begins anew.
    if is_cut and np.isnan(inputs.pauses_s[-1]):
        end -= min(_seam_frames(inputs, durations), end - begin)
        held = np.minimum(np.arange(tail_end + lag), tail_end - 1)
        phones, positions = phones[held], positions[held]
    return Timeline(
        phones=phones,
        positions=positions,
        times=WordTimes(
            words=inputs.words, durations=durations, start=start, unheard_words=unheard_words, hop_ms=hop_ms
        ),
        begin=begin,
        end=end,
        tail_end=tail_end,
    )


def _seam_frames(inputs: PhoneInputs, durations: NDArray[np.int64]) -> int:
    if len(inputs) < 3 or int(inputs.phones[-2]) not in _PLOSIVES:  # the last token is a pause
        return SEAM_FRAMES
    return max(SEAM_FRAMES, min(PLOSIVE_SEAM_FRAMES, int(durations[-2:].sum())))


def faded(
    times_ms: tuple[tuple[int, int], ...], words: Sequence[Word], fade_ms: int
) -> tuple[tuple[int, int], ...]:
    """The times with words before a pause ending when they have faded, so much before their last phone."""
    return tuple(
        (begin, max(begin, end - fade_ms)) if word.pauses else (begin, end)
        for (begin, end), word in zip(times_ms, words, strict=True)
    )
