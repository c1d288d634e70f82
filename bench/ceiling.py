"""The device's measured limits: a large matrix product and a large copy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import attrs
import torch

ROUNDS = 5


@attrs.frozen(kw_only=True)
class Ceiling:
    """The limits of computation and of memory."""

    flop_per_s: float
    bytes_per_s: float


def measure_ceiling(device: torch.device, dtype: torch.dtype) -> Ceiling:
    """Measure both limits with the present number of threads, in about a second."""
    wide = device.type == "cuda"
    size = 8192 if wide else 1024
    a = torch.randn(size, size, device=device, dtype=dtype)
    b = torch.randn(size, size, device=device, dtype=dtype)
    source = torch.ones((1 << 30) if wide else (1 << 26), device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    return Ceiling(
        flop_per_s=2 * size**3 / _seconds(lambda: torch.mm(a, b), device),
        # A copy reads every byte and writes it.
        bytes_per_s=2 * source.numel() / _seconds(lambda: target.copy_(source), device),
    )


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    taken = []
    for _ in range(ROUNDS + 1):
        _finish(device)
        begin = time.perf_counter()
        work()
        _finish(device)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken[1:])


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
