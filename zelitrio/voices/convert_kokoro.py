"""Convert Kokoro's `.pth` or `.onnx` and its style tables into a voice folder."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zelitrio.errors import LocalError, VoiceError
from zelitrio.networks import Kokoro, KokoroConfig, gather_statistics
from zelitrio.text import load_front_end
from zelitrio.voices.kokoro_onnx import QuantisedTensor, kokoro_tensors, our_name
from zelitrio.voices.kokoro_symbols import KOKORO_IDS, kokoro_ids
from zelitrio.voices.onnx_file import read_onnx
from zelitrio.voices.origin import ConvertedVoice, Origin, Progress, read_json, write_card
from zelitrio.voices.public_folder import STATISTICS, STYLES, WEIGHTS, write_description
from zelitrio.voices.weights import write_tensors

KOKORO_LANGUAGES = {
    "a": "en-US",
    "b": "en-GB",
    "e": "es",
    "f": "fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-BR",
    "z": "zh",
}
"""The language of a voice, by the first letter of its name."""
_ENGLISH = ("a", "b")
_GENDERS = {"f": "female", "m": "male"}
_TEXTS = (
    "The birch canoe slid on the smooth planks, and nobody noticed it.",
    "Would you like tea, or do you prefer coffee this morning?",
    "She said: five hundred people came to the show!",
    "I am sorry, but the next train leaves at half past nine.",
    "Yes, of course.",
    "Please wait a moment while I look that up for you.",
)
"""Texts for measuring the generator's statistics: statements and questions, short and long."""
_FEW, _USUAL = 4, ("af_heart", "am_michael")
"""Up to `_FEW` voices are all measured; of more, only `_USUAL`."""
_STYLE_SHAPE = (510, 256)
_REFUSED = re.compile(r"(?:GLOBAL|[Cc]lass|import) ([\w.]+\.\w+)")
"""The name in torch's refusal of a pickle: `builtins.print`."""


def convert_kokoro(
    path: Path,
    folder: Path,
    origin: Origin,
    voices: Sequence[str],
    measure: Sequence[str] | None,
    say: Progress,
) -> ConvertedVoice:
    """Write the folder of a voice; see `zelitrio.voices.convert`."""
    say(f"reading {path.name}")
    tensors = _pth_tensors(path) if path.suffix == ".pth" else onnx_tensors(path)
    _check_vocabulary(path)
    tables, files = _styles(path.parent)
    if path.parent.name == "onnx" and not tables:
        tables, files = _styles(path.parent.parent)
    if not tables:
        raise VoiceError(
            path.parent, "holds no style tables", expected="voices/*.pt, *.bin or an archive", found="none"
        )
    wanted = list(voices) or sorted(tables)
    for name in wanted:
        if name not in tables:
            raise VoiceError(
                path.parent, f"voice {name}", expected="a style table", found=", ".join(sorted(tables))
            )
    for name in measure or ():
        if name not in wanted or name[:1] not in _ENGLISH:
            spoken = ", ".join(one for one in wanted if one[:1] in _ENGLISH) or "none"
            raise LocalError(f"measure: expected English voices of this source ({spoken}), found {name!r}")
    network = Kokoro(KokoroConfig()).requires_grad_(False).eval()
    state = network.state_dict()
    for name, value in state.items():
        if name not in tensors:
            raise VoiceError(path, f"{name} is missing", expected=list(value.shape), found=None)
        if tensors[name].shape != value.shape:
            raise VoiceError(path, name, expected=list(value.shape), found=list(tensors[name].shape))
        if not bool(torch.isfinite(tensors[name]).all()):
            raise VoiceError(path, name, expected="finite numbers", found="NaN or infinity")
        state[name] = tensors[name]
    network.load_state_dict(state)
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors({name: value.contiguous() for name, value in state.items()}, folder / WEIGHTS)
    write_tensors({name: tables[name].contiguous() for name in wanted}, folder / STYLES)
    entries = [_kokoro_entry(name, origin) for name in wanted]
    write_description(folder, "kokoro", entries)
    if measure is None:
        measure = wanted if len(wanted) <= _FEW else _USUAL
    for name in measure:
        # Only English voices, because English needs no other program to be read.
        if name in wanted and name[:1] in _ENGLISH:
            say(f"listening to {name}")
            _measure(network, tables[name], folder / STATISTICS / f"{name}.safetensors")
    write_card(folder, "Kokoro-82M", origin, [path, *files], "")
    return ConvertedVoice(name=kokoro_title(wanted), voices=tuple(wanted), licence=origin.licence)


def kokoro_title(voices: Sequence[str]) -> str:
    """Name of the folder of these voices."""
    return "kokoro" if len(voices) != 1 else f"kokoro-{voices[0]}"


def _kokoro_entry(name: str, origin: Origin) -> dict[str, Any]:
    language = KOKORO_LANGUAGES.get(name[:1], "unknown")
    gender = _GENDERS.get(name[1:2], "unknown")
    title = name[3:].replace("_", " ").title() if name[2:3] == "_" else name
    return {
        "voice_id": name,
        "name": title,
        "description": f"Kokoro, {language}, {gender}.",
        "labels": {
            "family": "kokoro",
            "language": language,
            "gender": gender,
            "quality": "high",
            "licence": origin.licence,
        },
        "style": name,
    }


def _measure(network: Kokoro, table: Tensor, path: Path) -> None:
    front_end = load_front_end()
    found = gather_statistics(
        network, table, [kokoro_ids(front_end.utterance(text).words)[0] for text in _TEXTS]
    )
    path.parent.mkdir(exist_ok=True)
    tensors = {"means": found.means, "squares": found.squares, "widths": torch.tensor(found.widths)}
    write_tensors(tensors, path)


