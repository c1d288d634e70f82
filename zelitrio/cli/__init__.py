"""The `zelitrio` command: parses, builds settings, calls a room.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

from __future__ import annotations

from zelitrio.cli.app import main

__all__ = ["main"]
