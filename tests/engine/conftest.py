"""The engine that these tests speak with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tiny_engine import AsOnAGpu
from tiny_voice import tiny_catalogue

from zelitrio.engine import Engine, open_engine
from zelitrio.engine import engine as engine_module
from zelitrio.engine.worker import Worker


@pytest.fixture(params=[Worker, AsOnAGpu], ids=["as on a CPU", "as on a GPU"])
async def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    monkeypatch.setattr(engine_module, "Worker", request.param)
    async with open_engine(tiny_catalogue()) as engine:
        yield engine
