"""The sources of speech for `zelitrio speak`: the engine in this process, or a server."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from zelitrio.audio import AudioFormat
from zelitrio.settings import EngineSettings, VoiceSettings

SERVER_SCHEDULE_CHARS = (50, 160, 250, 290)
"""Characters of chunks; the first is short for early audio."""
PIECE_CHARS = 2_000
"""Characters of a message, well below any server's limit."""

Text = str | AsyncIterable[str]
Deliver = Callable[[bytes, float], None]
"""Takes encoded bytes and their playing time in seconds, 0 if unknown."""
Source = Callable[[Text, Deliver], Awaitable[None]]
"""Speaks a text, whole or in pieces; returns when all audio is delivered."""


@asynccontextmanager
async def open_engine_source(
    engine_settings: EngineSettings,
    *,
    folders: Sequence[Path] | None,
    lexicon: Sequence[Path] = (),
    voice: str | None,
    language: str | None = None,
    audio_format: AudioFormat,
    settings: VoiceSettings,
    seed: int | None,
    shown: bool = True,
) -> AsyncIterator[Source]:
    """Run an engine in this process for the block; if `shown`, show its captures on stderr."""
    from zelitrio.cli.capturing import open_shown_engine
    from zelitrio.cli.catalogue import choose_voice, load_voices
    from zelitrio.session import Service, StreamOptions, speak
    from zelitrio.text import Dictionaries, load_dictionary, load_front_end

    catalogue = load_voices(folders)
    speaker = choose_voice(catalogue, voice, language)
    front_end = Dictionaries(load_front_end(), [load_dictionary(path) for path in lexicon]).front_end
    async with open_shown_engine(catalogue, engine_settings, shown=shown) as engine:
        service = Service(engine, front_end)
        options = StreamOptions(voice=speaker, audio_format=audio_format, settings=settings, seed=seed)

        async def source(text: Text, deliver: Deliver) -> None:
            async with speak(service, options, text) as packets:
                async for packet in packets:
                    deliver(packet.audio, packet.seconds)

        yield source


@asynccontextmanager
async def open_server_source(
    url: str,
    api_key: str | None,
    *,
    voice: str | None,
    language: str | None = None,
    audio_format: AudioFormat,
    settings: VoiceSettings,
    seed: int | None,
) -> AsyncIterator[Source]:
    """Connect to a server; entering the block waits for the handshake.

    Raises:
        RemoteError: the server cannot be reached, or refuses.
    """
    import trio

    from zelitrio.client import open_client

    connect = partial(
        open_client,
        url,
        api_key=api_key,
        output_format=audio_format.name,
        settings=settings,
        language_code=language,
        chunk_schedule=SERVER_SCHEDULE_CHARS,
        seed=seed,
    )
    async with connect() if voice is None else connect(voice_id=voice) as client:

        async def send(text: Text) -> None:
            if isinstance(text, str):
                for start in range(0, len(text), PIECE_CHARS):
                    await client.send_text(text[start : start + PIECE_CHARS])
            else:
                async for piece in text:
                    await client.send_text(piece)
            await client.end()

        async def source(text: Text, deliver: Deliver) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send, text)
                async for part in client:
                    deliver(part.audio, _seconds(len(part.audio), audio_format))

        yield source


def _seconds(size_bytes: int, audio_format: AudioFormat) -> float:
    """Playing time of `size_bytes`, for a progress bar; 0 for codecs without a fixed rate."""
    bits_per_sample = {"pcm": 16, "wav": 16, "ulaw": 8, "alaw": 8}.get(audio_format.codec)
    bitrate_bps = (
        bits_per_sample * audio_format.sample_rate_hz if bits_per_sample else audio_format.bitrate_bps
    )
    return size_bytes * 8 / bitrate_bps if bitrate_bps else 0.0
