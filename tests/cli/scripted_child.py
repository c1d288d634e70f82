"""A child process that runs the command line with the scripted engine.

Importing the engine and the voices would import torch, which takes seconds.  Both rooms are replaced before
the first import.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType

from scripted_engine import ScriptedEngine


def main(tokens: list[str]) -> None:
    scripted = ScriptedEngine()

    @asynccontextmanager
    async def open_scripted(*args: object, **kwargs: object) -> AsyncIterator[ScriptedEngine]:
        yield scripted

    engine_room, voices_room = ModuleType("zelitrio.engine"), ModuleType("zelitrio.voices")
    engine_room.open_engine = open_scripted  # type: ignore[attr-defined]
    voices_room.load_builtin = list  # type: ignore[attr-defined]
    voices_room.load_folder = voices_room.voice_home = lambda *_: None  # type: ignore[attr-defined]
    voices_room.voice_folders = lambda _: []  # type: ignore[attr-defined]
    voices_room.Catalogue = lambda _: scripted.catalogue  # type: ignore[attr-defined]
    sys.modules |= {"zelitrio.engine": engine_room, "zelitrio.voices": voices_room}

    from zelitrio.cli import main as run_and_exit

    run_and_exit(tokens)


if __name__ == "__main__":
    main(sys.argv[1:])
