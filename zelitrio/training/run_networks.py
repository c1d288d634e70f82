"""Makes a run's networks from the sizes in its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from zelitrio.errors import LocalError
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

AnyAcousticConfig = AcousticConfig | PitchedAcousticConfig
AnyAcoustic = AcousticModel | PitchedAcousticModel
AnyVocoderConfig = VocoderConfig | FineVocoderConfig
AnyVocoder = Vocoder | FineVocoder


_ACOUSTICS: Mapping[str, type[AnyAcousticConfig]] = {
    "acoustic": AcousticConfig,
    "pitched acoustic": PitchedAcousticConfig,
}
_VOCODERS: Mapping[str, type[AnyVocoderConfig]] = {
    "vocoder": VocoderConfig,
    "vocoder of parts": FineVocoderConfig,
}


def stored_sizes(config: AnyAcousticConfig | AnyVocoderConfig) -> dict[str, Any]:
    """The kind and sizes of a network, for a checkpoint."""
    kinds = {made: kind for kind, made in (*_ACOUSTICS.items(), *_VOCODERS.items())}
    return {"kind": kinds[type(config)], "config": attrs.asdict(config)}


def acoustic_sizes(checkpoint: Mapping[str, Any]) -> AnyAcousticConfig:
    """Read the sizes of the acoustic model from a checkpoint."""
    return _ACOUSTICS[_kind(checkpoint)](**checkpoint["config"])


def vocoder_sizes(checkpoint: Mapping[str, Any]) -> AnyVocoderConfig:
    """Read the sizes of the vocoder from a checkpoint."""
    return _VOCODERS[_kind(checkpoint)](**checkpoint["config"])


def _kind(checkpoint: Mapping[str, Any]) -> str:
    if "kind" not in checkpoint:
        raise LocalError("checkpoint: expected the kind of its network, found work of an earlier version")
    return str(checkpoint["kind"])


def acoustic_of(config: AnyAcousticConfig) -> AnyAcoustic:
    """Make an untrained acoustic model."""
    return (
        PitchedAcousticModel(config) if isinstance(config, PitchedAcousticConfig) else AcousticModel(config)
    )


def vocoder_of(config: AnyVocoderConfig) -> AnyVocoder:
    """Make an untrained vocoder."""
    return FineVocoder(config) if isinstance(config, FineVocoderConfig) else Vocoder(config)


def steady(config: AnyVocoderConfig) -> AnyVocoderConfig:
    """Return the sizes without jitter of the pitch."""
    return attrs.evolve(config, jitter_cents=0)
