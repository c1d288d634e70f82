"""A voice of random weights that speaks in milliseconds."""

from __future__ import annotations

import torch

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
from zelitrio.voices import FEATURES, PHONE_TOKENS, STRESS_TOKENS, Catalogue, Voice, ZeliModel


def tiny_model(seed: int = 0) -> ZeliModel:
    """Both networks at a tenth of their width.  A phone has about 6 frames."""
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    acoustic = AcousticModel(
        AcousticConfig(
            phones=PHONE_TOKENS,
            stresses=STRESS_TOKENS,
            features=FEATURES,
            speakers=2,
            encoder_channels=16,
            encoder_blocks=2,
            predictor_channels=16,
            decoder_channels=24,
            decoder_blocks=2,
        )
    )
    vocoder = Vocoder(VocoderConfig(channels=24, blocks=2, jitter_cents=10))
    with torch.no_grad():
        acoustic.duration.out.bias[0] = 1.8
        vocoder.head.weight.normal_(0, 0.05)
        # Speech falls off with frequency.  With a flat spectrum the rounding of pitch, which grows with the
        # number of the harmonic, would look larger than in any voice.
        vocoder.head.bias[: vocoder.config.bins] = -torch.linspace(0.0, 6.0, vocoder.config.bins)
    torch.random.set_rng_state(state)
    return ZeliModel(acoustic=acoustic.eval(), vocoder=vocoder.eval())


def tiny_fine_model(seed: int = 0) -> ZeliModel:
    """The networks of the built-in voices at a tenth of their width; see `tiny_model`."""
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    acoustic = PitchedAcousticModel(
        PitchedAcousticConfig(
            phones=PHONE_TOKENS,
            stresses=STRESS_TOKENS,
            features=FEATURES,
            speakers=2,
            encoder_channels=16,
            encoder_blocks=2,
            predictor_channels=16,
            contour_channels=16,
            decoder_channels=24,
            decoder_blocks=2,
        )
    )
    vocoder = FineVocoder(
        FineVocoderConfig(channels=24, blocks=2, part_channels=16, part_blocks=2, jitter_cents=10)
    )
    with torch.no_grad():
        acoustic.duration.out.bias[0] = 1.8
        vocoder.head.weight.normal_(0, 0.05)
    torch.random.set_rng_state(state)
    return ZeliModel(acoustic=acoustic.eval(), vocoder=vocoder.eval())


def tiny_catalogue(seed: int = 0) -> Catalogue:
    """Two voices of one tiny model."""
    model = tiny_model(seed)
    return Catalogue(
        Voice(voice_id=f"tiny-{speaker}", name=f"Tiny {speaker}", model=model, speaker=speaker)
        for speaker in range(2)
    )
