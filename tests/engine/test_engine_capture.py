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
from tiny_voice import tiny_model
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from zelitrio.engine import Device, loading
from zelitrio.engine.calls import encode_columns, speak_columns
from zelitrio.engine.pace import choose_ladder
from zelitrio.engine.runner import Runner, call_shapes
from zelitrio.settings import EngineSettings

CPU, META = torch.device("cpu"), torch.device("meta")
DEPENDS_ON_DATA = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
aten = torch.ops.aten
LADDER = choose_ladder(tiny_model().facts, 4, is_wide=True)


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


def held_by(thing: Any, seen: set[int] | None = None) -> list[Tensor]:
    """Every tensor that an object reaches through its attributes: weights, memory, tables."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return []
    seen.add(id(thing))
    if isinstance(thing, Tensor):
        return [thing]
    if isinstance(thing, torch.nn.Module):
        within: list[Any] = [*thing.parameters(), *thing.buffers()]
    else:
        within = tensors(thing)
    slots = [getattr(thing, name) for name in getattr(type(thing), "__slots__", ()) if hasattr(thing, name)]
    for value in (*getattr(thing, "__dict__", {}).values(), *slots):
        if isinstance(value, Tensor | list | tuple | dict) or type(value).__module__.startswith(
            ("zelitrio", "torch.nn", "tiny")
        ):
            within += [value] if isinstance(value, Tensor) else held_by(value, seen)
    return within


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
    model = tiny_model()
    network = model.load(META, dtype, 4)
    calls = {"encode": network.encode, "speak": network.speak}
    columns = encode_columns(network, length) if kind == "encode" else speak_columns(model.facts, length)
    inputs = {
        name: torch.zeros(
            rows, *column.shape, dtype=torch.int64 if column.is_integer else torch.float32, device=META
        )
        for name, column in columns.items()
    }
    with Capture([*held_by(network), *inputs.values()]) as capture:
        out = calls[kind](inputs)
    assert out.shape == ((rows, 2, length) if kind == "encode" else (rows, length * model.facts.hop_samples))
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

    def capture(self) -> Iterator[str]:
        for number in range(len(call_shapes(self.facts, LADDER))):
            yield f"graph {number}"


@pytest.mark.parametrize("graphs", [True, False])
def test_every_captured_graph_is_told_with_how_many_there_will_be(
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
