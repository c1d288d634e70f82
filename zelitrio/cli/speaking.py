"""One job of `zelitrio speak`: text from somewhere, speech from somewhere, a file and a report."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import attrs
import trio

from zelitrio.audio import AudioFormat
from zelitrio.cli.outputs import SpeechFile
from zelitrio.cli.progress import Progress
from zelitrio.cli.sources import Source, open_engine_source, open_server_source
from zelitrio.errors import LocalError
from zelitrio.settings import EngineSettings, VoiceSettings

_READ_BYTES = 4096


@attrs.frozen(kw_only=True)
class Job:
    """What `zelitrio speak` was asked for.

    Attributes:
        text: as on the command line.
        file: the file that it names, if it names one.
        report_to: `stdout`, `stderr`, or None for silence.
    """

    text: str
    file: Path | None
    out: Path
    audio_format: AudioFormat
    voice: str | None
    settings: VoiceSettings
    seed: int | None
    engine: EngineSettings
    voices: Path | None
    url: str | None
    api_key: str | None
    report_to: str | None


async def run_job(job: Job) -> None:
    """Speak, write, report.

    Raises:
        LocalError: an unknown voice, an unreadable text, or a text without anything to speak.
        RemoteError, EngineError: what the server or the engine says.
        OSError: the file cannot be written, or the server not reached.
    """
    text = await _text(job)
    if isinstance(text, str) and not text.strip():
        raise LocalError("TEXT: expected something to speak, found nothing")
    expected_chars = len(text) if isinstance(text, str) else None
    async with _source(job) as source:
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
                file.write(data)  # blocks, but nobody else lives in this loop
                progress.spoken(seconds)

            await source(text, deliver)
        took_s = trio.current_time() - started_at
    if first_audio_s is None:
        raise LocalError("TEXT: expected something to speak, found no word in it")
    _report(job, file.seconds() or progress.spoken_s, first_audio_s, took_s)


def _source(job: Job) -> AbstractAsyncContextManager[Source]:
    if job.url is not None:
        return open_server_source(
            job.url,
            job.api_key,
            voice=job.voice,
            audio_format=job.audio_format,
            settings=job.settings,
            seed=job.seed,
        )
    return open_engine_source(
        job.engine,
        folder=job.voices,
        voice=job.voice,
        audio_format=job.audio_format,
        settings=job.settings,
        seed=job.seed,
    )


async def _text(job: Job) -> str | AsyncIterator[str]:
    if job.file is not None:
        try:
            return await trio.Path(job.file).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise LocalError(f"{job.file}: expected text in UTF-8: {error}") from error
    return _stdin() if job.text == "-" else job.text


async def _stdin() -> AsyncIterator[str]:
    """Text from stdin as it comes, so that what writes it need not end first."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    # A copy, for the stream closes what it is given.
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as stream:
        try:
            while data := await stream.receive_some(_READ_BYTES):
                yield decoder.decode(data)
            yield decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise LocalError(f"stdin: expected text in UTF-8: {error}") from error


def _report(job: Job, spoken_s: float, first_audio_s: float, took_s: float) -> None:
    if job.report_to is None:
        return
    # Where the text was still being written, the time says more about the writer than about us.
    is_written = job.text == "-" and job.file is None
    pace = f"in {took_s:.2f} s" if is_written else f"real-time factor {took_s / max(spoken_s, 0.001):.3f}"
    print(
        f"{job.out}: {spoken_s:.2f} s of speech as {job.audio_format.name}, "
        f"first audio after {first_audio_s * 1000:.0f} ms, {pace}",
        file=sys.stdout if job.report_to == "stdout" else sys.stderr,
    )
