"""Public voices converted once into folders of our own.

What is read: Piper's `.onnx` beside its `.onnx.json`; Kokoro's official `.pth`, or an ONNX file of it, with
style tables as `.pt`, `.bin` or an archive of arrays.  No file is trusted: pickles are read with
`weights_only`, archives without pickles.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from zelitrio.errors import VoiceError
from zelitrio.networks import Kokoro, KokoroConfig, Vits, gather_statistics
from zelitrio.text import load_front_end
from zelitrio.voices.kokoro_onnx import QuantisedTensor, kokoro_tensors, our_name
from zelitrio.voices.kokoro_symbols import KOKORO_IDS, kokoro_ids
from zelitrio.voices.onnx_file import read_onnx
from zelitrio.voices.piper_onnx import piper_config, piper_tensors
from zelitrio.voices.public_folder import CARD, STATISTICS, STYLES, WEIGHTS, sizes_of, write_description

Progress = Callable[[str], None]
"""Is told in a few words what is being done."""

_LANGUAGES = dict(
    a="en-US", b="en-GB", e="es", f="fr", h="hi", i="it", j="ja", p="pt-BR", z="zh"
)
_GENDERS = {"f": "female", "m": "male"}
_TEXTS = (
    "The birch canoe slid on the smooth planks, and nobody noticed it.",
    "Would you like tea, or do you prefer coffee this morning?",
    "She said: five hundred people came to the show!",
    "I am sorry, but the next train leaves at half past nine.",
    "Yes, of course.",
    "Please wait a moment while I look that up for you.",
)
"""What a voice's generator is measured with: statements, questions, short and long."""
_FEW, _USUAL = 4, ("af_heart", "am_michael")
"""So many voices are all measured; of more, these."""
_STYLE_SHAPE = (510, 256)
_LOUDEST = 0.6
"""The peak that a Piper voice is brought to, by one gain for all that it says."""
_MOST_GAIN = 4.0


@attrs.frozen(kw_only=True)
class Origin:
    """Where a voice came from, for its model card."""

    source: str
    licence: str = "unknown: see the source"


@attrs.frozen(kw_only=True)
class Converted:
    """What a source became."""

    name: str
    """What its folder should be called."""
    voices: tuple[str, ...]
    licence: str


_FORBIDDING = re.compile(r"non-?commercial|\bnc\b|-nc\b|research only", re.IGNORECASE)


def forbids(licence: str) -> bool:
    """Whether a licence forbids commercial use."""
    return _FORBIDDING.search(licence) is not None


def convert(
    source: Path,
    folder: Path,
    origin: Origin,
    *,
    voices: Sequence[str] = (),
    measure: Sequence[str] | None = None,
    say: Progress = lambda _: None,
) -> Converted:
    """Convert a file or a folder into a voice folder.

    Args:
        source: a Piper `.onnx`, a Kokoro `.pth` or `.onnx`, or a folder that holds one of them.
        folder: where to; made if missing.
        origin: for the model card.
        voices: of Kokoro's, which to keep; empty: all.
        measure: of Kokoro's, which shall speak in the streaming mode on a CPU; some seconds each.  None: all if
            they are few.
        say: is told what is being done.

    Raises:
        VoiceError: the source is missing or not what it says.
    """
    path = _main_file(source)
    if path.suffix == ".onnx" and path.with_name(path.name + ".json").exists():
        return _convert_piper(path, folder, origin, say)
    return _convert_kokoro(path, folder, origin, voices, measure, say)


def checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _main_file(source: Path) -> Path:
    if source.is_file():
        if source.suffix not in (".onnx", ".pth"):
            raise VoiceError(source, "is no voice", expected=".onnx or .pth", found=source.suffix or "no suffix")
        return source
    if not source.is_dir():
        raise VoiceError(source, "does not exist", expected="a file or a folder", found="nothing")
    found = sorted(source.glob("*.pth")) or sorted(source.glob("*.onnx")) or sorted(source.glob("onnx/*.onnx"))
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise VoiceError(source, "holds no single voice", expected="one .onnx or .pth", found=names)
    return found[0]


# Piper.


