"""One port for realtime sockets and HTTP, and who may use it.

`serve` is a task for a nursery that also holds the engine; `configure_logging` is for the program that
owns the process; `hash_key` is what a key file holds.
"""

from __future__ import annotations

from zelitrio.server.auth import hash_key
from zelitrio.server.logs import configure_logging
from zelitrio.server.metrics import ServedEngine
from zelitrio.server.serve import serve

__all__ = ["ServedEngine", "configure_logging", "hash_key", "serve"]
