"""The `zelitrio` command: it parses, builds settings, and calls a room.

A command imports heavy packages only when it runs, so `--help` is fast.
"""

from __future__ import annotations

from zelitrio.cli.app import main

__all__ = ["main"]
