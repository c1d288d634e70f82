"""Kokoro's ONNX files as their exporters write them, in every supported precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx_writer import node, onnx_file

from zelitrio.errors import VoiceError
from zelitrio.voices.convert_kokoro import onnx_tensors
from zelitrio.voices.kokoro_onnx import QuantisedTensor, kokoro_tensors
from zelitrio.voices.onnx_file import read_onnx

Weights = dict[str, NDArray[np.generic]]
DRAWS = np.random.default_rng(5)


def floats(*shape: int) -> NDArray[np.float32]:
    return DRAWS.standard_normal(shape).astype(np.float32)


def found_in(folder: Path, nodes: list[bytes], weights: Weights) -> dict[str, NDArray[np.float32]]:
    path = folder / "model.onnx"
    path.write_bytes(onnx_file(nodes, weights))
    tensors = kokoro_tensors(read_onnx(path))
    return {
        name: tensor.widened() if isinstance(tensor, QuantisedTensor) else tensor
        for name, tensor in tensors.items()
    }


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("/encoder/F0.0/conv1", "predictor.F0.0.conv1"),
        ("/encoder/predictor/text_encoder/lstms.0", "predictor.text_encoder.lstms.0"),
        ("/encoder/text_encoder/lstm", "text_encoder.lstm"),
        ("/encoder/bert_encoder", "bert_encoder"),
        ("/decoder/decoder/generator/conv_post", "decoder.generator.conv_post"),
        # Kokoro's own exporter: no name of the predictor.
        ("/text_encoder/lstms.0", "predictor.text_encoder.lstms.0"),
        ("/text_encoder/cnn.0/cnn.0.0", "text_encoder.cnn.0.0"),
        ("/lstm", "predictor.lstm"),
        ("/shared", "predictor.shared"),
        ("/duration_proj/linear_layer", "predictor.duration_proj.linear_layer"),
        ("/decoder/generator/conv_post", "decoder.generator.conv_post"),
        ("/bert/encoder/embedding_hidden_mapping_in", "bert.encoder.embedding_hidden_mapping_in"),
    ],
)
def test_a_weight_has_the_official_name_of_the_node_that_uses_it(
    path: str, module: str, tmp_path: Path
) -> None:
    weight, bias = floats(4, 3, 5), floats(4)
    nodes = [node("Conv", f"{path}/Conv", ["x", "onnx::Conv_9", "shared_bias"], ["y"])]
    found = found_in(tmp_path, nodes, {"onnx::Conv_9": weight, "shared_bias": bias})
    np.testing.assert_array_equal(found[f"{module}.weight"], weight)
    np.testing.assert_array_equal(found[f"{module}.bias"], bias)


@pytest.mark.parametrize("prefix", ["encoder.", "kmodel."])
def test_a_weight_that_kept_its_name_is_found_by_it(prefix: str, tmp_path: Path) -> None:
    alpha = floats(1, 4, 1)
    nodes = [node("Sin", "/decoder/Sin", ["x"], ["y"])]
    weights: Weights = {
        f"{prefix}text_encoder.cnn.0.1.gamma": alpha[0],
        "kmodel.decoder.generator.noise_res.0.alpha1.0": alpha,
    }
    found = found_in(tmp_path, nodes, weights)
    np.testing.assert_array_equal(found["text_encoder.cnn.0.1.gamma"], alpha[0])
    np.testing.assert_array_equal(found["decoder.generator.noise_res.0.alpha1.0"], alpha)


def test_float16_weights_are_widened_with_a_cast_in_between_and_without(tmp_path: Path) -> None:
    weight = floats(4, 3, 5).astype(np.float16)
    nodes = [
        node("Conv", "/encoder/F0_proj/Conv", ["x", "half"], ["y"]),
        node("Cast", "InsertedCast", ["half"], ["wide"]),
        node("Conv", "/encoder/N_proj/Conv", ["x", "wide"], ["z"]),
    ]
    found = found_in(tmp_path, nodes, {"half": weight})
    for name in ("predictor.F0_proj.weight", "predictor.N_proj.weight"):
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], weight.astype(np.float32))


def test_a_weight_norm_that_was_not_folded_is_computed(tmp_path: Path) -> None:
    direction, length = floats(4, 3, 5), np.abs(floats(4, 1, 1))
    nodes = [
        node("ReduceL2", "/encoder/F0.0/ReduceL2", ["v"], ["n"], axes=[1, 2]),
        node("Div", "/encoder/F0.0/Div", ["v", "n"], ["d"]),
        node("Mul", "/encoder/F0.0/Mul", ["d", "g"], ["w"]),
        node("Conv", "/encoder/F0.0/conv1/Conv", ["x", "w"], ["y"]),
    ]
    found = found_in(tmp_path, nodes, {"v": direction, "g": length})["predictor.F0.0.conv1.weight"]
    np.testing.assert_allclose(np.sqrt(np.square(found).sum((1, 2))), length[:, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(
        found,
        direction * length / np.linalg.norm(direction.reshape(4, -1), axis=1).reshape(4, 1, 1),
        rtol=1e-5,
    )


def test_a_product_is_turned_and_a_general_one_only_if_its_node_says_so(tmp_path: Path) -> None:
    weight = floats(6, 4)
    nodes = [
        node("MatMul", "/encoder/bert_encoder/MatMul", ["x", "a"], ["y"]),
        node("Gemm", "/encoder/F0.0/norm1/fc/Gemm", ["x", "b"], ["z"], transB=[1]),
        node("Transpose", "/encoder/predictor/T", ["a"], ["t"], perm=[1, 0]),
        node("MatMul", "/encoder/predictor/duration_proj/linear_layer/MatMul", ["x", "t"], ["u"]),
    ]
    found = found_in(tmp_path, nodes, {"a": weight, "b": weight})
    np.testing.assert_array_equal(found["bert_encoder.weight"], weight.T)
    np.testing.assert_array_equal(found["predictor.F0.0.norm1.fc.weight"], weight)
    np.testing.assert_array_equal(found["predictor.duration_proj.linear_layer.weight"], weight)


def test_eight_bits_become_floats_by_scale_and_zero_point(tmp_path: Path) -> None:
    values = DRAWS.integers(-127, 127, (4, 3, 5)).astype(np.int8)
    scale, zero = np.array([0.5], np.float32), np.array([3], np.int8)
    nodes = [
        node("ConvInteger", "/encoder/F0_proj/Conv_quant", ["x", "w_quantized", "xz", "z"], ["y"]),
        node("DequantizeLinear", "/dq", ["w_quantized", "w_scale", "z"], ["wide"]),
        node("Conv", "/encoder/N_proj/Conv", ["x", "wide"], ["v"]),
    ]
    found = found_in(tmp_path, nodes, {"w_quantized": values, "w_scale": scale, "z": zero})
    expected = (values.astype(np.float32) - 3) * 0.5
    np.testing.assert_array_equal(found["predictor.F0_proj.weight"], expected)
    np.testing.assert_array_equal(found["predictor.N_proj.weight"], expected)


@pytest.mark.parametrize("precision", [np.float32, np.float16])
def test_a_recurrence_has_its_gates_in_torchs_order(precision: type[np.floating], tmp_path: Path) -> None:
    gates = np.repeat(np.arange(4), 2)  # i, o, f, c, two rows each
    table = np.broadcast_to(gates[None, :, None], (2, 8, 3)).astype(precision)
    bias = np.broadcast_to(np.concatenate((gates, gates))[None], (2, 16)).astype(precision)
    nodes = [node("LSTM", "/encoder/predictor/lstm/LSTM", ["x", "w", "r", "b"], ["y"])]
    found = found_in(tmp_path, nodes, {"w": table, "r": table[..., :2], "b": bias})
    for suffix in ("l0", "l0_reverse"):
        for name in (f"weight_ih_{suffix}", f"weight_hh_{suffix}", f"bias_ih_{suffix}", f"bias_hh_{suffix}"):
            column = found[f"predictor.lstm.{name}"].reshape(8, -1)[:, 0]
            assert column.tolist() == [0, 0, 2, 2, 3, 3, 1, 1], name


def test_four_bits_are_refused_by_name(tmp_path: Path) -> None:
    nodes = [
        node("MatMulNBits", "/encoder/bert_encoder/MatMul_Q4", ["x", "w"], ["y"]),
        node("Gather", "/encoder/bert/embeddings/word_embeddings/Gather", ["e", "ids"], ["z"]),
    ]
    (tmp_path / "q4.onnx").write_bytes(onnx_file(nodes, {"w": floats(2, 2), "e": floats(4, 3)}))
    with pytest.raises(VoiceError, match=r"precision: expected float32, float16 or 8 bits .*, found 4 bits"):
        onnx_tensors(tmp_path / "q4.onnx")
