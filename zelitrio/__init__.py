"""zelitrio: self-hosted realtime text to speech, in one Trio process.

Import the room you need: `zelitrio.engine` speaks, `zelitrio.server` serves, `zelitrio.client` talks
to a server.  This package itself imports nothing, so that a light room stays light.
"""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["__version__"]
