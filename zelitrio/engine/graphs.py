"""One call of a function at one fixed shape: launched now, waited for later, replayed as a graph.

On a GPU a call owns everything it touches: inputs and outputs at fixed addresses, pinned host
memory to come from and go to, and, if captured, the CUDA graph between them.  Host memory comes
twice, so that the next call can be filled while the last one is still being copied out; the device
memory comes once, since the stream keeps the order.

On a CPU a call is the function itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zelitrio.networks import Inputs

Function = Callable[[Inputs], Tensor]
"""From named inputs, each with a row per lane, to a matrix with a row per lane."""
_RING = 2
_ALIGNED = 64
"""Bytes between the beginnings of inputs: a cache line, so that kernels read each as fast as the first."""


@attrs.frozen
class Column:
    """One named input of a call, with its shape per row."""

    shape: tuple[int, ...] = ()
    is_integer: bool = False


@attrs.frozen(kw_only=True, eq=False)
class Pending:
    """A result that may still be on its way."""

    _host: Tensor
    _event: torch.cuda.Event | None = None

    def wait(self) -> NDArray[np.float32]:
        """The result, [rows, ...].  Blocks; the memory is overwritten by the call after the next."""
        # To synchronize lets go of the GIL also where there is nothing to wait for, and it may be long gone.
        if self._event is not None and not self._event.query():
            self._event.synchronize()  # the one place where the engine waits for the device
        return self._host.numpy()


class _Memory:
    """All inputs of a call in one piece of memory: one copy to the device is cheaper than several."""

    def __init__(self, columns: Mapping[str, Column], rows: int, **where: Any) -> None:
        end = 0
        places: list[tuple[str, Column, int, int]] = []
        for name, column in columns.items():
            size = rows * math.prod(column.shape) * (8 if column.is_integer else 4)
            places.append((name, column, end, size))
            end = -(-(end + size) // _ALIGNED) * _ALIGNED
        self.whole = torch.zeros(max(end, 1), dtype=torch.uint8, **where)
        self.inputs = {
            name: self.whole[begin : begin + size]
            .view(torch.int64 if column.is_integer else torch.float32)
            .view(rows, *column.shape)
            for name, column, begin, size in places
        }


@attrs.define(eq=False)
class _Slot:
    """Host memory of one launch."""

    memory: _Memory
    arrays: dict[str, NDArray[Any]]
    """The same memory, by name."""
    out: Tensor | None = None
    event: torch.cuda.Event | None = None


class CaptureRoom:
    """What captured graphs share: their memory, and the stream to warm up and capture on.

    One stream for all: memory and the workspaces of products, 32 MiB on some GPUs, are kept per stream.
    """

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.Stream(device)
        self.pool = torch.cuda.graph_pool_handle()


class Call:
    """A function at one shape.

    Args:
        function: what to compute; on a GPU it must not allocate by size or wait for the device.
        rows: lanes in a batch.
        columns: its inputs.
        device: where.
    """

    def __init__(
        self, function: Function, rows: int, columns: Mapping[str, Column], device: torch.device
    ) -> None:
        self._function = function
        self._device = device
        self._graph: torch.cuda.CUDAGraph | None = None
        is_cuda = device.type == "cuda"
        self._ring = [
            _slot(_Memory(columns, rows, pin_memory=is_cuda), torch.cuda.Event() if is_cuda else None)
            for _ in range(_RING if is_cuda else 1)
        ]
        self._turn = 0
        self._out: Tensor | None = None
        self._memory = _Memory(columns, rows, device=device) if is_cuda else self._ring[0].memory

    def inputs(self) -> dict[str, NDArray[Any]]:
        """The next launch's inputs by name, [rows, ...] each, all zero, to be filled in place."""
        slot = self._ring[self._turn]
        slot.memory.whole.zero_()
        return slot.arrays

    def launch(self) -> Pending:
        """Run on what was filled in.  On a GPU returns at once."""
        slot = self._ring[self._turn]
        if slot.event is None:
            return Pending(host=self._function(slot.memory.inputs))
        self._turn = (self._turn + 1) % _RING
        self._memory.whole.copy_(slot.memory.whole, non_blocking=True)
        if self._graph is not None:
            self._graph.replay()
        else:
            self._out = self._function(self._memory.inputs)
        assert self._out is not None
        if slot.out is None:
            slot.out = _pinned_like(self._out)
        slot.out.copy_(self._out, non_blocking=True)
        # Unless told, it would be the stream of the thread's current device.
        slot.event.record(torch.cuda.current_stream(self._device))
        return Pending(host=slot.out, event=slot.event)

    def capture(self, room: CaptureRoom) -> None:
        """Capture the function as a CUDA graph; every launch from now on replays it.

        Args:
            room: shared with graphs that never run at the same time.
        """
        inputs = self._memory.inputs
        # A capture is of the thread's current device, and that need not be ours.
        with torch.cuda.device(self._device):
            # A capture must not meet first-time work: plans of the FFT, workspaces of the products.
            room.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(room.stream):
                for _ in range(2):
                    self._function(inputs)
            torch.cuda.current_stream().wait_stream(room.stream)
            graph = torch.cuda.CUDAGraph()
            # Other threads may use CUDA while we capture; only this one's calls belong to the graph.
            with torch.cuda.graph(graph, room.pool, room.stream, capture_error_mode="thread_local"):
                self._out = self._function(inputs)
            graph.replay()  # the first brings the graph to the device: not while a listener waits
        self._graph = graph
        for slot in self._ring:
            slot.out = _pinned_like(self._out)


def _slot(memory: _Memory, event: torch.cuda.Event | None) -> _Slot:
    arrays = {name: tensor.numpy() for name, tensor in memory.inputs.items()}
    return _Slot(memory=memory, arrays=arrays, event=event)


def _pinned_like(out: Tensor) -> Tensor:
    return torch.empty(out.shape, dtype=out.dtype, pin_memory=True)
