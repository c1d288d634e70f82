"""The server: one port for realtime sockets and HTTP, with authentication, metrics and a web page.

`serve` is a task for a nursery that also holds the engine.  `open_port` binds its address before the engine
starts.  `configure_logging`, `raise_descriptor_limit` and `settle_garbage` are for the program that owns the
process.
"""

from __future__ import annotations

from zelitrio.server.descriptors import raise_descriptor_limit
from zelitrio.server.garbage import settle_garbage
from zelitrio.server.logs import configure_logging
from zelitrio.server.port import open_port
from zelitrio.server.serve import serve

__all__ = [
    "configure_logging",
    "open_port",
    "raise_descriptor_limit",
    "serve",
    "settle_garbage",
]