def _convert_piper(path: Path, folder: Path, origin: Origin, say: Progress) -> Converted:
    side = path.with_name(path.name + ".json")
    facts = _read_json(side)
    say(f"reading {path.name}")
    graph = read_onnx(path)
    tensors = piper_tensors(graph)
    try:
        rate = int(facts["audio"]["sample_rate"])
        symbols = {str(symbol): [int(n) for n in numbers] for symbol, numbers in facts["phoneme_id_map"].items()}
        inference = facts.get("inference", {})
        noises = {name: float(inference.get(name, default)) for name, default in _INFERENCE.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise VoiceError(side, "is not a Piper voice's", expected="its JSON", found=f"no {error}") from error
    config = piper_config(graph, tensors, rate)
    network = Vits(config).requires_grad_(False).eval()
    state = network.state_dict()
    for name, value in state.items():
        if name not in tensors:
            raise VoiceError(path, f"{name} is missing", expected=list(value.shape), found=None)
        if tensors[name].size != value.numel():
            raise VoiceError(path, name, expected=list(value.shape), found=list(tensors[name].shape))
        state[name] = torch.from_numpy(tensors[name].copy()).reshape(value.shape)
    network.load_state_dict(state)
    stem = path.name.removesuffix(".onnx")
    language = str(facts.get("language", {}).get("code") or facts.get("espeak", {}).get("voice") or "unknown")
    card = next((file for file in path.parent.glob("MODEL_CARD*") if file.is_file()), None)
    said = card.read_text(encoding="utf-8", errors="replace") if card else ""
    stated = re.search(r"(?im)^\W*licen[cs]e:\s*(.+?)\s*$", said)
    if stated:
        origin = attrs.evolve(origin, licence=stated.group(1))
    labels = {
        "family": "piper",
        "language": language.replace("_", "-"),
        "quality": str(facts["audio"].get("quality", "unknown")),
        "licence": origin.licence,
    }
    names = {int(n): str(name) for name, n in (facts.get("speaker_id_map") or {}).items()}
    entries = [
        {
            "voice_id": stem if config.speakers == 1 else f"{stem}#{names.get(speaker, speaker)}",
            "name": stem if config.speakers == 1 else f"{stem}, {names.get(speaker, speaker)}",
            "description": f"Piper, {labels['language']}, {labels['quality']} quality.",
            "labels": labels,
            "speaker": speaker,
        }
        for speaker in range(config.speakers)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, folder / WEIGHTS)
    write_description(
        folder,
        "piper",
        entries,
        model=sizes_of(config),
        symbols=symbols,
        phoneme_type=str(facts.get("phoneme_type", "espeak")),
        espeak_voice=str(facts.get("espeak", {}).get("voice", "")),
        inference=noises,
        gain=_gain(network, symbols),
    )
    _write_card(folder, stem, origin, [path, side], said)
    ids = tuple(str(entry["voice_id"]) for entry in entries)
    return Converted(name=stem, voices=ids, licence=origin.licence)


_INFERENCE = {"noise_scale": 0.667, "noise_w": 0.8, "length_scale": 1.0}


@torch.inference_mode()
def _gain(network: Vits, symbols: Mapping[str, Sequence[int]]) -> float:
    """What brings the voice to a common level, by what it makes of some syllables."""
    syllables = [symbol for symbol in "mamanolesita dedorikuna" if symbol in symbols] or list(symbols)[:16]
    pad = list(symbols.get("_", [0]))
    ids = [*symbols.get("^", []), *pad]
    for symbol in syllables:
        ids += [*symbols[symbol], *pad]
    ids += symbols.get("$", [])
    speaker = network.speaker(torch.zeros(1, dtype=torch.long))
    tokens = network.encode(torch.tensor([ids]), torch.zeros(1, len(ids), 2), speaker, None)
    frames = tokens.frames[0].ceil().clamp(0, 40).long()
    at = torch.arange(len(ids)).repeat_interleave(frames)
    if not len(at):
        return 1.0
    noise = torch.zeros(1, len(at), network.config.latent)
    peak = float(network.dec(network.latent(tokens.statistics[:, at], noise, speaker, None), speaker, None).abs().max())
    return round(min(max(_LOUDEST / max(peak, 1e-6), 1 / _MOST_GAIN), _MOST_GAIN), 3)


# Kokoro.


def _convert_kokoro(
    path: Path,
    folder: Path,
    origin: Origin,
    voices: Sequence[str],
    measure: Sequence[str] | None,
    say: Progress,
) -> Converted:
    say(f"reading {path.name}")
    tensors = _pth_tensors(path) if path.suffix == ".pth" else _onnx_tensors(path)
    _check_vocabulary(path)
    network = Kokoro(KokoroConfig()).requires_grad_(False).eval()
    state = network.state_dict()
    for name, value in state.items():
        if name not in tensors:
            raise VoiceError(path, f"{name} is missing", expected=list(value.shape), found=None)
        if tensors[name].shape != value.shape:
            raise VoiceError(path, name, expected=list(value.shape), found=list(tensors[name].shape))
        state[name] = tensors[name]
    network.load_state_dict(state)
    tables, files = _styles(path.parent)
    if path.parent.name == "onnx" and not tables:
        tables, files = _styles(path.parent.parent)
    wanted = list(voices) or sorted(tables)
    for name in wanted:
        if name not in tables:
            known = ", ".join(sorted(tables)) or "none"
            raise VoiceError(path.parent, f"voice {name}", expected="a style table", found=known)
    if not wanted:
        raise VoiceError(path.parent, "holds no style tables", expected="voices/*.pt, *.bin or an archive", found="none")
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in state.items()}, folder / WEIGHTS)
    save_file({name: tables[name].contiguous() for name in wanted}, folder / STYLES)
    entries = [_kokoro_entry(name, origin) for name in wanted]
    write_description(folder, "kokoro", entries)
    if measure is None:
        measure = wanted if len(wanted) <= _FEW else _USUAL
    for name in measure:
        # Measured in English, which the table reads without any other program.
        if name in wanted and name[:1] in "ab":
            say(f"listening to {name}")
            _measure(network, tables[name], folder / STATISTICS / f"{name}.safetensors")
    _write_card(folder, "Kokoro-82M", origin, [path, *files], "")
    title = "kokoro" if len(wanted) != 1 else f"kokoro-{wanted[0]}"
    return Converted(name=title, voices=tuple(wanted), licence=origin.licence)


