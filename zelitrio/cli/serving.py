"""Run engine and server in one nursery, and print when they are ready."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

import attrs
import trio

from zelitrio.accounts import has_stored_key
from zelitrio.cli.capturing import open_shown_engine
from zelitrio.cli.catalogue import load_voices, unread_voices
from zelitrio.cli.notify import Notifier
from zelitrio.engine import Engine
from zelitrio.server import open_port, serve, settle_garbage
from zelitrio.settings import EngineSettings, ServerSettings, SessionSettings, StartSettings
from zelitrio.text import Dictionaries, load_dictionary, load_front_end


@attrs.frozen
class Job:
    """The settings of one run of `zelitrio serve`.

    Attributes:
        started_at: `time.perf_counter()` when the command began.
    """

    server: ServerSettings
    session: SessionSettings
    engine: EngineSettings
    start: StartSettings
    started_at: float


async def run_server(job: Job) -> None:
    """Serve until a signal or a failure ends it.

    Raises:
        LocalError: the address cannot be bound, or a file of pronunciations is not valid.
        EngineError: the engine cannot start or continue.
        OSError: a file cannot be read.
    """
    has_key = bool(job.server.api_key_hashes)
    if job.server.state_dir is not None and not has_key:
        has_key = await trio.to_thread.run_sync(has_stored_key, job.server.state_dir)
    if not has_key:
        print("zelitrio: no API key is set, so only this machine can connect", file=sys.stderr)
    async with open_port(job.server, has_key=has_key) as port:
        catalogue = load_voices(job.start.voices, preload=job.start.preload)
        for line in unread_voices(catalogue):
            print(f"zelitrio: {line}", file=sys.stderr)
        dictionaries = Dictionaries(load_front_end(), [load_dictionary(path) for path in job.start.lexicon])
        front_end = dictionaries.front_end
        async with (
            open_shown_engine(catalogue, job.engine) as engine,
            trio.open_nursery() as nursery,
        ):
            notifier = Notifier(os.environ)
            nursery.start_soon(notifier.run_watchdog)
            serving = partial(
                serve,
                engine,
                front_end,
                job.server,
                job.session,
                handle_signals=True,
                dictionaries=dictionaries,
                port=port,
            )
            urls = await nursery.start(_until_it_ends, nursery, serving)
            settle_garbage()
            ready_s = time.perf_counter() - job.started_at
            notifier.tell("READY=1")
            with suppress(OSError, ValueError):  # standard output may be closed
                print(ready_line(urls, engine, ready_s), page_line(urls), sep="\n", flush=True)


async def _until_it_ends(
    nursery: trio.Nursery,
    serving: Callable[..., Awaitable[None]],
    *,
    task_status: trio.TaskStatus[tuple[str, ...]],
) -> None:
    """Run the server; when it ends, cancel the other tasks of the nursery."""
    await serving(task_status=task_status)
    nursery.cancel_scope.cancel()


def ready_line(urls: Sequence[str], engine: Engine, ready_s: float) -> str:
    """A line with address, device, voice and start time."""
    voices = list(engine.catalogue.voices)
    more = f" and {len(voices) - 1} more" if len(voices) > 1 else ""
    where, device = ", ".join(urls), engine.statistics().device
    return f"zelitrio: ready at {where} on {device}, voice {voices[0]}{more}, after {ready_s:.1f} s"


def page_line(urls: Sequence[str]) -> str:
    """A line with the URL of the playground."""
    return f"zelitrio: open {urls[0]}/ in a browser to hear and measure it"
