"""A dialogue: several voices in one stream, turn by turn, with one encoder."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
import trio

from zelitrio.protocol import ChunkSchedule
from zelitrio.session.audio_half import Deliver, DirectSink
from zelitrio.session.notices import Notices
from zelitrio.session.options import StreamOptions, make_audio_half
from zelitrio.session.service import Service
from zelitrio.session.signals import Signal
from zelitrio.session.stream import SpeechStream, TellFlushes, ignore_flushes
from zelitrio.session.text_half import Flush
from zelitrio.settings import VoiceSettings

if TYPE_CHECKING:
    from zelitrio.voices import Voice

TURN_PAUSE_S = 0.25
"""Silence between two turns, as between people in conversation."""


@attrs.frozen
class Line:
    """A text and the voice that speaks it."""

    text: str
    voice: Voice


class DialogueStream:
    """The turns of one dialogue.  It has the methods of `SpeechStream`; `text` also names the voice.

    Args:
        service: shared by all streams.
        options: how to speak; `voice` is the default.
        voices: the dialogue's voices, by id.
        make_schedule: makes the chunk schedule of a turn.
        tell_flushes: called with turns and flushes after their audio was delivered.
    """

    def __init__(
        self,
        service: Service,
        options: StreamOptions,
        voices: Mapping[str, Voice],
        make_schedule: Callable[[], ChunkSchedule],
        tell_flushes: TellFlushes = ignore_flushes,
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._service = service
        self._options = options
        self._voices = voices
        self._make_schedule = make_schedule
        self._tell_flushes = tell_flushes
        self.notices = Notices(service.observer)
        self._turns: deque[SpeechStream] = deque()
        """The present turn, then later ones; the last one takes text."""
        self._is_ended = False
        self._is_done = False
        self._changed = Signal()

    @property
    def is_busy(self) -> bool:
        """Whether released text waits, or `end` was called and `run` has not returned."""
        return not self._is_done and (self._is_ended or any(turn.is_busy for turn in self._turns))

    def text(
        self,
        text: str,
        *,
        flush: bool = False,
        trigger: bool = False,
        continues: bool = False,
        voice_id: str | None = None,
        new_turn: bool = False,
    ) -> None:
        """Take more text of a voice; see `TextHalf.text`.

        Another voice, or `new_turn`, ends the previous turn.
        """
        if self._is_ended:
            return
        voice = None if voice_id is None else self._voices[voice_id]
        turn = self._turns[-1] if self._turns else None
        if turn is not None and (turn.is_ended or new_turn or (voice is not None and voice != turn.voice)):
            turn.end()
            turn = None
        if turn is None and text:
            turn = self._begin(voice or self._options.voice)
        if turn is not None:
            # Clients of dialogue sockets split words between messages, so no space is added.
            turn.text(text, continues=True)
        if flush:
            self.flush()

    def update(self, settings: VoiceSettings, chunk_schedule: Sequence[float]) -> None:
        """Set the settings of later turns; a dialogue's chunk schedule stays."""
        self._options = attrs.evolve(self._options, settings=settings)

    def flush(self, flush_id: str | None = None) -> None:
        """Speak everything buffered now; `flush_id` names the flush."""
        if self._turns:
            self._turns[-1].flush(flush_id)
        elif flush_id is not None:
            self._tell_flushes((Flush(0, False, flush_id),))

    def end(self) -> None:
        """Take no more text: speak the rest, then end.  A second call does nothing."""
        for turn in self._turns:
            turn.end()
        self._is_ended = True
        self._notify()

    @property
    def is_ended(self) -> bool:
        """Whether no more text is taken."""
        return self._is_ended

    def give_way(self) -> None:
        """Let the client's other speech go first: it may begin at any moment."""
        for turn in self._turns:
            turn.give_way()

    def abandon(self) -> None:
        """Let the client's other speech go first: it has begun.  The rest of this stream may be dropped."""
        for turn in self._turns:
            turn.abandon()

    def discard(self) -> int:
        """End at once.

        Returns:
            0: all unsent packets are stale, from the first chunk on.
        """
        for turn in self._turns:
            turn.discard()
        self._is_ended = True
        self._notify()
        return 0

    async def run(self, deliver: Deliver, direct: DirectSink | None = None) -> None:
        """Speak the turns in order until the end; see `SpeechStream.run`."""
        audio = make_audio_half(self._service, self._options, deliver, direct)
        spoke = False
        try:
            while (turn := await self._next()) is not None:
                if spoke:
                    await audio.add_silence(TURN_PAUSE_S)
                await audio.change_rate(turn.voice.sample_rate_hz)
                spoke = await turn.speak_on(audio) or spoke
                if turn.gave_way:
                    break
                audio.packets.carry(turn.text_half.skipped)
                self._turns.popleft()
                self._notify()
            if spoke:
                await audio.finish("")
        finally:
            self._is_done = True
            # Turns and this stream refer to each other; break the cycle to free them without garbage
            # collection.
            self._turns.clear()
            self.on_change, self._tell_flushes = lambda: None, ignore_flushes

    def continue_with(self, next_text: str) -> None:
        """Set the text after the later turns; it shapes their intonation."""
        self._options = attrs.evolve(
            self._options, reading=attrs.evolve(self._options.reading, next_text=next_text)
        )

    def _begin(self, voice: Voice) -> SpeechStream:
        options = attrs.evolve(self._options, voice=voice)
        # Only the first turn continues an earlier request.
        self._options = attrs.evolve(
            self._options, reading=attrs.evolve(self._options.reading, previous_text="")
        )
        turn = SpeechStream(self._service, options, self._make_schedule(), self._tell_flushes, self.notices)
        turn.on_change = self._notify
        self._turns.append(turn)
        return turn

    async def _next(self) -> SpeechStream | None:
        await trio.lowlevel.checkpoint()
        while not self._turns and not self._is_ended:
            await self._changed.wait()
        return self._turns[0] if self._turns else None

    def _notify(self) -> None:
        self._changed.notify()
        self.on_change()
