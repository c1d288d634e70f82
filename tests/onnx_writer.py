"""Writes small ONNX files for tests of their reader, without any ONNX package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KINDS = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "float16": 10}


def varint(value: int) -> bytes:
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def data(field: int, content: bytes | str) -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def tensor(name: str, array: NDArray[Any]) -> bytes:
    dims = b"".join(number(1, size) for size in array.shape)
    raw = np.ascontiguousarray(array).tobytes()
    return dims + number(2, _KINDS[array.dtype.name]) + data(8, name) + data(9, raw)


def node(kind: str, name: str, inputs: Iterable[str], outputs: Iterable[str], **lists: list[int]) -> bytes:
    content = b"".join(data(1, one) for one in inputs) + b"".join(data(2, one) for one in outputs)
    content += data(3, name) + data(4, kind)
    for key, values in lists.items():
        content += data(5, data(1, key) + b"".join(number(8, value) for value in values) + number(20, 7))
    return content


def onnx_file(
    nodes: Iterable[bytes], weights: Mapping[str, NDArray[Any]], inputs: Iterable[str] = ("input",)
) -> bytes:
    graph = b"".join(data(1, one) for one in nodes)
    graph += b"".join(data(5, tensor(name, array)) for name, array in weights.items())
    graph += b"".join(data(11, data(1, name)) for name in inputs)
    return number(1, 8) + data(7, graph)
