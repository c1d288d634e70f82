"""A replacement of `torch.cuda` on the CPU: a graph is a list of operations, replayed in place.

Like a graph it repeats only operations on tensors, at the addresses of the capture.  Values and branches of
Python stay as they were at the capture.  Unlike on a GPU, results are never late.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import attrs
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Graph(TorchDispatchMode):
    """The recorded operations."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Any] = []

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = operation(*args, **(kwargs or {}))
        self.operations.append((operation, args, kwargs or {}, out))
        return out

    def replay(self) -> None:
        for operation, args, kwargs, out in self.operations:
            again = operation(*args, **kwargs)
            for old, new in zip(tree_leaves(out), tree_leaves(again), strict=True):
                if (
                    old.untyped_storage().data_ptr() != new.untyped_storage().data_ptr()
                ):  # neither a view nor in place
                    old.copy_(new)


@attrs.frozen
class Stream:
    """A stream of one device; all streams behave the same here."""

    device: torch.device

    def wait_stream(self, other: Stream) -> None:
        assert other == self


class Cuda:
    """`torch.cuda`; the thread's current device is not the used one unless set."""

    CUDAGraph, Stream = Graph, Stream

    def __init__(self, ours: torch.device) -> None:
        self.ours = ours
        self.current = torch.device("cuda", 0)
        assert self.current != ours

    @contextmanager
    def device(self, device: torch.device) -> Iterator[None]:
        before, self.current = self.current, device
        yield
        self.current = before

    @contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        with self.device(stream.device):
            yield

    @contextmanager
    def graph(self, graph: Graph, pool: int, stream: Stream, capture_error_mode: str) -> Iterator[None]:
        assert self.current == stream.device == self.ours
        with graph:
            yield

    def current_stream(self, device: torch.device | None = None) -> Stream:
        return Stream(device or self.current)

    def graph_pool_handle(self) -> int:
        return 1

    def Event(self) -> SimpleNamespace:  # noqa: N802  torch's name
        def record(stream: Stream) -> None:
            assert stream.device == self.ours

        return SimpleNamespace(record=record, query=lambda: False, synchronize=lambda: None)


class TapedTorch:
    """The parts of `torch` that `zelitrio.engine.graphs` uses."""

    int64, float32, uint8 = torch.int64, torch.float32, torch.uint8

    def __init__(self, device: torch.device) -> None:
        self.cuda = Cuda(device)

    def zeros(self, *shape: int, dtype: torch.dtype = torch.float32, **where: Any) -> Tensor:
        return torch.zeros(*shape, dtype=dtype)

    def empty(self, shape: torch.Size, *, dtype: torch.dtype, pin_memory: bool) -> Tensor:
        assert pin_memory
        return torch.empty(shape, dtype=dtype)
