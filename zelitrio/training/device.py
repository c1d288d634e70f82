"""Chooses the device for training."""

from __future__ import annotations

import torch

from zelitrio.errors import LocalError


def choose_device(name: str, threads: int) -> str:
    """Return torch's name of a device, and set the number of CPU threads.

    Args:
        name: auto, cpu, cuda or cuda:N.  auto is a GPU if there is one.
        threads: torch's threads on a CPU, for the whole process; 0 leaves the number as it is.

    Raises:
        LocalError: the device is missing.
    """
    if threads:
        torch.set_num_threads(threads)
    gpus = torch.cuda.device_count()
    known = ["cpu", *(["cuda"] if gpus else []), *(f"cuda:{number}" for number in range(gpus))]
    if name == "auto":
        return "cuda" if gpus else "cpu"
    if name not in known:
        raise LocalError(f"--device: expected auto or one of {', '.join(known)}, found {name!r}")
    return name
