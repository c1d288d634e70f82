"""Elementwise functions with results that do not depend on a value's place in its tensor.

On a CPU torch computes most values of a tensor in vector blocks.  It computes the rest at the end, and at the
end of each thread's part, one by one with another approximation.  So a frame differed by 1.5e-7 in another
batch or window, and a seeded stream by one step of 16-bit samples.  A tensor of whole blocks has no such
rest.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_BLOCK = 64
"""Values in a block: a multiple of the vector width of any CPU."""
_SHARED = 32_768
"""Tensors of at least this size are divided among threads by torch."""


def even(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply an elementwise function to a dense tensor; in inference on a CPU, pad it to whole blocks."""
    count = x.numel()
    block = _BLOCK * torch.get_num_threads() if count >= _SHARED else _BLOCK
    if count % block == 0 or x.device.type != "cpu" or not torch.is_inference_mode_enabled():
        return function(x)
    blocks = x.new_zeros(-(-count // block) * block)
    blocks[:count] = x.reshape(-1)
    return function(blocks)[:count].view(x.shape)
