"""What is told while graphs are captured, with a runner that only says it captures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch
from tiny_voice import tiny_catalogue

from zelitrio.engine import Ladder
from zelitrio.engine import worker as worker_module
from zelitrio.engine.runner import Runner, call_shapes
from zelitrio.engine.worker import Worker
from zelitrio.settings import EngineSettings

CPU = torch.device("cpu")


class SaysItCaptures(Runner):
    """Lays its shapes out on the CPU."""

    def prepare(
        self, windows: Sequence[int], max_batch: int, max_encode: int, *, graphs: bool
    ) -> Iterator[str]:
        assert not list(super().prepare(windows, max_batch, max_encode, graphs=False))
        if graphs:
            for kind, rows, length in self._calls:
                yield f"{kind} {rows}x{length}"


@pytest.mark.parametrize("graphs", [True, False])
def test_every_captured_graph_is_told_with_how_many_there_will_be(
    graphs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = iter([100.0, 164.0])
    monkeypatch.setattr(worker_module, "used_mib", lambda device: next(used))
    models = [tiny_catalogue().default.model] * 2
    worker = Worker(models, EngineSettings(graphs=graphs), lambda deliveries: None)
    worker._runners = [SaysItCaptures(model, CPU, torch.float32, 4) for model in models]
    told: list[tuple[str, int, int]] = []
    ladder = Ladder(max_batch=4, max_encode=2)
    captures = worker._prepare(CPU, ladder, lambda *graph: told.append(graph))
    total = 2 * len(call_shapes(ladder.windows, 4, 2)) if graphs else 0
    assert [(count, of) for _, count, of in told] == [(n, total) for n in range(1, total + 1)]
    assert captures.names == tuple(name for name, _, _ in told)
    assert (captures.mib, captures.took_s > 0) == (64.0, True)
