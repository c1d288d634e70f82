"""Admission: a stream is refused if accepting it would make streams run dry.

An accepted stream needs first audio soon, then a second of audio each second until its text is spoken.  The
device's rate was measured at start; `slowness` corrects it for the machine's present load.  `_ADMITTED` of
the corrected rate is used; the rest is for bursts.

Nothing here knows torch, Trio or a clock: times are arguments.
"""

from __future__ import annotations

import attrs

from zelitrio.engine.pace import Tempo
from zelitrio.errors import CapacityError

_ADMITTED = 0.8
"""Part of the capacity for streams."""
_MOST_WAIT_S = 0.15
"""Longest wait of a new stream for earlier new streams.  Then their first windows have been played, and the
device must return to them."""
_PLEDGED_S = 2.0
"""An open stream without text counts as a speaking one for this time."""


@attrs.define(eq=False, kw_only=True)
class Member:
    """An open stream."""

    tempo: Tempo
    opened_at_s: float
    share: float
    """Part of the device that it needs at slowness 1."""
    first_s: float
    """Device time for its first audio."""
    is_speaking: bool = False
    """Whether it has text left to speak."""
    was_fed: bool = False
    is_abandoned: bool = False
    """Whether its client has begun other speech; then it is spoken only on an idle device."""
    has_audio: bool = False
    """Whether it has delivered audio since it last had no text."""

    def counts(self, now_s: float) -> bool:
        """Whether it needs audio now or soon."""
        if self.is_abandoned:
            return False
        return self.is_speaking or (not self.was_fed and now_s - self.opened_at_s < _PLEDGED_S)


class Admission:
    """The open streams, and whether another one can be accepted.

    Args:
        most_streams: limit for open streams.
    """

    def __init__(self, most_streams: int) -> None:
        self._most_streams = most_streams
        self._members: dict[int, Member] = {}

    def __len__(self) -> int:
        return len(self._members)

    @property
    def speaking(self) -> int:
        """Number of streams with text left to speak."""
        return sum(member.is_speaking for member in self._members.values())

    def capacity(self, tempo: Tempo, slowness: float) -> int:
        """The largest number of speaking streams of one model."""
        return max(1, int(_ADMITTED * tempo.real_time_streams / slowness))

    def make_room(self, tempo: Tempo, slowness: float, now_s: float) -> int | None:
        """Make room for one more stream.

        If all places are taken, the oldest abandoned stream loses its place.

        Args:
            tempo: speed of the new stream's model.
            slowness: present duration of work divided by that measured at start.
            now_s: the time.

        Returns:
            The number of the abandoned stream that lost its place, if any.

        Raises:
            CapacityError: too many streams are open, or they use the whole capacity.  No stream has lost its
                place then.
        """
        leaving: int | None = None
        if len(self._members) >= self._most_streams:
            leaving = next((number for number, member in self._members.items() if member.is_abandoned), None)
            if leaving is None:
                raise CapacityError(f"streams: expected at most {self._most_streams}, all are in use")
        # One plain loop, for speed: a new stream checks up to a thousand others.
        speaking, taken, waiting, wait_s = 0, 0.0, 0, 0.0
        for member in self._members.values():
            if member.is_speaking and member.has_audio and not member.is_abandoned:
                speaking += 1
                taken += member.share
            elif member.counts(now_s):
                speaking += 1
                taken += member.share
                if not member.has_audio:
                    waiting += 1
                    wait_s += member.first_s
        if speaking and slowness * (taken + 1 / tempo.real_time_streams) > _ADMITTED:
            raise CapacityError(f"streams: {speaking} are speaking, as many as this device can feed")
        if slowness * wait_s > _MOST_WAIT_S:
            raise CapacityError(
                f"streams: {waiting} wait for their first audio, as many as this device can serve"
            )
        if leaving is not None:
            self.leave(leaving)
        return leaving

    def enter(self, number: int, tempo: Tempo, now_s: float) -> Member:
        """Add an accepted stream."""
        share, first_s = 1 / tempo.real_time_streams, _first_s(tempo)
        member = Member(tempo=tempo, opened_at_s=now_s, share=share, first_s=first_s)
        self._members[number] = member
        return member

    def leave(self, number: int) -> None:
        """Remove a closed stream; a second call does nothing."""
        self._members.pop(number, None)


def _first_s(tempo: Tempo) -> float:
    """Device time for a stream's first audio; on a GPU new streams share a step."""
    pace = tempo.pace
    share = tempo.ladder.max_encode if pace.is_wide else 1
    return 2 * pace.window_s(tempo.ladder.first) / share  # an encode takes about as long as a window
