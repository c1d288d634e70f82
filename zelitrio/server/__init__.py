"""One port for realtime sockets and HTTP, and who may use it.

`serve` is a task for a nursery that also holds the engine; `open_port` takes its address before that is
started; `configure_logging` is for the program that
owns the process; `hash_key` is what a key file holds.
"""

from __future__ import annotations

from zelitrio.server.auth import hash_key
from zelitrio.server.logs import configure_logging
from zelitrio.server.metrics import ServedEngine
from zelitrio.server.port import Port, open_port
from zelitrio.server.serve import serve

__all__ = ["Port", "ServedEngine", "configure_logging", "hash_key", "open_port", "serve"]
