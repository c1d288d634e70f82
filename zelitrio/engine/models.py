"""The models on the device: those loaded at start, and lazy ones, loaded for a stream."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
import trio

from zelitrio.engine.commands import Command, Load, Unload
from zelitrio.engine.loading import ReadyModel
from zelitrio.engine.pace import Tempo
from zelitrio.errors import EngineError, LocalError, ZelitrioError
from zelitrio.voices import Catalogue, Voice

_log = logging.getLogger(__name__)


@attrs.define(eq=False, kw_only=True)
class Entry:
    """One model of the catalogue."""

    number: int
    voice: Voice
    """One of its voices, used to measure it."""
    tempo: Tempo | None = None
    """Its speed; None if it is not on the device."""
    uses: int = 0
    """Streams that use it or wait for it."""
    used_at: int = 0
    """Order of last use: a growing count."""
    loading: trio.Event | None = None
    """Set at the end of loading; None if it is not being loaded."""
    error: ZelitrioError | None = None
    """Why its last loading failed."""


class Models:
    """All models of a catalogue.

    Args:
        catalogue: the voices of the models.
        most_bytes: limit for the weights of lazy models; above it, unused ones are unloaded.
        tell: sends the engine's thread a command.
        load: loads a voice's model; blocks, so it is called in a thread.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        most_bytes: int,
        tell: Callable[[Command], None],
        load: Callable[[Voice], ReadyModel],
    ) -> None:
        voices = {id(voice.model): voice for voice in reversed(list(catalogue))}
        first = dict.fromkeys(id(voice.model) for voice in catalogue)
        self._entries = {
            model: Entry(number=number, voice=voices[model]) for number, model in enumerate(first)
        }
        self._most_bytes = most_bytes
        self._tell = tell
        self._load = load
        self._left = itertools.count(1)

    def at_start(self) -> dict[int, Voice]:
        """A voice of each model to load at start, by the model's number."""
        return {
            entry.number: entry.voice for entry in self._entries.values() if not entry.voice.model.is_lazy
        }

    def began(self, tempos: dict[int, Tempo]) -> None:
        """Note that the engine serves, with these models loaded."""
        for entry in self._entries.values():
            entry.tempo = tempos.get(entry.number)

    def find(self, voice: Voice) -> Entry:
        """The model of a voice.

        Raises:
            LocalError: the voice belongs to another catalogue.
        """
        entry = self._entries.get(id(voice.model))
        if entry is None:
            raise LocalError(
                f"voice: expected one of this engine's catalogue, found another's {voice.voice_id!r}"
            )
        return entry

    @contextmanager
    def held(self, entry: Entry) -> Iterator[None]:
        """Keep a model from being unloaded during the block."""
        entry.uses += 1
        try:
            yield
        finally:
            entry.uses -= 1
            entry.used_at = next(self._left)

    async def ensure(self, entry: Entry, nursery: trio.Nursery) -> Tempo:
        """Wait until a held model is on the device, and load it if needed.  Other streams continue.

        Args:
            entry: the model.
            nursery: loads it, also if the stream that began it is cancelled.

        Raises:
            VoiceError: its files are missing or damaged.
            EngineError: the device has not enough memory.
        """
        if entry.tempo is None:
            if entry.loading is None:
                entry.loading, entry.error = trio.Event(), None
                nursery.start_soon(self._bring, entry, entry.loading)
            await entry.loading.wait()
            if entry.error is not None:
                raise entry.error
        assert entry.tempo is not None
        return entry.tempo

    async def _bring(self, entry: Entry, is_loaded: trio.Event) -> None:
        entry.error = EngineError("the engine is closed")  # stays if loading is cancelled
        try:
            loaded = await trio.to_thread.run_sync(self._load, entry.voice, abandon_on_cancel=True)
            self._tell(Load(model=entry.number, loaded=loaded))
            entry.tempo, entry.error = loaded.tempo, None
            _log.info(
                "voice %s: weights on the device, %.1f MB",
                entry.voice.voice_id,
                entry.voice.model.memory_bytes / 1e6,
            )
            self._make_room()
        except ZelitrioError as error:
            entry.error = error
        except Exception as error:  # fails only streams of this voice
            entry.error = EngineError(f"voice {entry.voice.voice_id!r}: cannot be loaded: {error!r}")
            entry.error.__cause__ = error
        finally:
            entry.loading = None
            is_loaded.set()

    def _make_room(self) -> None:
        lazy = [entry for entry in self._entries.values() if entry.voice.model.is_lazy and entry.tempo]
        total = sum(entry.voice.model.memory_bytes for entry in lazy)
        idle = sorted((entry for entry in lazy if not entry.uses), key=lambda entry: entry.used_at)
        for entry in idle:
            if total <= self._most_bytes:
                return
            total -= entry.voice.model.memory_bytes
            _log.info(
                "voice %s: unloaded, %.1f MB are free",
                entry.voice.voice_id,
                entry.voice.model.memory_bytes / 1e6,
            )
            entry.tempo = None
            self._tell(Unload(model=entry.number))
