"""Check without a GPU whether a CUDA graph can hold a computation.

It runs on meta tensors, which have shape, format and device but no data.  An operation that needs data fails,
and so does one that touches another device.  Fake CUDA tensors would be closer to a GPU, but a torch without
CUDA cannot index them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

META = torch.device("meta")
DEPENDS_ON_DATA = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
aten = torch.ops.aten


class Capture(TorchDispatchMode):
    """Refuses what a CUDA graph cannot hold, operation by operation.

    Args:
        kept: existing tensors: inputs, weights, state.  Any other tensor that no operation made comes
            from the host, so each replay would need it again.
    """

    def __init__(self, kept: Sequence[Tensor]) -> None:
        super().__init__()
        self.known = {id(tensor): tensor for tensor in kept}
        self.ran: set[str] = set()

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = tensors((args, kwargs))
        assert all(id(tensor) in self.known for tensor in given), f"{operation}: a tensor of the host"
        if operation in (aten.index.Tensor, aten.index_put_.default):
            assert torch.bool not in [index.dtype for index in tensors(args[1])], f"{operation}: a mask"
        else:
            assert not DEPENDS_ON_DATA & set(operation.tags), f"{operation}: depends on data"
        if torch.Tag.nondeterministic_seeded in operation.tags:
            assert operation is aten.dropout.default and not args[2], f"{operation}: random"
        out = operation(*args, **(kwargs or {}))
        assert {tensor.device for tensor in tensors(out)} <= {META}, f"{operation}: to another device"
        self.known |= {id(tensor): tensor for tensor in tensors(out)}
        self.ran.add(str(operation))
        return out


def held_by(thing: Any, seen: set[int] | None = None) -> list[Tensor]:
    """Every tensor that can be reached through an object's attributes: weights, memory, tables."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return []
    seen.add(id(thing))
    if isinstance(thing, Tensor):
        return [thing]
    if isinstance(thing, torch.nn.Module):
        within: list[Any] = [*thing.parameters(), *thing.buffers()]
    else:
        within = tensors(thing)
    slots = [getattr(thing, name) for name in getattr(type(thing), "__slots__", ()) if hasattr(thing, name)]
    for value in (*getattr(thing, "__dict__", {}).values(), *slots):
        if isinstance(value, Tensor | list | tuple | dict) or type(value).__module__.startswith(
            ("zelitrio", "torch.nn", "tiny")
        ):
            within += [value] if isinstance(value, Tensor) else held_by(value, seen)
    return within


def tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
