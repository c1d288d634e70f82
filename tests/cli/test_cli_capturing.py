"""The output of `serve` and `speak` while an engine captures graphs."""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import trio

import zelitrio.engine
from zelitrio.cli.capturing import open_shown_engine
from zelitrio.engine.commands import Captures
from zelitrio.settings import EngineSettings

NAMES = ("speak 64x64", "speak 32x64", "encode 8x64")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def captures(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that captures NAMES from its own thread, like the real one."""

    captures = Captures(names=NAMES, took_s=2.345, mib=812.3)

    @asynccontextmanager
    async def open_scripted(*args, captured, **kwargs) -> AsyncIterator[object]:
        for number, name in enumerate(NAMES, 1):
            await trio.to_thread.run_sync(captured, name, number, len(NAMES))
        yield SimpleNamespace(ready=SimpleNamespace(device="NVIDIA H200", captures=captures))

    monkeypatch.setattr(zelitrio.engine, "open_engine", open_scripted)


async def opened(stderr: io.StringIO, monkeypatch: pytest.MonkeyPatch, *, shown: bool) -> str:
    monkeypatch.setattr(sys, "stderr", stderr)
    async with open_shown_engine(None, EngineSettings(), shown=shown):
        return stderr.getvalue()


async def test_a_terminal_sees_a_bar_to_its_end_and_what_it_cost(captures, monkeypatch) -> None:
    said = await opened(Terminal(), monkeypatch, shown=True)
    assert "capturing" in said and "3/3" in said and NAMES[-1] in said
    assert said.endswith("zelitrio: 3 graphs captured on NVIDIA H200 in 2.3 s, 812 MiB\n")


async def test_a_log_gets_the_line_alone_and_quiet_is_quiet(captures, monkeypatch) -> None:
    line = "zelitrio: 3 graphs captured on NVIDIA H200 in 2.3 s, 812 MiB\n"
    assert await opened(io.StringIO(), monkeypatch, shown=True) == line
    assert await opened(Terminal(), monkeypatch, shown=False) == ""
