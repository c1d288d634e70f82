"""Read the weights of Kokoro's ONNX files, by the names of our network.

Exporters give folded and shared weights names of their own, so a weight is identified by the node that uses
it.  Quantised weights become floats: (weight - zero point) x scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.voices.onnx_file import OnnxGraph, OnnxNode

_GATES = (0, 2, 3, 1)  # ONNX has them as i, o, f, c; torch wants i, f, c, o


@attrs.frozen(kw_only=True, eq=False)
class QuantisedTensor:
    """A quantised tensor: its floats are values x scale."""

    values: NDArray[np.int16]  # zero point subtracted
    scale: NDArray[np.float32]  # of a shape that broadcasts

    def widened(self) -> NDArray[np.float32]:
        """The tensor as floats."""
        return self.values.astype(np.float32) * self.scale


Found = NDArray[np.float32] | QuantisedTensor


def kokoro_tensors(graph: OnnxGraph) -> dict[str, Found]:
    """The weights of a Kokoro graph by their official names; quantised ones are not converted."""
    found: dict[str, Found] = {}
    for name, array in graph.weights.items():
        is_ours = name.startswith(("encoder.", "decoder.")) and not name.endswith("_scale")
        if is_ours and array.dtype.kind == "f":
            found[_official(name)] = array.astype(np.float32)
    for node in graph.nodes:
        for name, tensor in _of_node(graph, node):
            found.setdefault(name, tensor)
    return found


def our_name(name: str) -> str:
    """The name in our network of a tensor with this official name."""
    name = name.replace("bert.encoder.albert_layer_groups.0.albert_layers.0.", "bert.layer.")
    name = name.replace("bert.encoder.embedding_hidden_mapping_in.", "bert.mapping.")
    name = name.replace("decoder.asr_res.0.", "decoder.asr_res.")
    name = name.replace("predictor.duration_proj.linear_layer.", "predictor.duration_proj.")
    stem, _, last = name.rpartition(".")
    if last.endswith("_l0_reverse"):
        return f"{stem}.back.{last.removesuffix('_reverse')}"
    if last.endswith("_l0"):
        return f"{stem}.ahead.{last}"
    return name


def _official(path: str) -> str:
    """The module of an exporter's path: `/encoder/F0.0/conv1` is `predictor.F0.0.conv1`."""
    path = (
        path.strip("/").replace("decoder.decoder.", "decoder/", 1).replace("decoder/decoder/", "decoder/", 1)
    )
    is_decoder = path.startswith("decoder/")
    path = path.removeprefix("encoder/").removeprefix("encoder.").removeprefix("decoder/")
    parts: list[str] = []
    for part in path.split("/"):
        if parts and part.startswith(parts[-1] + "."):
            parts.pop()
        parts.append(part)
    name = ".".join(parts)
    if is_decoder:
        return f"decoder.{name}"
    if name.split(".")[0] in ("F0", "N", "shared", "F0_proj", "N_proj"):
        return f"predictor.{name}"
    return name


def _of_node(graph: OnnxGraph, node: OnnxNode) -> Iterator[tuple[str, Found]]:
    weights = graph.weights
    stem, _, _ = node.name.rpartition("/")
    module = _official(stem)
    weight = weights.get(node.inputs[1]) if len(node.inputs) > 1 else None
    match node.kind:
        case "ConvInteger" if weight is not None:
            yield (
                f"{module}.weight",
                _quantised(graph, weight, node.inputs[1], node.inputs[3], per_column=False),
            )
        case "MatMulInteger" if weight is not None:
            yield (
                f"{module}.weight",
                _quantised(graph, weight, node.inputs[1], node.inputs[3], per_column=True),
            )
        case "Conv" | "ConvTranspose" if weight is not None:
            yield f"{module}.weight", weight.astype(np.float32)
        case "MatMul" if weight is not None and weight.ndim == 2 and weight.dtype.kind == "f":
            yield f"{module}.weight", weight.astype(np.float32).T
        case "Gemm" if weight is not None:
            array = weight.astype(np.float32)
            yield f"{module}.weight", array if node.attributes.get("transB") else array.T
        case "Gather" if node.inputs[0] in weights and weights[node.inputs[0]].ndim == 2:
            table = weights[node.inputs[0]]
            if table.dtype.kind == "f":
                yield f"{module}.weight", table.astype(np.float32)
            else:
                base = node.inputs[0].removesuffix("_quantized")
                zero = weights.get(f"{base}_zero_point")
                values = table.astype(np.int16) - (0 if zero is None else zero.astype(np.int16))
                yield (
                    f"{module}.weight",
                    QuantisedTensor(values=values, scale=_floats(weights[f"{base}_scale"])),
                )
        case "DynamicQuantizeLSTM" | "LSTM":
            yield from _lstm(graph, node, module)


def _quantised(
    graph: OnnxGraph, weight: NDArray[Any], name: str, zero_name: str, *, per_column: bool
) -> QuantisedTensor:
    values = weight.astype(np.int16) - graph.weights[zero_name].astype(np.int16)
    scale = _floats(graph.weights[name.removesuffix("_quantized") + "_scale"])
    if per_column:
        return QuantisedTensor(values=values.T, scale=scale.reshape(-1, 1))
    return QuantisedTensor(values=values, scale=scale.reshape((-1,) + (1,) * (values.ndim - 1)))


def _lstm(graph: OnnxGraph, node: OnnxNode, module: str) -> Iterator[tuple[str, Found]]:
    weights = graph.weights
    is_quantised = node.kind == "DynamicQuantizeLSTM"
    for direction, suffix in enumerate(("", "_reverse")):
        for place, kind in ((1, "ih"), (2, "hh")):
            table = weights[node.inputs[place]][direction]
            if is_quantised:
                scale = _floats(weights[node.inputs[8 if place == 1 else 10]])[direction]
                zero = weights[node.inputs[9 if place == 1 else 11]].astype(np.int16)[direction]
                values = _gates(table.astype(np.int16).T - zero)
                yield f"{module}.weight_{kind}_l0{suffix}", QuantisedTensor(values=values, scale=scale)
            else:
                yield f"{module}.weight_{kind}_l0{suffix}", _gates(_floats(table))
        bias = _floats(weights[node.inputs[3]])[direction]
        half = len(bias) // 2
        yield f"{module}.bias_ih_l0{suffix}", _gates(bias[:half])
        yield f"{module}.bias_hh_l0{suffix}", _gates(bias[half:])


def _gates(table: NDArray[Any]) -> NDArray[Any]:
    parts = np.split(table, 4)
    return np.concatenate([parts[gate] for gate in _GATES])


def _floats(array: NDArray[Any]) -> NDArray[np.float32]:
    return array.astype(np.float32)
