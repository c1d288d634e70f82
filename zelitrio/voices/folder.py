"""Voice folders: `voice.json`, `weights.safetensors` and `MODEL_CARD.md`.

The JSON has the format version, the sizes of the networks and the speakers.  Weights are safetensors (loading
them runs no code), usually in float16, and become float32.  An invalid folder is refused; the error names
file, key, expected and found.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import attrs
import orjson
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from zelitrio.errors import VoiceError
from zelitrio.networks import (
    AcousticConfig,
    AcousticModel,
    FineVocoder,
    FineVocoderConfig,
    PitchedAcousticConfig,
    PitchedAcousticModel,
    Vocoder,
    VocoderConfig,
)
from zelitrio.voices.inputs import FEATURES, PHONE_TOKENS, STRESS_TOKENS
from zelitrio.voices.model import Catalogue, Voice
from zelitrio.voices.public_folder import load_public
from zelitrio.voices.zeli import ZeliModel

FORMAT_VERSION = 2
"""Format 2 has a pitch contour and a vocoder of parts.  Format 1 can still be read."""
_DESCRIPTION = "voice.json"
_WEIGHTS = "weights.safetensors"


@lru_cache(maxsize=1)
def load_builtin() -> Catalogue:
    """The built-in voices, cached.  The first call reads the disk, for some tens of milliseconds."""
    with resources.as_file(resources.files("zelitrio.voices") / "builtin") as folder:
        return Catalogue(load_folder(folder))


def load_folder(folder: Path, *, is_lazy: bool = True) -> tuple[Voice, ...]:
    """Read a voice folder.  Blocks on the disk.

    Args:
        folder: has a `voice.json`.
        is_lazy: whether a public voice's weights are loaded for its first stream, not at the start.

    Raises:
        VoiceError: a file is missing, damaged, from a newer version, or does not fit its description.
    """
    path = folder / _DESCRIPTION
    try:
        description = orjson.loads(path.read_bytes())
    except OSError as error:
        raise VoiceError(path, f"cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise VoiceError(path, "is damaged", expected="JSON", found=str(error)) from error
    if isinstance(description, dict) and "family" in description:
        return load_public(folder, description, is_lazy=is_lazy)
    version = _key(path, description, "format", int)
    if not 1 <= version <= FORMAT_VERSION:
        raise VoiceError(path, "format", expected=f"1 to {FORMAT_VERSION}", found=version)
    acoustic: AcousticModel | PitchedAcousticModel
    vocoder: Vocoder | FineVocoder
    if version == 1:
        acoustic = AcousticModel(_config(path, description, "acoustic", AcousticConfig))
        vocoder = Vocoder(_config(path, description, "vocoder", VocoderConfig))
    else:
        acoustic = PitchedAcousticModel(_config(path, description, "acoustic", PitchedAcousticConfig))
        vocoder = FineVocoder(_config(path, description, "vocoder", FineVocoderConfig))
    for name, expected in (("phones", PHONE_TOKENS), ("stresses", STRESS_TOKENS), ("features", FEATURES)):
        found = getattr(acoustic.config, name)
        if found != expected:
            raise VoiceError(path, f"acoustic.{name}", expected=expected, found=found)
    _load_weights(folder / _WEIGHTS, nn.ModuleDict({"acoustic": acoustic, "vocoder": vocoder}))
    model = ZeliModel(acoustic=acoustic.eval(), vocoder=vocoder.eval())
    voices = _key(path, description, "voices", list)
    return tuple(_voice(path, entry, model) for entry in voices)


def save_folder(
    folder: Path, model: ZeliModel, voices: Sequence[Voice], *, dtype: torch.dtype = torch.float16
) -> None:
    """Write a voice folder that `load_folder` reads.  Blocks on the disk; the model card is not written.

    Args:
        folder: made if missing.
        model: the weights.
        voices: all of that model.
        dtype: number format of the weights on disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    description = {
        "format": FORMAT_VERSION if isinstance(model.vocoder, FineVocoder) else 1,
        "acoustic": attrs.asdict(model.acoustic.config),
        "vocoder": attrs.asdict(model.vocoder.config),
        "voices": [
            {
                "voice_id": voice.voice_id,
                "name": voice.name,
                "description": voice.description,
                "category": voice.category,
                "labels": dict(voice.labels),
                "speaker": voice.speaker,
                "fade_ms": voice.fade_ms,
            }
            for voice in voices
        ],
    }
    (folder / _DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    modules = nn.ModuleDict({"acoustic": model.acoustic, "vocoder": model.vocoder})
    weights = {name: value.detach().to(dtype).contiguous() for name, value in modules.state_dict().items()}
    save_file(weights, folder / _WEIGHTS)


def _load_weights(path: Path, modules: nn.ModuleDict) -> None:
    try:
        weights = load_file(path)
    except OSError as error:
        raise VoiceError(path, f"cannot be read ({error.strerror or error})") from error
    except SafetensorError as error:
        raise VoiceError(path, "is damaged", expected="safetensors", found=str(error)) from error
    wanted = modules.state_dict()
    for name, value in wanted.items():
        if name not in weights:
            raise VoiceError(path, f"{name} is missing", expected=list(value.shape), found=None)
        if weights[name].shape != value.shape:
            raise VoiceError(path, name, expected=list(value.shape), found=list(weights[name].shape))
        if not torch.isfinite(weights[name]).all():
            raise VoiceError(path, name, expected="finite numbers", found="NaN or infinity")
    for name in weights.keys() - wanted.keys():
        raise VoiceError(path, f"{name} is not part of this model", found=list(weights[name].shape))
    modules.load_state_dict({name: value.to(torch.float32) for name, value in weights.items()})


def _key(path: Path, mapping: Any, name: str, kind: type[Any]) -> Any:
    value = mapping.get(name) if isinstance(mapping, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise VoiceError(path, name, expected=kind.__name__, found=value)
    return value


def _config(path: Path, description: Any, name: str, kind: type[Any]) -> Any:
    values = _key(path, description, name, dict)
    known = {field.name: field for field in attrs.fields(kind)}
    for key, value in values.items():
        if key not in known:
            raise VoiceError(path, f"{name}.{key} is unknown", expected=", ".join(known))
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise VoiceError(path, f"{name}.{key}", expected="a whole number", found=value)
    missing = [key for key, field in known.items() if field.default is attrs.NOTHING and key not in values]
    if missing:
        raise VoiceError(path, f"{name}.{missing[0]} is missing")
    return kind(**values)


def _voice(path: Path, entry: Any, model: ZeliModel) -> Voice:
    speaker = _key(path, entry, "speaker", int)
    speakers = model.acoustic.config.speakers
    if not 0 <= speaker < speakers:
        raise VoiceError(path, "speaker", expected=f"0 to {speakers - 1}", found=speaker)
    fade_ms = _key(path, {"fade_ms": 0, **entry}, "fade_ms", int)
    if fade_ms < 0:
        raise VoiceError(path, "fade_ms", expected="0 or more", found=fade_ms)
    return Voice(
        voice_id=_key(path, entry, "voice_id", str),
        name=_key(path, entry, "name", str),
        description=_key(path, entry, "description", str),
        category=_key(path, entry, "category", str),
        labels=_key(path, entry, "labels", dict),
        model=model,
        speaker=speaker,
        fade_ms=fade_ms,
    )
