"""The networks of a run, made of the sizes that its checkpoint tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

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


def acoustic_sizes(stored: Mapping[str, Any]) -> AnyAcousticConfig:
    """The sizes of an acoustic model; only the model that draws a contour has `contour_channels`."""
    return PitchedAcousticConfig(**stored) if "contour_channels" in stored else AcousticConfig(**stored)


def vocoder_sizes(stored: Mapping[str, Any]) -> AnyVocoderConfig:
    """The sizes of a vocoder; only the vocoder of parts has `parts`."""
    return FineVocoderConfig(**stored) if "parts" in stored else VocoderConfig(**stored)


def acoustic_of(config: AnyAcousticConfig) -> AnyAcoustic:
    """An untrained acoustic model."""
    return (
        PitchedAcousticModel(config) if isinstance(config, PitchedAcousticConfig) else AcousticModel(config)
    )


def vocoder_of(config: AnyVocoderConfig) -> AnyVocoder:
    """An untrained vocoder."""
    return FineVocoder(config) if isinstance(config, FineVocoderConfig) else Vocoder(config)


def steady(config: AnyVocoderConfig) -> AnyVocoderConfig:
    """The same without jitter of pitch."""
    return attrs.evolve(config, jitter_cents=0)
