"""Choose the device, the number format and the number of threads, and classify the device's errors."""

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
    """A device and the number format to compute in."""

    device: torch.device
    dtype: torch.dtype = torch.float32
    is_wide: bool = False
    """Whether a batch takes about as long as one row, and the device computes while the host works."""
    threads: int = 1
    """Torch's threads on a CPU."""

    @property
    def is_cuda(self) -> bool:
        """Whether the device has streams, events and graphs."""
        return self.device.type == "cuda"

    @property
    def name(self) -> str:
        """The device's name, for logs and metrics."""
        return torch.cuda.get_device_name(self.device) if self.is_cuda else "cpu"

    def enter_thread(self) -> None:
        """Apply torch's thread-local settings to the current thread."""
        if self.device.type == "cpu":
            torch.set_num_threads(self.threads)
            keep_freed_memory()


def open_device(settings: EngineSettings) -> Device:
    """Open the device in the settings.

    Raises:
        EngineError: the device is missing, or cannot compute in the number format.
    """
    device = choose_device(settings)
    return Device(
        device=device,
        dtype=choose_dtype(settings, device),
        is_wide=device.type == "cuda",
        threads=choose_threads(settings),
    )


def choose_device(settings: EngineSettings) -> torch.device:
    """Return the device in the settings.

    Raises:
        EngineError: the named device is missing.
    """
    name = settings.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise EngineError(f"device: {name!r} was requested, but this machine has {count} CUDA devices")
        return torch.device("cuda", device.index or 0)
    return device


def choose_dtype(settings: EngineSettings, device: torch.device) -> torch.dtype:
    """Return the number format of weights and activations.

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
    """Memory in use on a CUDA device by all programs, because graphs hold more than tensors."""
    free, total = torch.cuda.mem_get_info(device)
    return (total - free) / 2**20


def choose_threads(settings: EngineSettings) -> int:
    """Return torch's number of threads on a CPU.

    These are all cores but one for the event loop, and at most four.  A second thread shortens a window by a
    fifth; more than four hardly shorten it.
    """
    if settings.cpu_threads:
        return settings.cpu_threads
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, min(4, cores - 1))


def is_fatal(error: Exception) -> bool:
    """Whether the device is lost: its memory cannot be trusted after a CUDA error."""
    said = str(error)
    return isinstance(error, torch.AcceleratorError) or "CUDA error" in said or "CUDA driver" in said


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether this error, or one that it followed, is a lack of memory.

    A capture that runs out of memory fails again at its end, with an error that does not name memory.
    """
    return error is not None and ("out of memory" in str(error) or is_out_of_memory(error.__context__))
