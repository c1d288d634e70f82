"""Speak in a Trio program, without a server.

async with open_engine() as engine:
    async for packet in engine.speak("Hello.", format="mp3_44100_128"):
        file.write(packet.audio)
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, suppress

import attrs
import trio

from zelitrio.audio import AudioFormat, parse_format
from zelitrio.engine import Engine as InnerEngine
from zelitrio.engine import Statistics
from zelitrio.engine import open_engine as open_inner_engine
from zelitrio.errors import LocalError, RemoteError
from zelitrio.protocol import DEFAULT_OUTPUT_FORMAT
from zelitrio.session import Packet, Packets, Service, StreamOptions, Timing
from zelitrio.settings import EngineSettings, VoiceSettings
from zelitrio.text import FrontEnd, Reading, load_front_end
from zelitrio.voices import Catalogue, Voice


class Speech:
    """The packets of one text, to iterate over once.

    It ends after its last packet, at `close`, at the end of its `async with` block, or when the last
    reference to it is gone, as after a `break`.  Then its lane is freed.
    """

    def __init__(self, packets: Packets, scope: trio.CancelScope) -> None:
        self._packets = packets
        self._scope = scope
        self._token = trio.lowlevel.current_trio_token()

    def close(self) -> None:
        """Stop speaking.  Returns at once; a second call does nothing."""
        self._scope.cancel()

    def __aiter__(self) -> AsyncIterator[Packet]:
        return self

    async def __anext__(self) -> Packet:
        """Wait for the next packet; cancelling it loses nothing.

        Raises:
            CapacityError: the engine takes no further stream.
            EngineError: the engine failed, or could not speak this text (UtteranceError).
            Exception: an error of the text's own iteration.
        """
        return await anext(self._packets)

    async def __aenter__(self) -> Speech:
        return self

    async def __aexit__(self, *details: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Garbage collection may run in any thread, even after the end of the Trio run.
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._scope.cancel)


@attrs.define(eq=False)
class Engine:
    """An engine in this process.  Made by `open_engine`.

    Attributes:
        inner: the engine without text and encoders (`zelitrio.engine`).
    """

    inner: InnerEngine
    _service: Service
    _nursery: trio.Nursery

    @property
    def catalogue(self) -> Catalogue:
        """The voices."""
        return self.inner.catalogue

    def statistics(self) -> Statistics:
        """Return streams, load, first audio and more; never waits."""
        return self.inner.statistics()

    def speak(
        self,
        text: str | AsyncIterable[str],
        *,
        format: str = DEFAULT_OUTPUT_FORMAT,
        voice: Voice | str | None = None,
        settings: VoiceSettings | None = None,
        seed: int | None = None,
        alignment: bool = False,
        reading: Reading | None = None,
    ) -> Speech:
        """Speak a text.  Several texts may be spoken at once; the engine batches them.

        This call never waits; iterate over its result.

        Args:
            text: the whole text, or pieces as they are written; a piece may end inside a word.
            format: audio format, such as "mp3_44100_128", "pcm_24000" or "opus_48000_64".
            voice: a voice of the catalogue, or its id; None: the default voice.
            settings: stability, speed and others; None: the defaults.
            seed: the same seed, text and settings give the same audio; None: a random seed.
            alignment: whether packets carry character times.
            reading: how the text is read, for example with SSML tags; None: the defaults.

        Raises:
            LocalError: the voice or the format is unknown, or an argument is not of the described kind.
        """
        if not isinstance(text, str | AsyncIterable):
            raise LocalError(f"text: expected str or an async iterable of str, found {text!r}")
        if not isinstance(settings, VoiceSettings | None):
            raise LocalError(f"settings: expected VoiceSettings, found {settings!r}")
        if seed is not None and not (isinstance(seed, int) and seed >= 0):
            raise LocalError(f"seed: expected a whole number from 0, found {seed!r}")
        options = StreamOptions(
            voice=self._find(voice),
            audio_format=_known_format(format),
            settings=settings or VoiceSettings(),
            seed=seed,
            reading=reading or Reading(),
            timing=Timing.STREAM if alignment else Timing.NONE,
        )
        scope = trio.CancelScope()
        packets = Packets(self._service.observer)
        self._nursery.start_soon(packets.run, self._service, options, text, scope)
        return Speech(packets, scope)

    def _find(self, voice: Voice | str | None) -> Voice:
        if voice is None:
            return self.catalogue.default.in_language(None)
        if not isinstance(voice, str):
            return voice
        found = self.catalogue.find(voice)
        if found is None:
            names = ", ".join(each.voice_id for each in self.catalogue)
            raise LocalError(f"voice: expected one of {names}, found {voice!r}")
        return found.in_language(None)


def _known_format(name: str) -> AudioFormat:
    try:
        return parse_format(str(name))
    except RemoteError as error:
        raise LocalError(error.message.replace("output_format:", "format:")) from None


@asynccontextmanager
async def open_engine(
    catalogue: Catalogue | None = None,
    settings: EngineSettings | None = None,
    *,
    front_end: FrontEnd | None = None,
) -> AsyncIterator[Engine]:
    """Run an engine for the block.

    Entering waits for warm-up: some tenths of a second on a CPU, some seconds on a GPU.  Leaving ends all
    speech.

    Args:
        catalogue: the voices; None: the built-in ones.
        settings: device, number format, limits; None: the defaults.
        front_end: reads the text; None: the built-in one.

    Raises:
        EngineError: the device is missing, lacks the number format, or failed.
    """
    failure: Exception | None = None
    async with open_inner_engine(catalogue, settings) as inner, trio.open_nursery() as nursery:
        try:
            yield Engine(inner, Service(inner, front_end or load_front_end()), nursery)
        except Exception as error:
            failure = error  # raised below, because the nursery would put it in a group
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
