"""zelitrio: self-hosted realtime text to speech, in one Trio process.

A Trio program that speaks needs only `open_engine`, which opens an `Engine`, and perhaps `VoiceSettings` and
`EngineSettings`.  Other parts are imported by room: `zelitrio.server` serves, `zelitrio.client` talks to a
server. The names below are loaded on use, so that a light room stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zelitrio.embedding import Engine, open_engine
    from zelitrio.settings import EngineSettings, VoiceSettings

__version__ = "0.1.0"

__all__ = ["Engine", "EngineSettings", "VoiceSettings", "__version__", "open_engine"]


def __getattr__(name: str) -> Any:
    if name in ("Engine", "open_engine"):
        from zelitrio import embedding

        return getattr(embedding, name)
    if name in ("EngineSettings", "VoiceSettings"):
        from zelitrio import settings

        return getattr(settings, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
