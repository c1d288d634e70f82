"""Read the weights of Kokoro's ONNX files, by the names of our network.

Exporters rename folded and shared weights, so a weight is identified by the node that uses it.  Two layouts
are known.  Files of onnx-community and kokoro-onnx have `/encoder/...` and `/decoder/decoder/...`.  Kokoro's
own exporter writes `kmodel.`, and its nodes lack the predictor's name.  Quantised weights become floats:
(weight - zero point) x scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.voices.onnx_constants import Constants
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


_PARTS = ("encoder.", "decoder.", "kmodel.")
_PREDICTOR = frozenset(("F0", "N", "shared", "F0_proj", "N_proj", "lstm", "duration_proj"))
"""Modules of the predictor that may lack its name."""
Found = NDArray[np.float32] | QuantisedTensor


def kokoro_tensors(graph: OnnxGraph) -> dict[str, Found]:
    """The weights of a Kokoro graph by their official names; quantised ones are not converted."""
    found: dict[str, Found] = {}
    constants = Constants(graph)
    # Nodes first, because they show whether a weight is transposed.
    for node in graph.nodes:
        for name, tensor in _of_node(graph, constants, node):
            found.setdefault(name, tensor)
    for name, array in graph.weights.items():
        is_ours = name.startswith(_PARTS) and not name.endswith("_scale")
        if is_ours and array.dtype.kind == "f":
            found.setdefault(_official(name), array.astype(np.float32))
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
    path = path.strip("/").removeprefix("kmodel/").removeprefix("kmodel.")
    path = path.replace("decoder.decoder.", "decoder/", 1).replace("decoder/decoder/", "decoder/", 1)
    is_decoder = path.startswith(("decoder/", "decoder."))
    path = path.removeprefix("encoder/").removeprefix("encoder.")
    path = path.removeprefix("decoder/").removeprefix("decoder.")
    parts: list[str] = []
    for part in path.split("/"):
        if parts and part.startswith(parts[-1] + "."):
            parts.pop()
        parts.append(part)
    name = ".".join(parts)
    if is_decoder:
        return f"decoder.{name}"
    if name.split(".")[0] in _PREDICTOR or name.startswith("text_encoder.lstms"):
        return f"predictor.{name}"
    return name


_WEIGHTED = frozenset(("Conv", "ConvInteger", "ConvTranspose", "MatMul", "MatMulInteger", "Gemm"))


def _of_node(graph: OnnxGraph, constants: Constants, node: OnnxNode) -> Iterator[tuple[str, Found]]:
    stem, _, _ = node.name.rpartition("/")
    module = _official(stem)
    has_weight = len(node.inputs) > 1 and node.kind in _WEIGHTED
    weight = constants.get(node.inputs[1]) if has_weight else None
    if node.kind in ("Conv", "ConvTranspose", "Gemm") and len(node.inputs) > 2:
        bias = constants.get(node.inputs[2])
        if bias is not None:
            yield f"{module}.bias", _floats(bias)
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
        case "Gather":
            yield from _table(graph, constants, node, module)
        case "DynamicQuantizeLSTM" | "LSTM":
            yield from _lstm(constants, node, module)


def _table(
    graph: OnnxGraph, constants: Constants, node: OnnxNode, module: str
) -> Iterator[tuple[str, Found]]:
    name = node.inputs[0]
    table = constants.get(name)
    if table is None or table.ndim != 2:
        return
    if table.dtype.kind == "f":
        yield f"{module}.weight", _floats(table)
    elif (scale := graph.weights.get(f"{name.removesuffix('_quantized')}_scale")) is not None:
        zero = graph.weights.get(f"{name.removesuffix('_quantized')}_zero_point")
        values = table.astype(np.int16) - (0 if zero is None else zero.astype(np.int16))
        yield f"{module}.weight", QuantisedTensor(values=values, scale=_floats(scale))


def _quantised(
    graph: OnnxGraph, weight: NDArray[Any], name: str, zero_name: str, *, per_column: bool
) -> QuantisedTensor:
    values = weight.astype(np.int16) - graph.weights[zero_name].astype(np.int16)
    scale = _floats(graph.weights[name.removesuffix("_quantized") + "_scale"])
    if per_column:
        return QuantisedTensor(values=values.T, scale=scale.reshape(-1, 1))
    return QuantisedTensor(values=values, scale=scale.reshape((-1,) + (1,) * (values.ndim - 1)))


def _lstm(constants: Constants, node: OnnxNode, module: str) -> Iterator[tuple[str, Found]]:
    inputs = [constants.get(name) for name in node.inputs]
    tables, biases = {"ih": inputs[1], "hh": inputs[2]}, inputs[3]
    # Inputs 8 to 11 of the quantised kind: scale and zero point of both tables.
    scales = {"ih": inputs[8:10], "hh": inputs[10:12]}
    for direction, suffix in enumerate(("", "_reverse")):
        for kind, table in tables.items():
            if table is None:
                continue
            if node.kind == "DynamicQuantizeLSTM":
                scale, zero = scales[kind]
                if scale is None or zero is None:
                    continue
                values = _gates(table[direction].astype(np.int16).T - zero.astype(np.int16)[direction])
                found: Found = QuantisedTensor(values=values, scale=_floats(scale)[direction])
            else:
                found = _gates(_floats(table[direction]))
            yield f"{module}.weight_{kind}_l0{suffix}", found
        if biases is not None:
            half = len(biases[direction]) // 2
            yield f"{module}.bias_ih_l0{suffix}", _gates(_floats(biases[direction][:half]))
            yield f"{module}.bias_hh_l0{suffix}", _gates(_floats(biases[direction][half:]))


def _gates(table: NDArray[Any]) -> NDArray[Any]:
    parts = np.split(table, 4)
    return np.concatenate([parts[gate] for gate in _GATES])


def _floats(array: NDArray[Any]) -> NDArray[np.float32]:
    return array.astype(np.float32)
