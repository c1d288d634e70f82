"""Read the weights and nodes of ONNX files without an ONNX package.

An ONNX file is one protobuf message.  Only the fields for a converter are read: weights, and names and
attributes of nodes.  It cannot run a graph.  The field numbers are those of `onnx.proto`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.errors import VoiceError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype("u1"),
    3: np.dtype("i1"),
    6: np.dtype("<i4"),
    7: np.dtype("<i8"),
    9: np.dtype("?"),
    10: np.dtype("<f2"),
    11: np.dtype("<f8"),
}

Array = NDArray[Any]
Attribute = int | float | str | list[int] | list[float] | Array


@attrs.frozen(kw_only=True, eq=False)
class OnnxNode:
    """One operation of a graph."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]


@attrs.frozen(kw_only=True, eq=False)
class OnnxGraph:
    """The content of an ONNX file: weights by name, nodes in order, and metadata."""

    path: Path
    weights: Mapping[str, Array]
    nodes: tuple[OnnxNode, ...]
    inputs: tuple[str, ...]
    metadata: Mapping[str, str]

    def node(self, name: str) -> OnnxNode | None:
        """The node of a name, if any."""
        return next((node for node in self.nodes if node.name == name), None)


def read_onnx(path: Path) -> OnnxGraph:
    """Read a file.  Blocks on the disk.

    Raises:
        VoiceError: it cannot be read or is not an ONNX file.
    """
    try:
        content = memoryview(path.read_bytes())
    except OSError as error:
        raise VoiceError(path, f"cannot be read ({error.strerror or error})") from error
    try:
        graph: memoryview | bytes = b""
        metadata = {}
        for field, value in _fields(content):
            if field == 7:
                graph = _bytes(value)
            elif field == 14:
                pair = dict(_fields(_bytes(value)))
                metadata[_text(pair[1])] = _text(pair.get(2, b""))
        weights, nodes, inputs = {}, [], []
        for field, value in _fields(graph):
            if field == 5:
                name, array = _tensor(_bytes(value))
                weights[name] = array
            elif field == 1:
                nodes.append(_node(_bytes(value)))
            elif field == 11:
                inputs.append(_text(dict(_fields(_bytes(value)))[1]))
    except (IndexError, KeyError, ValueError, TypeError, struct.error) as error:
        raise VoiceError(path, "is damaged", expected="ONNX", found=str(error) or repr(error)) from error
    if not nodes:
        raise VoiceError(path, "is not an ONNX file", expected="a graph of nodes", found="none")
    return OnnxGraph(path=path, weights=weights, nodes=tuple(nodes), inputs=tuple(inputs), metadata=metadata)


def _fields(content: memoryview | bytes) -> Iterator[tuple[int, int | memoryview | bytes]]:
    at, size = 0, len(content)
    while at < size:
        key, at = _varint(content, at)
        kind = key & 7
        value: int | memoryview | bytes
        if kind == _VARINT:
            value, at = _varint(content, at)
        else:
            if kind == _BYTES:
                length, at = _varint(content, at)
            elif kind in (_FIXED32, _FIXED64):
                length = 4 if kind == _FIXED32 else 8
            else:
                raise ValueError(f"wire type {kind}")
            if at + length > size:
                raise ValueError("the file ends early")
            value, at = content[at : at + length], at + length
        yield key >> 3, value


def _varint(content: memoryview | bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _bytes(value: int | memoryview | bytes) -> memoryview | bytes:
    if isinstance(value, int):
        raise TypeError("a number where bytes belong")
    return value


def _text(value: int | memoryview | bytes) -> str:
    return bytes(_bytes(value)).decode("utf-8")


def _numbers(value: int | memoryview | bytes) -> list[int]:
    if isinstance(value, int):
        return [_signed(value)]
    found, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        found.append(_signed(number))
    return found


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _tensor(content: memoryview | bytes) -> tuple[str, Array]:
    name, kind, shape = "", 0, []
    raw: memoryview | bytes | None = None
    numbers: list[int] = []
    floats: list[bytes] = []
    for field, value in _fields(content):
        if field == 1:
            shape += _numbers(value)
        elif field == 2 and isinstance(value, int):
            kind = value
        elif field == 4:
            floats.append(bytes(_bytes(value)))
        elif field in (5, 7):
            numbers += _numbers(value)
        elif field == 8:
            name = _text(value)
        elif field == 9:
            raw = _bytes(value)
        elif field == 13:
            raise ValueError(f"{name}: weights outside the file")
    if kind not in _DTYPES:
        return name, np.zeros(0, np.uint8)  # types such as strings cannot be weights
    dtype = _DTYPES[kind]
    if raw is not None:
        array = np.frombuffer(raw, dtype)
    elif floats:
        array = np.frombuffer(b"".join(floats), "<f4").astype(dtype)
    elif kind == 10:
        array = np.array(numbers, np.uint16).view(np.float16)
    else:
        array = np.array(numbers, dtype)
    return name, array.reshape(shape)


def _node(content: memoryview | bytes) -> OnnxNode:
    inputs, outputs, name, kind = [], [], "", ""
    attributes: dict[str, Attribute] = {}
    for field, value in _fields(content):
        if field == 1:
            inputs.append(_text(value))
        elif field == 2:
            outputs.append(_text(value))
        elif field == 3:
            name = _text(value)
        elif field == 4:
            kind = _text(value)
        elif field == 5:
            key, found = _attribute(_bytes(value))
            attributes[key] = found
    return OnnxNode(name=name, kind=kind, inputs=tuple(inputs), outputs=tuple(outputs), attributes=attributes)


def _attribute(content: memoryview | bytes) -> tuple[str, Attribute]:
    name = ""
    found: Attribute | None = None
    integers: list[int] = []
    floats: list[float] = []
    for field, value in _fields(content):
        if field == 1:
            name = _text(value)
        elif field == 2:
            found = struct.unpack("<f", _bytes(value))[0]
        elif field == 3 and isinstance(value, int):
            found = _signed(value)
        elif field == 4:
            found = bytes(_bytes(value)).decode("utf-8", "replace")
        elif field == 5:
            found = _tensor(_bytes(value))[1]
        elif field == 7:
            packed = bytes(_bytes(value))
            floats += struct.unpack(f"<{len(packed) // 4}f", packed)
        elif field == 8:
            integers += _numbers(value)
    if found is None:
        found = floats or integers
    return name, found
