"""Engine and server in one nursery, and the line that says they are ready."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from functools import partial

import trio

from zelitrio.cli.capturing import open_shown_engine
from zelitrio.cli.catalogue import load_voices
from zelitrio.cli.configure import Configuration
from zelitrio.engine import Engine
from zelitrio.server import open_port, serve
from zelitrio.text import Dictionaries, load_dictionary, load_front_end

GARBAGE_AT = 5000
"""New objects before garbage is looked for, not Python's 700: conversations make next to none that needs it,
and with 64 streams to look cost the loop a fortieth of its time; so, a tenth of that."""


async def run_server(configuration: Configuration, started_at: float) -> None:
    """Serve until told to stop.

    Args:
        configuration: all settings.
        started_at: `time.perf_counter()` when the command began.

    Raises:
        LocalError: the address cannot be bound, or a file of pronunciations is not one.
        EngineError: the engine cannot start or cannot go on.
        OSError: a file cannot be read.
    """
    async with open_port(configuration.server) as port:
        catalogue = load_voices(configuration.voices)
        dictionaries = Dictionaries(
            load_front_end(), [load_dictionary(path) for path in configuration.lexicon]
        )
        front_end = dictionaries.front_end
        async with (
            open_shown_engine(catalogue, configuration.engine, front_end) as engine,
            trio.open_nursery() as nursery,
        ):
            run = partial(
                serve,
                engine,
                front_end,
                configuration.server,
                configuration.session,
                handle_signals=True,
                dictionaries=dictionaries,
                port=port,
            )
            urls = await nursery.start(run)
            # What is here now stays: a full collection would hold every thread for a tenth of a second
            # to look at torch's and the dictionary's objects again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(GARBAGE_AT)
            ready_s = time.perf_counter() - started_at
            print(ready_line(urls, engine, ready_s), flush=True)


def ready_line(urls: Sequence[str], engine: Engine, ready_s: float) -> str:
    """One line with address, device, voice and the time it took."""
    voices = list(engine.catalogue.voices)
    more = f" and {len(voices) - 1} more" if len(voices) > 1 else ""
    where, device = ", ".join(urls), engine.statistics().device
    return f"zelitrio: ready at {where} on {device}, voice {voices[0]}{more}, after {ready_s:.1f} s"
