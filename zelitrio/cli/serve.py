"""`zelitrio serve`: one port for all clients."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import attrs
from cyclopts import Group, Parameter

from zelitrio.cli.configure import FLAT, LIST
from zelitrio.cli.keys import state_folder
from zelitrio.settings import EngineSettings, ServerSettings, SessionSettings

_NETWORK, _SESSION, _ENGINE = (
    Parameter(group=Group.create_ordered(name)) for name in ("Network", "Conversations", "Engine")
)


def serve(
    *,
    api_keys: Annotated[list[str] | None, LIST, _NETWORK] = None,
    key_file: Annotated[Path | None, _NETWORK] = None,
    server: Annotated[ServerSettings, FLAT, _NETWORK] = ServerSettings(),
    session: Annotated[SessionSettings, FLAT, _SESSION] = SessionSettings(),
    engine: Annotated[EngineSettings, FLAT, _ENGINE] = EngineSettings(),
    voices: Annotated[list[Path] | None, LIST, _ENGINE] = None,
    preload: Annotated[bool, _ENGINE, Parameter(negative=())] = False,
    lexicon: Annotated[list[Path] | None, LIST, _ENGINE] = None,
    config: Path | None = None,
) -> None:
    """Serve speech over WebSockets and HTTP until SIGTERM or Ctrl-C.

    Without a key it serves this machine only. Every setting can also come from the environment
    (ZELITRIO_PORT=8020) or a TOML file (--config): flags win over the environment, that over the file.

    Parameters
    ----------
    api_keys
        A key that clients may use; repeat for more. ZELITRIO_API_KEYS takes several, with commas.
    key_file
        A file of allowed keys: on each line the SHA-256 of a key in hex.
    voices
        A folder with more voices; repeat for more.
    preload
        Load public voices before serving, and not when they are first used.
    lexicon
        A file of pronunciations, a table or PLS; repeat for more, the most important first.
    config
        A TOML file with settings: ZELITRIO_MAX_STREAMS is max_streams there.
    """
    started_at = time.perf_counter()
    server = attrs.evolve(server, state_dir=state_folder(server.state_dir))
    # The engine's thread and the loop share the GIL.  With Python's 5 ms the loop waits 15 ms for it when
    # both are busy, with 0.5 ms it waits 1 ms.  Only the program that owns the process may change it.
    sys.setswitchinterval(0.0005)

    from zelitrio.cli.loop import run_loop
    from zelitrio.cli.serving import Job, run_server
    from zelitrio.server import configure_logging, raise_descriptor_limit

    configure_logging(server.log_format, server.log_level)
    raise_descriptor_limit()
    folders = tuple(voices or ())
    job = Job(server, session, engine, folders, preload, tuple(lexicon or ()), started_at)
    run_loop(run_server, job)
