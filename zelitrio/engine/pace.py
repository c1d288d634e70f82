"""The speed of a model on this device, and the lengths of its windows.

Window lengths are chosen in seconds and stored in the model's frames.
"""

from __future__ import annotations

import enum

import attrs

from zelitrio.networks import Facts

_FOLLOWING_S = (0.16, 0.32, 0.64)
"""Lengths of the windows after the first."""
_WIDEST_S = 1.28
"""One more length.  On a GPU it takes hardly longer than half of it, so it halves the cost per frame.  On a
CPU it helps families with overlapping windows: for Piper one costs 8 % less than two of half the length.
There they leave out the shortest ones, see `Facts.least_window_s`."""


class Profile(enum.Enum):
    """The purpose of a step."""

    LATENCY = "latency"
    THROUGHPUT = "throughput"


@attrs.frozen(kw_only=True)
class Pace:
    """Cost of a model's steps (see `zelitrio.engine.calibration`)."""

    frame_s: float
    """Seconds per frame of a step."""
    step_s: float
    """Fixed seconds of a step."""
    is_wide: bool
    """Whether a batch takes about as long as one row."""
    frames_per_s: float
    """Frames per second in the best batch."""

    def window_s(self, window: int, rows: int = 1) -> float:
        """Expected seconds for a step of `rows` rows."""
        return self.step_s + window * self.frame_s * (1 if self.is_wide else rows)


@attrs.frozen(kw_only=True)
class Ladder:
    """A model's window lengths in frames, and the limits of its batches."""

    first: int = 24
    """A stream's first window: the networks' lag, then a little audio."""
    following: tuple[int, ...] = (16, 32, 64)
    """Later windows."""
    full: int = 64
    """Longest window for steps of up to `max_batch` rows."""
    max_batch: int = 64
    """Largest number of rows of a step."""
    max_encode: int = 8
    """Largest number of utterances in one encode."""

    @property
    def windows(self) -> tuple[int, ...]:
        """All window lengths, in ascending order."""
        return tuple(sorted({self.first, *self.following}))

    def rows(self, window: int) -> int:
        """Return the largest number of rows of a step with that window.

        Windows longer than `full` are for a few listeners with a large lead.  A new stream may have to wait
        for such a step, so it has half as many frames in all.
        """
        if window <= self.full:
            return self.max_batch
        return max(1, self.max_batch * self.full // (2 * window))


@attrs.frozen(kw_only=True)
class Tempo:
    """All facts about a model that the scheduler uses."""

    pace: Pace
    ladder: Ladder
    lag: int
    """Frames that the network takes in before its first output."""
    hop_s: float
    """Seconds of audio in a frame."""
    expands: bool = False
    """Whether there is a step between reading an utterance and its first window."""
    keeps_state: bool = False
    """Whether its windows begin before the first frame that is heard."""

    @property
    def real_time_streams(self) -> float:
        """Streams that the model could speak in real time on an otherwise idle device."""
        return self.pace.frames_per_s * self.hop_s


def choose_ladder(facts: Facts, max_batch: int, *, is_wide: bool) -> Ladder:
    """Return the ladder of a model on a GPU or on a CPU."""
    following = [max(1, round(seconds / facts.hop_s)) for seconds in _FOLLOWING_S]
    full = following[-1]
    if is_wide or facts.frame_ladder:
        following.append(round(_WIDEST_S / facts.hop_s))
    if not is_wide:
        following = [frames for frames in following if frames * facts.hop_s > 0.99 * facts.least_window_s]
    return Ladder(
        first=facts.first_frames,
        following=tuple(following),
        full=full,
        max_batch=max_batch,
        max_encode=min(8, max_batch),
    )
