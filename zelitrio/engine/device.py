"""Which device, which number format, how many threads, and what a device's errors mean."""

from __future__ import annotations

import os

import attrs
import torch

from zelitrio.engine.freed_memory import keep_freed_memory
from zelitrio.errors import EngineError
from zelitrio.settings import EngineSettings

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@attrs.frozen(kw_only=True)
class Device:
    """Where and in what to compute."""

    device: torch.device
    dtype: torch.dtype = torch.float32
    is_wide: bool = False
    """Whether a batch costs about as much as its longest row, and steps overlap the work of the host."""
    threads: int = 1
    """Of torch, on a CPU."""

    @property
    def is_cuda(self) -> bool:
        """Whether it has streams, events and graphs."""
        return self.device.type == "cuda"

    @property
    def name(self) -> str:
        """Its name for operators."""
        return torch.cuda.get_device_name(self.device) if self.is_cuda else "cpu"

    def enter_thread(self) -> None:
        """Set what belongs to the thread that computes."""
        if self.device.type == "cpu":
            torch.set_num_threads(self.threads)
            keep_freed_memory()


def open_device(settings: EngineSettings) -> Device:
    """The device that the settings ask for.

    Raises:
        EngineError: it does not exist here, or cannot compute in the number format.
    """
    device = choose_device(settings)
    return Device(
        device=device,
        dtype=choose_dtype(settings, device),
        is_wide=device.type == "cuda",
        threads=choose_threads(settings),
    )


def choose_device(settings: EngineSettings) -> torch.device:
    """The device to run on.

    Raises:
        EngineError: the named device does not exist here.
    """
    name = settings.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise EngineError(f"device: {name!r} was asked for, but this machine has {count} CUDA devices")
        return torch.device("cuda", device.index or 0)
    return device


def choose_dtype(settings: EngineSettings, device: torch.device) -> torch.dtype:
    """The number format of weights and activations.

    Raises:
        EngineError: the device cannot compute in it.
    """
    dtype = _DTYPES[settings.dtype]
    if device.type == "cpu" and dtype is torch.float16:
        raise EngineError("dtype: a CPU computes in float32 or bfloat16, found float16")
    if device.type == "cuda" and dtype is torch.bfloat16 and not torch.cuda.is_bf16_supported():
        raise EngineError(f"dtype: {torch.cuda.get_device_name(device)} has no bfloat16; use float16")
    return dtype


def used_mib(device: torch.device) -> float:
    """Memory in use on a CUDA device, by any program: graphs hold more than tensors."""
    free, total = torch.cuda.mem_get_info(device)
    return (total - free) / 2**20


def choose_threads(settings: EngineSettings) -> int:
    """Threads for torch on a CPU.

    All cores but one, which the sockets, the text and the encoders need; a second thread takes a
    fifth off a window's time and more than four hardly anything, so never above four.
    """
    if settings.cpu_threads:
        return settings.cpu_threads
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, min(4, cores - 1))


def is_fatal(error: Exception) -> bool:
    """Whether the device itself is gone: after a CUDA error nothing on it can be trusted."""
    said = str(error)
    return isinstance(error, torch.AcceleratorError) or "CUDA error" in said or "CUDA driver" in said


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether memory was the cause: ending the capture that it broke fails with an error of its own."""
    return error is not None and ("out of memory" in str(error) or is_out_of_memory(error.__context__))
