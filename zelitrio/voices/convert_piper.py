"""Convert Piper's `.onnx` and `.onnx.json` into a voice folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import torch
from safetensors.torch import save_file

from zelitrio.errors import VoiceError
from zelitrio.networks import Vits
from zelitrio.voices.onnx_file import read_onnx
from zelitrio.voices.origin import Converted, Origin, Progress, read_json, write_card
from zelitrio.voices.piper_onnx import piper_config, piper_tensors
from zelitrio.voices.public_folder import WEIGHTS, sizes_of, write_description

_LOUDEST = 0.6
"""The peak of test syllables with the voice's gain, which is one factor for all its audio."""
_MOST_GAIN = 4.0


def convert_piper(path: Path, folder: Path, origin: Origin, say: Progress) -> Converted:
    """Write the folder of a voice; see `zelitrio.voices.convert`."""
    side = path.with_name(path.name + ".json")
    facts = read_json(side)
    say(f"reading {path.name}")
    graph = read_onnx(path)
    tensors = piper_tensors(graph)
    try:
        rate = int(facts["audio"]["sample_rate"])
        symbols = {
            str(symbol): [int(n) for n in numbers] for symbol, numbers in facts["phoneme_id_map"].items()
        }
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
    write_card(folder, stem, origin, [path, side], said)
    ids = tuple(str(entry["voice_id"]) for entry in entries)
    return Converted(name=stem, voices=ids, licence=origin.licence)


_INFERENCE = {"noise_scale": 0.667, "noise_w": 0.8, "length_scale": 1.0}


@torch.inference_mode()
def _gain(network: Vits, symbols: Mapping[str, Sequence[int]]) -> float:
    """The gain that brings the peak of some test syllables to `_LOUDEST`."""
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
    peak = float(
        network.dec(network.latent(tokens.statistics[:, at], noise, speaker, None), speaker, None).abs().max()
    )
    return round(min(max(_LOUDEST / max(peak, 1e-6), 1 / _MOST_GAIN), _MOST_GAIN), 3)
