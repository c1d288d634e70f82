"""Count the usage of streams: the holder of a key opens a meter for each of its streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from zelitrio.accounts.history import Recording
from zelitrio.accounts.records import Kind, Place, Usage, day_of
from zelitrio.errors import RemoteError

if TYPE_CHECKING:
    from zelitrio.accounts.accounts import Accounts


@attrs.frozen
class KeyHolder:
    """The account of one key; see `zelitrio.session.AccountLike`."""

    _accounts: Accounts = attrs.field(repr=False, alias="accounts")
    name: str

    def open(self, voice_id: str, kind: str, options: object = None) -> Meter:
        """Begin to count a stream.  Close the meter when the stream ends.

        Args:
            voice_id: the voice that speaks.
            kind: the interface of the stream; a `Kind`.
            options: the stream's options, for the history; None: not recorded.

        Raises:
            RemoteError: too many streams, or the quota is used up.
        """
        try:
            self._accounts.check_quota(self.name, 1)
            self._accounts.enter(self.name)
        except RemoteError as error:
            place = Place(self.name, day_of(self._accounts.now_s()), voice_id, Kind(kind))
            self._accounts.ledger.add(place, Usage(refusals=1))
            self._accounts.watcher.refused_key(self.name, error.code)
            raise
        recording = None if options is None else self._accounts.record(self.name, Kind(kind), options)
        meter = Meter(self._accounts, self.name, voice_id, Kind(kind), recording)
        meter.count(Usage(requests=1))
        return meter


@attrs.define(eq=False)
class Meter:
    """Counts the usage of one stream."""

    _accounts: Accounts = attrs.field(repr=False, alias="accounts")
    _name: str = attrs.field(alias="name")
    _voice: str = attrs.field(alias="voice")
    _kind: Kind = attrs.field(alias="kind")
    _recording: Recording | None = attrs.field(alias="recording", default=None)
    _audio_s: float = attrs.field(default=0.0, init=False)
    """Audio that was sent and is not in the ledger yet."""
    _is_closed: bool = attrs.field(default=False, init=False)

    def spend(self, characters: int) -> None:
        """Count characters before they are spoken.

        Raises:
            RemoteError: they would exceed the key's quota (`quota_exceeded`); nothing is counted.
        """
        try:
            self._accounts.check_quota(self._name, characters)
        except RemoteError as error:
            self.count(Usage(refusals=1))
            self._accounts.watcher.refused_key(self._name, error.code)
            raise
        self.count(Usage(characters=characters))
        self._accounts.watcher.used(self._name, characters)

    def spoke(self, audio_s: float) -> None:
        """Count audio that was sent, in seconds."""
        self._audio_s += audio_s
        if self._is_closed:
            self.post()
        else:
            self._accounts.speaking.add(self)  # a call of the ledger for each packet would cost more

    def post(self) -> None:
        """Move the audio that was counted into the ledger."""
        audio_ms = round(1000 * self._audio_s)
        if audio_ms:
            self.count(Usage(audio_ms=audio_ms))
            self._audio_s -= audio_ms / 1000

    @property
    def item_id(self) -> str | None:
        """Id of the stream in the history, if recorded."""
        return None if self._recording is None else self._recording.item_id

    def keep(self, text: str = "", audio: bytes = b"") -> None:
        """Record text or audio of the stream, if the history is on."""
        if self._recording is not None:
            self._recording.keep(text, audio)

    def close(self) -> None:
        """End the stream; a second call does nothing."""
        if not self._is_closed:
            self._is_closed = True
            self._accounts.speaking.discard(self)
            self.post()
            self._accounts.leave(self._name)
            if self._recording is not None:
                self._recording.close()

    def count(self, usage: Usage) -> None:
        """Add to today's usage."""
        place = Place(self._name, day_of(self._accounts.now_s()), self._voice, self._kind)
        self._accounts.ledger.add(place, usage)
