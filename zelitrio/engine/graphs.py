"""One call of a function at one fixed shape: launched now, waited for later, replayed as a graph.

On a GPU a call owns everything it touches: inputs and outputs at fixed addresses, pinned host
memory to come from and go to, and, if captured, the CUDA graph between them.  Host memory comes
twice, so that the next call can be filled while the last one is still being copied out; the device
memory comes once, since the stream keeps the order.

On a CPU a call is the function itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Function = Callable[[Tensor, Tensor], Tensor]
"""From a matrix of integers and a matrix of reals, both with a row per lane, to a matrix."""
_RING = 2
_ALIGNED = 512
"""Bytes; as CUDA's own allocations are, so that kernels read the second matrix as fast as the first."""


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


class _Inputs:
    """Two matrices in one piece of memory, since one copy to the device is cheaper than two."""

    def __init__(self, rows: int, integers: int, reals: int, **where: Any) -> None:
        size = rows * integers * torch.int64.itemsize
        begin = -(-size // _ALIGNED) * _ALIGNED
        end = begin + rows * reals * torch.float32.itemsize
        self.memory = torch.zeros(end, dtype=torch.uint8, **where)
        self.integers = self.memory[:size].view(torch.int64).view(rows, integers)
        self.reals = self.memory[begin:].view(torch.float32).view(rows, reals)


@attrs.define(eq=False)
class _Slot:
    """Host memory of one launch."""

    inputs: _Inputs
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
        integers, reals: columns of the two inputs.
        device: where.
    """

    def __init__(
        self, function: Function, rows: int, integers: int, reals: int, device: torch.device
    ) -> None:
        self._function = function
        self._device = device
        self._graph: torch.cuda.CUDAGraph | None = None
        cuda = device.type == "cuda"
        self._ring = [
            _Slot(
                _Inputs(rows, integers, reals, pin_memory=cuda),
                event=torch.cuda.Event() if cuda else None,
            )
            for _ in range(_RING if cuda else 1)
        ]
        self._turn = 0
        if cuda:
            self._inputs = _Inputs(rows, integers, reals, device=device)
            self._out: Tensor | None = None

    def inputs(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The next launch's inputs, [rows, columns] each, to be filled in place."""
        inputs = self._ring[self._turn].inputs
        return inputs.integers.numpy(), inputs.reals.numpy()

    def launch(self) -> Pending:
        """Run on what was filled in.  On a GPU returns at once."""
        slot = self._ring[self._turn]
        if slot.event is None:
            return Pending(host=self._function(slot.inputs.integers, slot.inputs.reals))
        self._turn = (self._turn + 1) % _RING
        self._inputs.memory.copy_(slot.inputs.memory, non_blocking=True)
        if self._graph is not None:
            self._graph.replay()
        else:
            self._out = self._function(self._inputs.integers, self._inputs.reals)
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
        # A capture is of the thread's current device, and that need not be ours.
        with torch.cuda.device(self._device):
            # A capture must not meet first-time work: plans of the FFT, workspaces of the products.
            room.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(room.stream):
                for _ in range(2):
                    self._function(self._inputs.integers, self._inputs.reals)
            torch.cuda.current_stream().wait_stream(room.stream)
            graph = torch.cuda.CUDAGraph()
            # Other threads may use CUDA while we capture; only this one's calls belong to the graph.
            with torch.cuda.graph(graph, room.pool, room.stream, capture_error_mode="thread_local"):
                self._out = self._function(self._inputs.integers, self._inputs.reals)
            graph.replay()  # the first brings the graph to the device: not while a listener waits
        self._graph = graph
        for slot in self._ring:
            slot.out = _pinned_like(self._out)


def _pinned_like(out: Tensor) -> Tensor:
    return torch.empty(out.shape, dtype=out.dtype, pin_memory=True)
