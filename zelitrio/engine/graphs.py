"""One function at one fixed shape: filled, launched, awaited later, and replayed as a CUDA graph if captured.

On a GPU a call owns its memory: inputs and outputs at fixed addresses, pinned host memory for both, and the
CUDA graph.  There are two host buffers, so that the next launch can be filled while the last one is copied
out.  One device buffer is enough, because a CUDA stream runs in order.

On a CPU a call only calls the function.
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
"""Takes named inputs, [rows, ...] each, and returns [rows, ...]."""
_RING = 2
"""Host buffers of a call on a GPU."""
_ALIGNED = 64
"""Alignment of each input in bytes, a cache line, so that kernels read all equally fast."""


@attrs.frozen
class Column:
    """Shape per row and type (int64 or float32) of an input."""

    shape: tuple[int, ...] = ()
    is_integer: bool = False


@attrs.frozen(kw_only=True, eq=False)
class Pending:
    """A result that may not be computed yet."""

    _host: Tensor
    _event: torch.cuda.Event | None = None

    def wait(self) -> NDArray[np.float32]:
        """Block until the result is computed.

        Returns:
            [rows, ...]; the second launch after this one overwrites the memory.
        """
        # `synchronize` releases the GIL even if the event has passed, and getting the GIL back can take long.
        if self._event is not None and not self._event.query():
            self._event.synchronize()  # the one place where the engine waits for the device
        return self._host.numpy()


class _Memory:
    """All inputs of a call in one buffer, because one copy to the device is cheaper than several."""

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
    """Views of the inputs in `memory`, by name."""
    out: Tensor | None = None
    event: torch.cuda.Event | None = None


class CaptureRoom:
    """The memory pool of captured graphs, and the CUDA stream of warm-up and capture.

    All graphs share one stream, because torch keeps memory and cuBLAS workspaces (up to 32 MiB) per stream.
    """

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.Stream(device)
        self.pool = torch.cuda.graph_pool_handle()


class Call:
    """A function at one shape.

    Args:
        function: on a GPU its shapes must be fixed, and it must not wait for the device.
        rows: rows of a batch.
        columns: the inputs, by name.
        device: the device of the inputs and the result.
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
        """Run the function on the filled inputs.  On a GPU, return before the result is computed."""
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
        # The default is the stream of the thread's current device, which can be another one.
        slot.event.record(torch.cuda.current_stream(self._device))
        return Pending(host=slot.out, event=slot.event)

    def capture(self, room: CaptureRoom) -> None:
        """Capture the function as a CUDA graph, which every later launch replays.

        Args:
            room: shared with graphs that never run at the same time.
        """
        inputs = self._memory.inputs
        # A capture runs on the thread's current device, which can be another one.
        with torch.cuda.device(self._device):
            # One-time work must not be captured: FFT plans, cuBLAS workspaces.
            room.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(room.stream):
                for _ in range(2):
                    self._function(inputs)
            torch.cuda.current_stream().wait_stream(room.stream)
            graph = torch.cuda.CUDAGraph()
            # Other threads may use CUDA during the capture; only this thread's calls are captured.
            with torch.cuda.graph(graph, room.pool, room.stream, capture_error_mode="thread_local"):
                self._out = self._function(inputs)
            graph.replay()  # the first replay uploads the graph, so do it before a listener waits
        self._graph = graph
        for slot in self._ring:
            slot.out = _pinned_like(self._out)


def _slot(memory: _Memory, event: torch.cuda.Event | None) -> _Slot:
    arrays = {name: tensor.numpy() for name, tensor in memory.inputs.items()}
    return _Slot(memory=memory, arrays=arrays, event=event)


def _pinned_like(out: Tensor) -> Tensor:
    return torch.empty(out.shape, dtype=out.dtype, pin_memory=True)