def _kokoro_entry(name: str, origin: Origin) -> dict[str, Any]:
    language = _LANGUAGES.get(name[:1], "unknown")
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
    found = gather_statistics(network, table, [kokoro_ids(front_end.utterance(text).words)[0] for text in _TEXTS])
    path.parent.mkdir(exist_ok=True)
    tensors = {"means": found.means, "squares": found.squares, "widths": torch.tensor(found.widths)}
    save_file(tensors, path)


def _onnx_tensors(path: Path) -> dict[str, Tensor]:
    graph = read_onnx(path)
    found = kokoro_tensors(graph)
    if not any(name.startswith("bert.") for name in found):
        raise VoiceError(path, "is neither Kokoro nor Piper", expected="weights of bert", found="none")
    return {
        our_name(name): torch.from_numpy(
            np.array(tensor.widened() if isinstance(tensor, QuantisedTensor) else tensor, np.float32)
        )
        for name, tensor in found.items()
    }


def _pth_tensors(path: Path) -> dict[str, Tensor]:
    parts = _unpickled(path)
    if not isinstance(parts, dict) or "bert" not in parts or "decoder" not in parts:
        raise VoiceError(path, "is not Kokoro", expected="parts bert, predictor, decoder", found=type(parts).__name__)
    plain: dict[str, Tensor] = {}
    for part, tensors in parts.items():
        for name, tensor in tensors.items():
            plain[f"{part}.{name.removeprefix('module.')}"] = tensor.float()
    return {our_name(name): tensor for name, tensor in _folded(plain)}


def _folded(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Tensors with weight norms multiplied out."""
    for name, tensor in tensors.items():
        if name.endswith(".weight_g"):
            continue
        if name.endswith(".weight_v"):
            stem = name.removesuffix("_v")
            length = tensor.flatten(1).norm(dim=1).reshape(-1, *[1] * (tensor.dim() - 1))
            # A row of zeros stays one: 0 / 0 would be no number.
            yield stem, tensors[f"{stem}_g"] * tensor / length.clamp(min=1e-12)
        else:
            yield name, tensor


def _styles(folder: Path) -> tuple[dict[str, Tensor], list[Path]]:
    """Style tables beside the weights, by voice, and the files that they came from."""
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
    if zipfile.is_zipfile(path) and path.suffix != ".pt":
        try:
            with np.load(path, allow_pickle=False) as archive:
                for name in archive.files:
                    yield name, _table(path, archive[name])
        except ValueError as error:
            raise VoiceError(path, "holds more than arrays", expected="an archive of arrays", found=str(error)) from error
    elif path.suffix == ".pt":
        yield path.stem, _table(path, _unpickled(path))
    elif path.suffix == ".bin":
        yield path.stem, _table(path, np.fromfile(path, "<f4"))


def _table(path: Path, values: Tensor | NDArray[Any] | Any) -> Tensor:
    array = values.float() if isinstance(values, Tensor) else torch.from_numpy(np.array(values, np.float32))
    if array.numel() != _STYLE_SHAPE[0] * _STYLE_SHAPE[1]:
        raise VoiceError(path, "is not a style table", expected=list(_STYLE_SHAPE), found=list(array.shape))
    return array.reshape(_STYLE_SHAPE)


def _check_vocabulary(path: Path) -> None:
    """A config beside the weights must number the symbols as we do."""
    config = path.parent / "config.json"
    if not config.exists():
        return
    vocabulary = _read_json(config).get("vocab")
    if isinstance(vocabulary, dict) and vocabulary != KOKORO_IDS:
        raise VoiceError(config, "vocab", expected=f"{len(KOKORO_IDS)} symbols of version 1.0", found="others")


def _unpickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        line = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise VoiceError(path, "is refused", expected="tensors only, no code", found=line[:120]) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VoiceError(path, f"cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise VoiceError(path, "is damaged", expected="JSON", found=str(error)) from error
    if not isinstance(found, dict):
        raise VoiceError(path, "is damaged", expected="a JSON object", found=type(found).__name__)
    return found


def _write_card(folder: Path, name: str, origin: Origin, files: Sequence[Path], said: str) -> None:
    lines = [
        f"# {name}",
        "",
        f"- Source: {origin.source}",
        f"- Licence: {origin.licence}",
        "- Converted by zelitrio from these files (SHA-256):",
        *[f"  - `{file.name}` {checksum(file)}" for file in files],
    ]
    if said:
        lines += ["", "The source's own card:", "", said.rstrip()]
    (folder / CARD).write_text("\n".join(lines) + "\n", encoding="utf-8")
