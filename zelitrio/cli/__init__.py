"""The `zelitrio` command: parses, builds settings, calls a room.

A command imports heavy packages only when it runs, so `--help` answers at once.
"""

from __future__ import annotations

from zelitrio.cli.app import main

__all__ = ["main"]
