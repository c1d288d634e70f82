"""Whether a CUDA graph can hold the captured calls, and the progress reports; both without a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from capture_rules import META, Capture
from family_checks import CPU, check_capture
from tiny_hum import HumModel
from tiny_voice import tiny_fine_model, tiny_model
from torch import Tensor

from zelitrio.engine import (
    loading,
)
from zelitrio.engine.device import Device
from zelitrio.engine.pace import choose_ladder
from zelitrio.engine.runner import Runner, call_shapes
from zelitrio.settings import EngineSettings
from zelitrio.voices import ZeliModel

LADDER = choose_ladder(tiny_model().facts, 4, is_wide=True)


@pytest.mark.parametrize("make_model", [tiny_model, tiny_fine_model])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("kind", "rows", "length"), [("encode", 3, 64), ("speak", 1, 24), ("speak", 4, 16), ("speak", 2, 128)]
)
def test_what_is_captured_needs_nothing_from_the_host(
    kind: str, rows: int, length: int, dtype: torch.dtype, make_model: Callable[[], ZeliModel]
) -> None:
    ran = check_capture(make_model(), dtype, kind, rows, length)
    assert not any("conv" in name for name in ran)  # cuDNN may compute them in TF32


@pytest.mark.parametrize(
    ("kind", "rows", "length"), [("encode", 3, 32), ("expand", 2, 128), ("speak", 4, 14)]
)
def test_a_family_with_a_step_for_whole_utterances_can_be_captured(kind: str, rows: int, length: int) -> None:
    check_capture(HumModel(), torch.float32, kind, rows, length)


@pytest.mark.parametrize(
    "fault",
    [
        lambda x: x.sum().item(),
        lambda x: x if x.any() else -x,
        lambda x: x[x > 0],
        lambda x: x.masked_select(x > 0),
        lambda x: x.__setitem__(x > 0, 1.0),
        lambda x: x.nonzero(),
        lambda x: x.cpu(),
        lambda x: x + torch.ones(4),
        lambda x: x * torch.tensor(2.0),
        lambda x: x + torch.tensor([1.0, 2.0, 3.0, 4.0], device=META),
        lambda x: x[[0, 2]],
        lambda x: x + torch.randn(4, device=META),
        lambda x: torch.dropout(x, 0.5, True),
    ],
)
def test_a_capture_refuses_what_a_graph_cannot_hold(fault: Callable[[Tensor], object]) -> None:
    x = torch.zeros(4, 4, device=META)
    with torch.inference_mode(), pytest.raises((AssertionError, RuntimeError)), Capture([x]):
        fault(x)


class SaysItCaptures(Runner):
    """Lays its shapes out on the CPU."""

    def capture(self) -> Iterator[str]:
        for number in range(len(call_shapes(self.facts, LADDER))):
            yield f"graph {number}"


@pytest.mark.parametrize("graphs", [True, False])
def test_every_captured_graph_is_reported_with_the_total(
    graphs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = iter([100.0, 164.0])
    monkeypatch.setattr(loading, "used_mib", lambda device: next(used))
    runners = [SaysItCaptures(tiny_model(), CPU, torch.float32, 4) for _ in range(2)]
    told: list[tuple[str, int, int]] = []
    settings = EngineSettings(graphs=graphs, max_batch=4)
    captures = loading.capture_all(runners, Device(device=CPU), settings, lambda *graph: told.append(graph))
    total = 2 * len(call_shapes(tiny_model().facts, LADDER)) if graphs else 0
    assert [(count, of) for _, count, of in told] == [(n, total) for n in range(1, total + 1)]
    assert captures.names == tuple(name for name, _, _ in told)
    assert (captures.mib, captures.took_s > 0) == ((64.0, True) if graphs else (0.0, False))
