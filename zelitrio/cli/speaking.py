"""One run of `zelitrio speak`: text, source, file and report."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import attrs
import trio

from zelitrio.audio import AudioFormat
from zelitrio.cli.outputs import SpeechFile
from zelitrio.cli.progress import Progress
from zelitrio.cli.sources import Source, Text, open_engine_source, open_server_source
from zelitrio.errors import LocalError
from zelitrio.settings import EngineSettings, VoiceSettings

_READ_BYTES = 4096


@attrs.frozen(kw_only=True)
class Job:
    """The command line of `zelitrio speak`.

    Attributes:
        text: the whole text; None if it comes from stdin.
        lexicon: files of pronunciations, in order of precedence.
        report_to: `stdout`, `stderr`, or None for no report.
    """

    text: str | None
    out: Path
    audio_format: AudioFormat
    voice: str | None
    language: str | None = None
    settings: VoiceSettings
    seed: int | None
    engine: EngineSettings
    voices: tuple[Path, ...]
    lexicon: tuple[Path, ...] = ()
    url: str | None
    api_key: str | None
    report_to: str | None


async def run_job(job: Job) -> None:
    """Speak, write, report.

    Raises:
        LocalError: an unknown voice, an unreadable text, or a text without anything to speak.
        RemoteError, EngineError: the server or the engine refuses.
        OSError: the file cannot be written, or the server not reached.
    """
    if job.text is not None and not job.text.strip():
        raise LocalError("TEXT: expected something to speak, found nothing")
    expected_chars = None if job.text is None else len(job.text)
    async with _open_text(job) as text, _source(job) as source:
        started_at = trio.current_time()
        first_audio_s: float | None = None
        with (
            SpeechFile(job.out, job.audio_format) as file,
            Progress(expected_chars, shown=job.report_to is not None) as progress,
        ):

            def deliver(data: bytes, seconds: float) -> None:
                nonlocal first_audio_s
                if data and first_audio_s is None:
                    first_audio_s = trio.current_time() - started_at
                file.write(data)  # may block: this loop has no other task
                progress.spoken(seconds)

            await source(text, deliver)
        took_s = trio.current_time() - started_at
    if first_audio_s is None:
        raise LocalError("TEXT: expected something to speak, found no word in it")
    _report(job, file.seconds() or progress.spoken_s, first_audio_s, took_s)


def _source(job: Job) -> AbstractAsyncContextManager[Source]:
    if job.url is not None:
        if job.lexicon:
            raise LocalError("lexicon: a server has its own; give --lexicon to `zelitrio serve`")
        return open_server_source(
            job.url,
            job.api_key,
            voice=job.voice,
            language=job.language,
            audio_format=job.audio_format,
            settings=job.settings,
            seed=job.seed,
        )
    return open_engine_source(
        job.engine,
        folders=job.voices,
        lexicon=job.lexicon,
        voice=job.voice,
        language=job.language,
        audio_format=job.audio_format,
        settings=job.settings,
        seed=job.seed,
        shown=job.report_to is not None,
    )


@asynccontextmanager
async def _open_text(job: Job) -> AsyncIterator[Text]:
    """Yield the text, or the pieces of stdin as they come, so that speech starts early."""
    if job.text is not None:
        yield job.text
        return
    # A duplicate, because the stream closes its descriptor.
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as stream:
        yield _Pieces(stream)


class _Pieces:
    """Iterates over the text of a UTF-8 stream.  As an async generator, it would warn after Ctrl-C."""

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> str:
        data = await self._stream.receive_some(_READ_BYTES)
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise LocalError(f"stdin: expected text in UTF-8: {error}") from error
        if not data:
            raise StopAsyncIteration
        return text


def _report(job: Job, spoken_s: float, first_audio_s: float, took_s: float) -> None:
    if job.report_to is None:
        return
    # The time for text in pieces depends on the program that writes it.
    pace = (
        f"in {took_s:.2f} s" if job.text is None else f"real-time factor {took_s / max(spoken_s, 0.001):.3f}"
    )
    print(
        f"{job.out}: {spoken_s:.2f} s of speech as {job.audio_format.name}, "
        f"first audio after {first_audio_s * 1000:.0f} ms, {pace}",
        file=sys.stdout if job.report_to == "stdout" else sys.stderr,
    )
