"""`zelitrio serve`: one port for all clients."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import attrs
from cyclopts import Group, Parameter

from zelitrio.cli.configure import FLAT
from zelitrio.cli.keys import state_folder
from zelitrio.settings import EngineSettings, ServerSettings, SessionSettings, StartSettings

_NETWORK, _SESSION, _ENGINE, _START = (
    Parameter.combine(FLAT, Parameter(group=Group.create_ordered(name)))
    for name in ("Network", "Conversations", "Engine", "Keys, voices and pronunciations")
)


def serve(
    *,
    server: Annotated[ServerSettings, _NETWORK] = ServerSettings(),
    session: Annotated[SessionSettings, _SESSION] = SessionSettings(),
    engine: Annotated[EngineSettings, _ENGINE] = EngineSettings(),
    start: Annotated[StartSettings, _START] = StartSettings(),
    config: Path | None = None,
) -> None:
    """Serve speech over WebSockets and HTTP until SIGTERM or Ctrl-C.

    Without a key it serves this machine only. Every setting can also come from the environment
    (ZELITRIO_PORT=8020) or a TOML file (--config): flags win over the environment, that over the file.

    Parameters
    ----------
    config
        A TOML file with settings: ZELITRIO_MAX_STREAMS is max_streams there.
    """
    started_at = time.perf_counter()
    server = attrs.evolve(server, state_dir=state_folder(server.state_dir))
    # The engine's thread and the loop share the GIL.  With Python's interval of 5 ms the loop waits 15 ms for
    # it when both are busy, with 0.5 ms it waits 1 ms.  Only the program that owns the process may change it.
    sys.setswitchinterval(0.0005)

    from zelitrio.cli.loop import run_loop
    from zelitrio.cli.serving import Job, run_server
    from zelitrio.server import configure_logging, raise_descriptor_limit

    configure_logging(server.log_format, server.log_level)
    raise_descriptor_limit()
    run_loop(run_server, Job(server, session, engine, start, started_at))
