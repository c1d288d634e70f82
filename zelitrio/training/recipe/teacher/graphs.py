"""Capture a training step as a CUDA graph; its optimisers and averages never wait for the device."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn


def optimiser_of(
    network: nn.Module, rate: Tensor, betas: tuple[float, float], weight_decay: float = 0.01
) -> torch.optim.Optimizer:
    """Make an AdamW optimiser.  On a GPU its learning rate is the tensor `rate`, which every replay reads."""
    is_cuda = rate.device.type == "cuda"
    return torch.optim.AdamW(
        network.parameters(),
        rate if is_cuda else float(rate),
        betas,
        weight_decay=weight_decay,
        fused=is_cuda,
        capturable=is_cuda,
    )


def set_rate(optimiser: torch.optim.Optimizer, rate: Tensor, value: float) -> None:
    """Change the learning rate of an optimiser that `optimiser_of` made with `rate`."""
    rate.fill_(value)
    if rate.device.type != "cuda":
        for group in optimiser.param_groups:
            group["lr"] = value


@torch.no_grad()
def follow(averaged: nn.Module, network: nn.Module, decay: Tensor) -> None:
    """Move averaged weights towards the network's; does not wait for the device."""
    means: list[Tensor] = [part.detach() for part in averaged.parameters()]
    now: list[Tensor] = [part.detach() for part in network.parameters()]
    torch._foreach_mul_(means, decay)
    for mean, part in zip(means, torch._foreach_mul(now, 1.0 - decay), strict=True):
        mean.add_(part)


def capture(step: Callable[[], None], warm: int = 4) -> Callable[[], None]:
    """Capture a step as a CUDA graph, after `warm` eager steps on a side stream.  Returns its replay."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(warm):
            step()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def captured(step: Callable[[], None], note: Callable[..., None]) -> Callable[[], None]:
    """Return a step as a CUDA graph; if the capture fails, log that and return the step itself."""
    try:
        began = time.monotonic()
        graph = capture(step)
        note(event="captured", seconds=round(time.monotonic() - began, 1))
        return graph
    except Exception as error:  # an eager step is slower, but works
        note(event="not captured", error=repr(error)[:500])
        torch.cuda.synchronize()
        return step
