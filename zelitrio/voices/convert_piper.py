"""Convert Piper's `.onnx` and `.onnx.json` into a voice folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
import torch

from zelitrio.errors import LocalError, VoiceError
from zelitrio.networks import Vits
from zelitrio.voices.espeak import Espeak, is_espeak_installed
from zelitrio.voices.onnx_file import read_onnx
from zelitrio.voices.origin import ConvertedVoice, Origin, Progress, stated_licence, write_card
from zelitrio.voices.piper_json import PiperFacts, read_piper_facts
from zelitrio.voices.piper_onnx import piper_config, piper_tensors
from zelitrio.voices.public_folder import WEIGHTS, is_voice_name, sizes_of, write_description
from zelitrio.voices.weights import write_tensors

_LOUDEST = 0.6
"""Peak of test syllables after the voice's gain, one factor for all its audio."""
_MOST_GAIN = 4.0
_SYLLABLES = "mˈamano lˈesita, dˈedo rˈikuna! bˈaʃi pˈoto?"


def convert_piper(path: Path, folder: Path, origin: Origin, say: Progress) -> ConvertedVoice:
    """Write the folder of a voice; see `zelitrio.voices.convert`."""
    stem = path.name.removesuffix(".onnx")
    if not is_voice_name(stem):
        raise VoiceError(
            path, "its name becomes the voice's", expected="no spaces and no / \\ + ( ) #", found=repr(stem)
        )
    side = path.with_name(path.name + ".json")
    facts = read_piper_facts(side)
    _check_reader(side, facts)
    say(f"reading {path.name}")
    graph = read_onnx(path)
    tensors = piper_tensors(graph)
    config = piper_config(graph, tensors, facts.sample_rate_hz)
    if (last := max(max(numbers, default=0) for numbers in facts.symbols.values())) >= config.symbols:
        raise VoiceError(
            side, "phoneme_id_map", expected=f"numbers below {config.symbols}, as {path.name} has", found=last
        )
    network = Vits(config).requires_grad_(False).eval()
    state = network.state_dict()
    for name, value in state.items():
        if name not in tensors:
            raise VoiceError(path, f"{name} is missing", expected=list(value.shape), found=None)
        if tensors[name].size != value.numel():
            raise VoiceError(path, name, expected=list(value.shape), found=list(tensors[name].shape))
        if not np.isfinite(tensors[name]).all():
            raise VoiceError(path, name, expected="finite numbers", found="NaN or infinity")
        state[name] = torch.from_numpy(tensors[name].copy()).reshape(value.shape)
    network.load_state_dict(state)
    speakers = [facts.speakers.get(number, str(number)) for number in range(config.speakers)]
    has_one = config.speakers == 1
    ids = [stem if has_one else f"{stem}#{name}" for name in speakers]
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise VoiceError(side, "speaker_id_map", expected="a name of its own for each speaker", found=twice)
    said = _card(path)
    if stated := stated_licence(said):
        origin = attrs.evolve(origin, licence=stated)
    labels = {
        "family": "piper",
        "language": facts.language,
        "quality": facts.quality,
        "licence": origin.licence,
    }
    entries = [
        {
            "voice_id": voice_id,
            "name": stem if has_one else f"{stem}, {name}",
            "description": f"Piper, {labels['language']}, {labels['quality']} quality.",
            "labels": labels,
            "speaker": number,
        }
        for number, (voice_id, name) in enumerate(zip(ids, speakers, strict=True))
    ]
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(
        {name: value.contiguous() for name, value in network.state_dict().items()}, folder / WEIGHTS
    )
    write_description(
        folder,
        "piper",
        entries,
        model=sizes_of(config),
        symbols=dict(facts.symbols),
        phoneme_type=facts.phoneme_type,
        espeak_voice=facts.espeak_voice,
        inference=dict(facts.inference),
        gain=_gain(network, facts.symbols),
    )
    write_card(folder, stem, origin, [path, side], said)
    return ConvertedVoice(name=stem, voices=tuple(ids), licence=origin.licence)


def _check_reader(side: Path, facts: PiperFacts) -> None:
    """Refuse a voice in a language that espeak lacks, if espeak is installed."""
    if facts.phoneme_type != "espeak" or facts.espeak_voice.startswith("en") or not is_espeak_installed():
        return
    espeak = Espeak()
    try:
        espeak.phonemes(facts.espeak_voice, ["a"], ties=False)
    except LocalError as error:
        expected = "a language that espeak has"
        raise VoiceError(side, "espeak.voice", expected=expected, found=facts.espeak_voice) from error
    finally:
        espeak.close()


def _card(path: Path) -> str:
    """The card beside a voice; empty if the folder has several voices."""
    cards = [file for file in path.parent.glob("MODEL_CARD*") if file.is_file()]
    if len(cards) != 1 or len(list(path.parent.glob("*.onnx"))) != 1:
        return ""
    return cards[0].read_text(encoding="utf-8", errors="replace")


@torch.inference_mode()
def _gain(network: Vits, symbols: Mapping[str, Sequence[int]]) -> float:
    """The gain that brings the peak of some stressed syllables to `_LOUDEST`.

    With joe, 42 sentences then have peaks between 0.4 and 0.9.  Without stress the syllables are softer than
    sentences, by half.
    """
    syllables = [symbol for symbol in _SYLLABLES if symbol in symbols] or list(symbols)[:16]
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
