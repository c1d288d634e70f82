"""Read the weights and sizes of Piper's ONNX files, by the names of our network.

The sizes follow from the weights and from attributes of the nodes; the quality in the JSON is only a label.
A weight that the exporter renamed is identified by the node that uses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zelitrio.errors import VoiceError
from zelitrio.networks import PiperConfig
from zelitrio.voices.onnx_file import OnnxGraph, OnnxNode

Tensors = dict[str, NDArray[np.float32]]

_PARTS = ("enc_p", "dp", "flow", "dec", "emb_g")


def piper_tensors(graph: OnnxGraph) -> Tensors:
    """The weights by their names in training.

    Raises:
        VoiceError: the graph is not a Piper voice.
    """
    found: dict[str, NDArray[Any]] = {
        name: array
        for name, array in graph.weights.items()
        if name.split(".")[0] in _PARTS and array.dtype.kind == "f"
    }
    for node in graph.nodes:
        if node.kind in ("Conv", "ConvTranspose") and node.inputs[1] in graph.weights:
            stem = node.name.strip("/").removesuffix(f"/{node.kind}").replace("/", ".")
            if stem.split(".")[0] in _PARTS:
                found.setdefault(f"{stem}.weight", graph.weights[node.inputs[1]])
                if len(node.inputs) > 2 and node.inputs[2] in graph.weights:
                    found.setdefault(f"{stem}.bias", graph.weights[node.inputs[2]])
        elif node.kind == "Gather" and node.name == "/enc_p/emb/Gather":
            found.setdefault("enc_p.emb.weight", graph.weights[node.inputs[0]])
        elif node.kind in ("Mul", "Add") and (
            match := re.search(r"/(norm\w*(?:\.\d+)?)/(Mul|Add)_?\d*$", node.name)
        ):
            _norm(graph, node, match.group(2), found)
    _affine(graph, found)
    if "enc_p.proj.weight" not in found or "dec.conv_pre.weight" not in found:
        raise VoiceError(graph.path, "is not a Piper voice", expected="weights enc_p and dec", found="none")
    return {name: np.asarray(array, np.float32) for name, array in found.items()}


def piper_config(
    graph: OnnxGraph, tensors: Mapping[str, NDArray[np.float32]], sample_rate_hz: int
) -> PiperConfig:
    """The sizes of a voice."""
    try:
        return _config(graph, tensors, sample_rate_hz)
    except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise VoiceError(graph.path, "is not a Piper voice", expected="VITS", found=f"no {error}") from error


def _config(graph: OnnxGraph, tensors: Mapping[str, NDArray[np.float32]], sample_rate_hz: int) -> PiperConfig:
    def count(pattern: str) -> int:
        numbers = [int(match.group(1)) for name in tensors if (match := re.match(pattern, name))]
        return max(numbers) + 1 if numbers else 0

    hidden = tensors["enc_p.emb.weight"].shape[1]
    distances, head = tensors["enc_p.encoder.attn_layers.0.emb_rel_k"].shape[1:]
    stages = count(r"dec\.ups\.(\d+)\.")
    ups = [_attributes(graph, f"dec.ups.{stage}", "ConvTranspose", tensors) for stage in range(stages)]
    blocks = count(r"dec\.resblocks\.(\d+)\.") // stages
    has_pairs = "dec.resblocks.0.convs1.0.weight" in tensors
    stem = "convs1" if has_pairs else "convs"
    convs = count(rf"dec\.resblocks\.0\.{stem}\.(\d+)\.")
    shapes = [
        [_attributes(graph, f"dec.resblocks.{block}.{stem}.{conv}", "Conv", tensors) for conv in range(convs)]
        for block in range(blocks)
    ]
    speakers = tensors.get("emb_g.weight")
    is_stochastic = "dp.flows.3.pre.weight" in tensors
    return PiperConfig(
        sample_rate_hz=sample_rate_hz,
        symbols=len(tensors["enc_p.emb.weight"]),
        hidden=hidden,
        latent=len(tensors["enc_p.proj.weight"]) // 2,
        heads=hidden // head,
        feed_forward=len(tensors["enc_p.encoder.ffn_layers.0.conv_1.weight"]),
        feed_forward_kernel=tensors["enc_p.encoder.ffn_layers.0.conv_1.weight"].shape[-1],
        layers=count(r"enc_p\.encoder\.attn_layers\.(\d+)\."),
        reach=(distances - 1) // 2,
        is_stochastic=is_stochastic,
        duration_width=len(tensors["dp.pre.weight" if is_stochastic else "dp.conv_1.weight"]),
        couplings=(count(r"flow\.flows\.(\d+)\.") + 1) // 2,
        coupling_layers=count(r"flow\.flows\.0\.enc\.in_layers\.(\d+)\."),
        coupling_kernel=tensors["flow.flows.0.enc.in_layers.0.weight"].shape[-1],
        start_width=len(tensors["dec.conv_pre.weight"]),
        rates=tuple(up["strides"][0] for up in ups),
        kernels=tuple(up["kernel_shape"][0] for up in ups),
        block_kernels=tuple(shape[0]["kernel_shape"][0] for shape in shapes),
        block_dilations=tuple(tuple(conv["dilations"][0] for conv in shape) for shape in shapes),
        has_pairs=has_pairs,
        speakers=1 if speakers is None else len(speakers),
        speaker_width=0 if speakers is None else speakers.shape[1],
    )


def _attributes(
    graph: OnnxGraph, module: str, kind: str, tensors: Mapping[str, NDArray[np.float32]]
) -> dict[str, list[int]]:
    """Attributes of a module's node, found by its path or by its weight's name."""
    path = "/" + module.replace(".", "/", 1).replace(".resblocks.", "/resblocks.")
    for node in graph.nodes:
        if node.kind != kind:
            continue
        stem = node.name.strip("/").removesuffix(f"/{kind}").replace("/", ".")
        if stem == module or node.inputs[1] == f"{module}.weight":
            found = {name: value for name, value in node.attributes.items() if isinstance(value, list)}
            width = tensors[f"{module}.weight"].shape[-1]
            return {"strides": [1], "dilations": [1], "kernel_shape": [width], **found}  # type: ignore[dict-item]
    raise KeyError(f"node {path}")


def _norm(graph: OnnxGraph, node: OnnxNode, kind: str, found: dict[str, NDArray[Any]]) -> None:
    """Find a LayerNorm's scale or shift that the exporter merged with an equal one."""
    stem = node.name.strip("/").rpartition("/")[0].replace("/", ".")
    if stem.split(".")[0] not in _PARTS:
        return
    for name in node.inputs:
        if name in graph.weights and graph.weights[name].ndim == 1 and len(graph.weights[name]) > 1:
            found.setdefault(f"{stem}.{'gamma' if kind == 'Mul' else 'beta'}", graph.weights[name])


def _affine(graph: OnnxGraph, found: dict[str, NDArray[Any]]) -> None:
    """Find the log scale of the durations' first flow, which the exporter folded into a constant."""
    node = graph.node("/dp/flows.0/Mul")
    if node is None or "dp.flows.0.logs" in found:
        return
    for name in node.inputs:
        if name in graph.weights:
            found["dp.flows.0.logs"] = -np.log(graph.weights[name])
            return
        exponent = next(
            (other for other in graph.nodes if name in other.outputs and other.kind == "Exp"), None
        )
        if exponent is not None and exponent.inputs[0] in graph.weights:
            found["dp.flows.0.logs"] = -graph.weights[exponent.inputs[0]]
            return
