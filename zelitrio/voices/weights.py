"""Read weights from safetensors into a network, and check that they fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from zelitrio.errors import VoiceError

AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file.  Blocks on the disk.

    Raises:
        VoiceError: it is missing or damaged.
    """
    try:
        return load_file(path)
    except OSError as error:
        raise VoiceError(path, f"cannot be read ({error.strerror or error})") from error
    except SafetensorError as error:
        raise VoiceError(path, "is damaged", expected="safetensors", found=str(error)) from error


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors atomically, because a server may map the old file.

    Raises:
        VoiceError: the disk is full or cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        save_file(dict(tensors), part)
        part.replace(path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise VoiceError(path, f"cannot be written ({error})") from error


def load_network(path: Path, make: Callable[[], AnyNetwork]) -> AnyNetwork:
    """Make a network with the weights of a file, in float32.  Blocks on the disk.

    The network uses the memory of the file's tensors, without copies.

    Raises:
        VoiceError: the file is missing or damaged, or a tensor is missing, unknown, misshapen or not finite.
    """
    tensors = read_tensors(path)
    with torch.device("meta"):
        network = make()
    wanted = network.state_dict()
    for name, value in wanted.items():
        if name not in tensors:
            raise VoiceError(path, f"{name} is missing", expected=list(value.shape), found=None)
        if tensors[name].shape != value.shape:
            raise VoiceError(path, name, expected=list(value.shape), found=list(tensors[name].shape))
        if not bool(torch.isfinite(tensors[name]).all()):
            raise VoiceError(path, name, expected="finite numbers", found="others")
    for name in tensors.keys() - wanted.keys():
        raise VoiceError(path, f"{name} is not part of this network", found=list(tensors[name].shape))
    network.load_state_dict({name: tensors[name].float() for name in wanted}, assign=True)
    return network