def onnx_tensors(path: Path) -> dict[str, Tensor]:
    """The weights of an ONNX file by the names of our network.

    Raises:
        VoiceError: the file is not a Kokoro model.
    """
    graph = read_onnx(path)
    try:
        found = kokoro_tensors(graph)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise VoiceError(path, "is damaged", expected="Kokoro's weights", found=repr(error)) from error
    if any(name.startswith("enc_p.") for name in graph.weights):
        raise VoiceError(path, "is of Piper", expected=f"{path.name}.json beside it", found="none")
    if not any(name.startswith("bert.") for name in found):
        raise VoiceError(path, "is neither Kokoro nor Piper", expected="weights of bert", found="none")
    if any(node.kind == "MatMulNBits" for node in graph.nodes):
        raise VoiceError(
            path,
            "precision",
            expected="float32, float16 or 8 bits (model.onnx, model_fp16.onnx)",
            found="4 bits",
        )
    return {
        our_name(name): torch.from_numpy(
            np.array(tensor.widened() if isinstance(tensor, QuantisedTensor) else tensor, np.float32)
        )
        for name, tensor in found.items()
    }


def _pth_tensors(path: Path) -> dict[str, Tensor]:
    parts = _unpickled(path)
    if not isinstance(parts, dict) or not {"bert", "predictor", "decoder"} <= parts.keys():
        found = ", ".join(map(str, parts)) if isinstance(parts, dict) else type(parts).__name__
        raise VoiceError(path, "is not Kokoro", expected="parts bert, predictor, decoder", found=found[:120])
    plain: dict[str, Tensor] = {}
    for part, tensors in parts.items():
        if not isinstance(tensors, dict):
            raise VoiceError(path, str(part), expected="tensors by name", found=type(tensors).__name__)
        for name, tensor in tensors.items():
            if not isinstance(tensor, Tensor):
                raise VoiceError(path, f"{part}.{name}", expected="a tensor", found=type(tensor).__name__)
            plain[f"{part}.{name.removeprefix('module.')}"] = tensor.float()
    for name in plain:
        if name.endswith(".weight_v") and f"{name.removesuffix('_v')}_g" not in plain:
            raise VoiceError(path, f"{name.removesuffix('_v')}_g is missing")
    return {our_name(name): tensor for name, tensor in _folded(plain)}


def _folded(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield each weight by its plain name, with its weight norm multiplied out."""
    for name, tensor in tensors.items():
        if name.endswith(".weight_g"):
            continue
        if name.endswith(".weight_v"):
            stem = name.removesuffix("_v")
            length = tensor.flatten(1).norm(dim=1).reshape(-1, *[1] * (tensor.dim() - 1))
            # The clamp keeps rows of zeros at zero instead of 0 / 0.
            yield stem, tensors[f"{stem}_g"] * tensor / length.clamp(min=1e-12)
        else:
            yield name, tensor


def _styles(folder: Path) -> tuple[dict[str, Tensor], list[Path]]:
    tables: dict[str, Tensor] = {}
    files: list[Path] = []
    for path in sorted([*folder.glob("voices/*"), *folder.glob("voices*.bin"), *folder.glob("voices*.npz")]):
        if path.is_dir():
            continue
        for name, table in _tables(path):
            tables[name] = table
        files.append(path)
    return tables, files


def _tables(path: Path) -> Iterator[tuple[str, Tensor]]:
    if path.suffix == ".pt":
        yield path.stem, _table(path, _unpickled(path))
    elif zipfile.is_zipfile(path):
        try:
            with np.load(path, allow_pickle=False) as archive:
                for name in archive.files:
                    yield name, _table(path, archive[name])
        except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise VoiceError(
                path, "is refused", expected="an archive of arrays only", found=str(error)
            ) from error
    elif path.suffix == ".bin":
        yield path.stem, _table(path, np.fromfile(path, "<f4"))
    elif path.suffix == ".npz":
        raise VoiceError(path, "is damaged", expected="an archive of arrays", found="no archive")


def _table(path: Path, values: Any) -> Tensor:
    array = values.float() if isinstance(values, Tensor) else values
    if isinstance(array, np.ndarray) and array.dtype.kind == "f":
        array = torch.from_numpy(array.astype(np.float32))
    if not isinstance(array, Tensor):
        raise VoiceError(path, "is not a style table", expected="floats", found=type(values).__name__)
    if array.numel() != _STYLE_SHAPE[0] * _STYLE_SHAPE[1]:
        raise VoiceError(path, "is not a style table", expected=list(_STYLE_SHAPE), found=list(array.shape))
    if not bool(torch.isfinite(array).all()):
        raise VoiceError(path, "is not a style table", expected="finite numbers", found="NaN or infinity")
    return array.reshape(_STYLE_SHAPE)


def _check_vocabulary(path: Path) -> None:
    """Check a config in the folder of the weights, if any: it must number the symbols as we do.

    Raises:
        VoiceError: it numbers them differently.
    """
    config = path.parent / "config.json"
    if not config.exists():
        return
    vocabulary = read_json(config).get("vocab")
    if isinstance(vocabulary, dict) and vocabulary != KOKORO_IDS:
        raise VoiceError(
            config, "vocab", expected=f"{len(KOKORO_IDS)} symbols of version 1.0", found="others"
        )


def _unpickled(path: Path) -> Any:
    try:
        with warnings.catch_warnings(action="ignore"):  # torch warns before it raises an error
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        named = _REFUSED.search(str(error))
        found = f"{named.group(1)}" if named else "another file"
        raise VoiceError(
            path, "is refused", expected="a file of tensors only, no code", found=found
        ) from error
