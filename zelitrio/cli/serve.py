"""`zelitrio serve`: one port for everybody who may use it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

_NETWORK = Group.create_ordered("Network")
_ENGINE = Group.create_ordered("Engine")


def serve(
    *,
    host: Annotated[str | None, Parameter(group=_NETWORK)] = None,
    port: Annotated[int | None, Parameter(group=_NETWORK)] = None,
    api_key: Annotated[list[str] | None, Parameter(group=_NETWORK, negative=())] = None,
    key_file: Annotated[Path | None, Parameter(group=_NETWORK)] = None,
    cors_origin: Annotated[list[str] | None, Parameter(group=_NETWORK, negative=())] = None,
    tls_cert: Annotated[Path | None, Parameter(group=_NETWORK)] = None,
    tls_key: Annotated[Path | None, Parameter(group=_NETWORK)] = None,
    max_connections: Annotated[int | None, Parameter(group=_NETWORK)] = None,
    drain_s: Annotated[float | None, Parameter(group=_NETWORK)] = None,
    device: Annotated[str | None, Parameter(group=_ENGINE)] = None,
    dtype: Annotated[str | None, Parameter(group=_ENGINE)] = None,
    graphs: Annotated[bool | None, Parameter(group=_ENGINE)] = None,
    max_batch: Annotated[int | None, Parameter(group=_ENGINE)] = None,
    max_streams: Annotated[int | None, Parameter(group=_ENGINE)] = None,
    cpu_threads: Annotated[int | None, Parameter(group=_ENGINE)] = None,
    voices: Annotated[Path | None, Parameter(group=_ENGINE)] = None,
    lexicon: Annotated[list[Path] | None, Parameter(group=_ENGINE, negative=())] = None,
    config: Path | None = None,
) -> None:
    """Serve speech over WebSockets and HTTP until SIGTERM or Ctrl-C.

    Without any key it serves this machine alone. Every setting can also come from the environment
    (ZELITRIO_PORT=8020) or a TOML file (--config): flags win over the environment, that over the file.

    Parameters
    ----------
    host
        Address to bind [default: 127.0.0.1].
    port
        Port to bind; 0 takes a free one [default: 8020].
    api_key
        A key clients may use; repeat for more. ZELITRIO_API_KEYS takes several, with commas.
    key_file
        A file of allowed keys, each as its SHA-256 in hex on a line.
    cors_origin
        Origin of web pages that may use the server, such as https://example.com; repeat for more, * for
        all [default: all if there is a key, else pages of this machine]. ZELITRIO_CORS_ORIGINS takes
        several, with commas.
    tls_cert
        Certificate chain, PEM; with --tls-key the port speaks https and wss.
    tls_key
        Private key of the certificate, PEM.
    max_connections
        Connections at once [default: 2000].
    drain_s
        How long speech may go on after the signal to stop, in seconds [default: 30].
    device
        auto, cpu, cuda or cuda:N [default: auto].
    dtype
        float32, bfloat16 or float16 [default: float32].
    graphs
        Capture CUDA graphs at start [default: yes]; nothing on a CPU.
    max_batch
        Windows computed in one step [default: 64].
    max_streams
        Streams at once; one more is refused [default: 512].
    cpu_threads
        Threads for computing on a CPU; 0 chooses [default: 0].
    voices
        A folder with more voices.
    lexicon
        A file of pronunciations, a table or PLS; repeat for more, the most important first.
    config
        A TOML file with settings, by the names of these flags with underscores.
    """
    from zelitrio.cli.configure import configure

    flags = {
        "host": host,
        "port": port,
        "api_keys": api_key,
        "key_file": key_file,
        "cors_origins": cors_origin,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "max_connections": max_connections,
        "drain_s": drain_s,
        "device": device,
        "dtype": dtype,
        "graphs": graphs,
        "max_batch": max_batch,
        "max_streams": max_streams,
        "cpu_threads": cpu_threads,
        "voices": voices,
        "lexicon": lexicon,
        "config": config,
    }
    configuration = configure(flags, os.environ)
    if not configuration.server.api_key_hashes:
        print("zelitrio: no API key is set, so only this machine is served", file=sys.stderr)

    started_at = time.perf_counter()
    # The engine's thread and the loop share the GIL: at Python's 5 ms the loop waits 15 ms for it
    # whenever both are busy, at 0.5 ms it waits one.  It is a setting of the whole process, so only
    # the program that owns the process may change it.
    sys.setswitchinterval(0.0005)

    from zelitrio.cli.loop import run_loop
    from zelitrio.cli.serving import run_server
    from zelitrio.server import configure_logging

    configure_logging()
    run_loop(run_server, configuration, started_at)
