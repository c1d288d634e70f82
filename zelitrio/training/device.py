"""Where training computes."""

from __future__ import annotations

import torch

from zelitrio.errors import LocalError


def choose_device(name: str, threads: int) -> str:
    """A device of torch by its name, "auto" for a GPU where there is one; sets the CPU's threads.

    Args:
        name: auto, cpu, cuda or cuda:N.
        threads: for computing on a CPU, in the whole process; 0 leaves them as they are.

    Raises:
        LocalError: there is no such device.
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
