"""The engine in a Trio program, without a server.

async with open_engine() as engine:
    async for packet in engine.speak("Hello.", format="mp3_44100_128"):
        file.write(packet.audio)
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, suppress

import attrs
import trio

from zelitrio.audio import parse_format
from zelitrio.engine import Engine as InnerEngine
from zelitrio.engine import Statistics
from zelitrio.engine import open_engine as open_inner_engine
from zelitrio.errors import LocalError
from zelitrio.protocol import DEFAULT_OUTPUT_FORMAT
from zelitrio.session import Packet, Packets, Service, StreamOptions, Timing
from zelitrio.settings import EngineSettings, VoiceSettings
from zelitrio.text import FrontEnd, Reading, load_front_end
from zelitrio.voices import Catalogue, Voice


class Speech:
    """The packets of one text, to iterate over once.

    The speech ends when its last packet was taken, when `close` is called, when its `async with` block is
    left, or when the last reference to it is gone, as after a `break`.  It then frees its lane in the engine.
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
        """Wait for the next packet; may be cancelled without loss.

        Raises:
            CapacityError: the engine takes no further stream.
            EngineError: the engine broke, or could not speak this text (UtteranceError).
            Exception: whatever the iteration of the text raised.
        """
        return await anext(self._packets)

    async def __aenter__(self) -> Speech:
        return self

    async def __aexit__(self, *details: object) -> None:
        self.close()

    def __del__(self) -> None:
        # A garbage collection may run in any thread, also after the end of the Trio run.
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._scope.cancel)


@attrs.define(eq=False)
class Engine:
    """An engine in this process.  Made by `open_engine`.

    Attributes:
        inner: the engine without text and encoders (`zelitrio.engine`), for statistics and single utterances.
    """

    inner: InnerEngine
    _service: Service
    _nursery: trio.Nursery

    @property
    def catalogue(self) -> Catalogue:
        """The voices."""
        return self.inner.catalogue

    def statistics(self) -> Statistics:
        """Streams, load, first audio and more.  Never waits."""
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
        """Speak a text.  Any number of texts are spoken at once, in one batch.

        Never waits: iterate over what it returns.

        Args:
            text: all of it, or pieces as they are written; a piece need not end at a word.
            format: of the audio, such as "mp3_44100_128", "pcm_24000" or "opus_48000_64".
            voice: one of the catalogue, or its id; None for the first.
            settings: stability, speed and the like.
            seed: the same seed, text and settings give the same audio; None draws one.
            alignment: whether packets tell when each character is heard.
            reading: how the text is read, with tags for instance.

        Raises:
            LocalError: no such voice.
            RemoteError: no such format.
        """
        options = StreamOptions(
            voice=self._find(voice),
            audio_format=parse_format(format),
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


@asynccontextmanager
async def open_engine(
    catalogue: Catalogue | None = None,
    settings: EngineSettings | None = None,
    *,
    front_end: FrontEnd | None = None,
) -> AsyncIterator[Engine]:
    """An engine for as long as the block lasts.

    Entering waits for warm-up: some tenths of a second on a CPU, some seconds on a GPU.  Leaving the block
    ends all speech.

    Args:
        catalogue: the voices; None for the built-in ones.
        settings: device, number format, limits.
        front_end: reads the text; None for the built-in one.

    Raises:
        EngineError: the device does not exist, cannot do what is asked, or failed.
    """
    failure: Exception | None = None
    async with open_inner_engine(catalogue, settings) as inner, trio.open_nursery() as nursery:
        try:
            yield Engine(inner, Service(inner, front_end or load_front_end()), nursery)
        except Exception as error:
            failure = error  # raised below, outside the nursery, which would put it in a group
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
