"""Weights that an ONNX file computes from others: widened, transposed, dequantised or normed.

Some exporters leave such operations in the graph, and a float16 file has casts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zelitrio.voices.onnx_file import OnnxGraph, OnnxNode

Array = NDArray[Any]
_DEEPEST = 16
"""Operations between a weight and its use; real files have at most five."""


class Constants:
    """The constants of a graph by name, computed on demand."""

    def __init__(self, graph: OnnxGraph) -> None:
        self._weights = graph.weights
        self._makers = {name: node for node in graph.nodes for name in node.outputs}
        self._found: dict[str, Array | None] = {}

    def get(self, name: str, depth: int = 0) -> Array | None:
        """The value of a name; None if it depends on the graph's inputs."""
        if name in self._weights:
            return self._weights[name]
        if name not in self._found:
            node = self._makers.get(name)
            self._found[name] = None if node is None or depth > _DEEPEST else self._computed(node, depth)
        return self._found[name]

    def _computed(self, node: OnnxNode, depth: int) -> Array | None:
        if node.kind == "Constant":
            value = node.attributes.get("value")
            return value if isinstance(value, np.ndarray) else None
        compute = _OPERATIONS.get(node.kind)
        if compute is None:
            return None
        values: list[Array] = []
        for name in filter(None, node.inputs):
            value = self.get(name, depth + 1)
            if value is None:
                return None
            values.append(value)
        return compute(values, node.attributes)


def _transpose(values: Sequence[Array], attributes: Mapping[str, Any]) -> Array:
    return values[0].transpose(attributes.get("perm"))


def _norm(values: Sequence[Array], attributes: Mapping[str, Any]) -> Array:
    axes = values[1].tolist() if len(values) > 1 else attributes.get("axes")
    keeps = bool(attributes.get("keepdims", 1))
    squares = np.square(values[0].astype(np.float32))
    return np.sqrt(squares.sum(axis=None if axes is None else tuple(axes), keepdims=keeps))


def _dequantised(values: Sequence[Array], attributes: Mapping[str, Any]) -> Array:
    table, scale = values[0].astype(np.float32), values[1].astype(np.float32)
    zero = values[2].astype(np.float32) if len(values) > 2 else np.zeros_like(scale)
    if scale.ndim:
        shape = [1] * table.ndim
        shape[int(attributes.get("axis", 1))] = -1
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return (table - zero) * scale


_OPERATIONS: Mapping[str, Callable[[Sequence[Array], Mapping[str, Any]], Array]] = {
    "Identity": lambda values, _: values[0],
    "Cast": lambda values, _: values[0].astype(np.float32),
    "Transpose": _transpose,
    "ReduceL2": _norm,
    "DequantizeLinear": _dequantised,
    "Mul": lambda values, _: values[0] * values[1],
    "Div": lambda values, _: values[0] / values[1],
}
