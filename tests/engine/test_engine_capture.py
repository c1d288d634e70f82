"""Whether a CUDA graph can hold what is captured, and what is told meanwhile; both without a GPU.

What is captured runs on meta tensors, which have a shape, a format and a device of their own, and no
data: whatever needs data fails, and so does a step that touches another device.  Fake CUDA tensors
would be nearer, but a torch that was built without CUDA cannot index them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from tiny_voice import tiny_catalogue, tiny_model
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from zelitrio.engine import Ladder
from zelitrio.engine import worker as worker_module
from zelitrio.engine.runner import Runner, call_shapes
from zelitrio.engine.worker import Worker
from zelitrio.settings import EngineSettings

CPU, META = torch.device("cpu"), torch.device("meta")
DEPENDS_ON_DATA = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
aten = torch.ops.aten


class Capture(TorchDispatchMode):
    """Refuses what a CUDA graph cannot hold, operation by operation.

    Args:
        kept: the tensors that are there before: inputs, weights, state.  Anything else that no
            operation made comes from the host, and each replay would want it from there again.
    """

    def __init__(self, kept: Sequence[Tensor]) -> None:
        super().__init__()
        self.known = {id(tensor): tensor for tensor in kept}
        self.ran: set[str] = set()

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = tensors((args, kwargs))
        assert all(id(tensor) in self.known for tensor in given), f"{operation}: a tensor of the host"
        if operation in (aten.index.Tensor, aten.index_put_.default):
            assert torch.bool not in [index.dtype for index in tensors(args[1])], f"{operation}: a mask"
        else:
            assert not DEPENDS_ON_DATA & set(operation.tags), f"{operation}: depends on data"
        if torch.Tag.nondeterministic_seeded in operation.tags:
            assert operation is aten.dropout.default and not args[2], f"{operation}: random"
        out = operation(*args, **(kwargs or {}))
        assert {tensor.device for tensor in tensors(out)} <= {META}, f"{operation}: to another device"
        self.known |= {id(tensor): tensor for tensor in tensors(out)}
        self.ran.add(str(operation))
        return out


def tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("kind", "rows", "length"), [("encode", 3, 64), ("speak", 1, 24), ("speak", 4, 16), ("speak", 2, 128)]
)
@torch.inference_mode()
def test_what_is_captured_needs_nothing_from_the_host(
    kind: str, rows: int, length: int, dtype: torch.dtype
) -> None:
    runner = Runner(tiny_model(), META, dtype, slots=4)
    call = runner._make_call(kind, rows, length)
    inputs = [torch.from_numpy(array).to(META) for array in call.inputs()]
    speech, state = runner._speech, runner._state
    kept = [runner._pool, state.flat, state.phase, *speech.parameters(), *speech.buffers(), *inputs]
    with Capture(kept) as capture:
        out = call._function(*inputs)
    assert out.shape == ((rows, 2, length) if kind == "encode" else (rows, length * runner.hop_samples))
    assert out.dtype == torch.float32
    assert not any("conv" in name for name in capture.ran)  # cuDNN may compute them in TF32


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
