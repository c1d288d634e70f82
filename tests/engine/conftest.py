"""The engine that these tests speak with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tiny_engine import AS_A_GPU, CPU, SMALL
from tiny_voice import tiny_catalogue

from zelitrio.engine import Engine, open_engine


@pytest.fixture(params=[CPU, AS_A_GPU], ids=["as on a CPU", "as on a GPU"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    async with open_engine(tiny_catalogue(), SMALL, device=request.param) as engine:
        yield engine
