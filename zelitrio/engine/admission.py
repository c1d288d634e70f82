"""Which streams are accepted, so that those accepted before keep what they were promised.

An accepted stream needs a second of audio each second until it has said everything, and its first audio
soon.  The rate at which the device makes audio was measured at start, and `slowness` says what it is worth
now, with all that the machine does beside.  A share of it is given away; the rest is for bursts.

Nothing here knows torch, Trio or a clock: times are arguments.
"""

from __future__ import annotations

import attrs

from zelitrio.engine.pace import Tempo
from zelitrio.errors import CapacityError

_ADMITTED = 0.8
"""Part of the capacity that is given away."""
_MOST_WAIT_S = 0.15
"""How long a new stream may have to wait for the new ones before it.  By then those have played their first
window, and the device must return to them."""
_PLEDGED_S = 2.0
"""How long an opened stream that was fed nothing counts as one that speaks."""


@attrs.define(eq=False, kw_only=True)
class Member:
    """An open stream."""

    tempo: Tempo
    opened_at_s: float
    share: float
    """Part of the device that it takes, before slowness."""
    first_s: float
    """Seconds of the device until its first audio."""
    is_speaking: bool = False
    """Whether it has something left to speak."""
    was_fed: bool = False
    is_abandoned: bool = False
    """Whether its client went on to other speech: it is spoken when there is nothing else to do."""
    has_audio: bool = False
    """Whether its listener was given any since it last fell silent."""

    def counts(self, now_s: float) -> bool:
        """Whether it needs audio, or is about to."""
        if self.is_abandoned:
            return False
        return self.is_speaking or (not self.was_fed and now_s - self.opened_at_s < _PLEDGED_S)


class Admission:
    """All open streams, and whether there is room for one more.

    Args:
        most_streams: open at once.
    """

    def __init__(self, most_streams: int) -> None:
        self._most_streams = most_streams
        self._members: dict[int, Member] = {}

    def __len__(self) -> int:
        return len(self._members)

    @property
    def speaking(self) -> int:
        """Streams with something left to speak."""
        return sum(member.is_speaking for member in self._members.values())

    def capacity(self, tempo: Tempo, slowness: float) -> int:
        """Speaking streams of one model above which another is refused."""
        return max(1, int(_ADMITTED * tempo.real_time_streams / slowness))

    def make_room(self, tempo: Tempo, slowness: float, now_s: float) -> int | None:
        """Room for one more stream: the abandoned stream that leaves for it, or None if no one has to.

        Raises:
            CapacityError: too many streams are open, or they take all that the device can do.  No stream
                leaves then.
        """
        leaving: int | None = None
        if len(self._members) >= self._most_streams:
            leaving = next((number for number, member in self._members.items() if member.is_abandoned), None)
            if leaving is None:
                raise CapacityError(f"streams: expected at most {self._most_streams} open, all are taken")
        # One plain loop: with a thousand streams each new one goes through all of them.
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
        """An accepted stream."""
        share, first_s = 1 / tempo.real_time_streams, _first_s(tempo)
        member = Member(tempo=tempo, opened_at_s=now_s, share=share, first_s=first_s)
        self._members[number] = member
        return member

    def leave(self, number: int) -> None:
        """That stream is closed; a second call does nothing."""
        self._members.pop(number, None)


def _first_s(tempo: Tempo) -> float:
    """Seconds that the device needs for a stream's first audio; on a GPU new streams share a step."""
    pace = tempo.pace
    share = tempo.ladder.max_encode if pace.is_wide else 1
    return 2 * pace.window_s(tempo.ladder.first) / share  # as much again to read the utterance
