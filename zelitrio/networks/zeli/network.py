"""Our family on a device: acoustic model, vocoder, and the memory of all streams."""

from __future__ import annotations

import torch
from torch import Tensor

from zelitrio.networks.family import Field, Inputs
from zelitrio.networks.zeli.acoustic import PITCH_SCALE, POSITION_FEATURES
from zelitrio.networks.zeli.speech import SpeechStep

_SPREAD_LIMIT = 0.7
"""Limit of predicted standard deviations, because uncertain predictions would cause extreme prosody."""


class ZeliNetwork:
    """Implements `zelitrio.networks.Network`.

    Args:
        speech: both networks, on the CPU, in float32; they are moved and changed.
        device: the device.
        dtype: number format of weights and activations.
        slots: largest number of open streams.
        most_tokens: limit of an utterance.
    """

    def __init__(
        self, speech: SpeechStep, device: torch.device, dtype: torch.dtype, slots: int, most_tokens: int
    ) -> None:
        self._speech = speech.to(device).requires_grad_(False)
        self._speech.fix(dtype)
        self._acoustic = speech.acoustic
        self._dtype = dtype
        width = self._acoustic.config.decoder_channels
        # Unused memory stays unmapped, because the lowest free slot is used first.
        self._rows = torch.empty(slots + 1, most_tokens + 1, width, device=device, dtype=dtype)
        self._rows[:, -1] = 0  # the row of NO_TOKEN, which is -1
        self._ln_f0 = torch.empty(slots + 1, device=device)
        self._state = speech.new_state(slots + 1, device)
        self.encode_fields = {
            "phones": Field(is_integer=True),
            "stresses": Field(is_integer=True),
            "features": Field((self._acoustic.config.features,)),
            "rises": Field(),
            "pitch_draws": Field(),
            "duration_draws": Field(),
            "manner": Field((3,), per_token=False),  # variation, pitch range, energy shift
            "speaker": Field(per_token=False, is_integer=True),
        }

    def encode(self, inputs: Inputs) -> Tensor:
        """Read utterances; see `Network.encode`."""
        phones, slot, speaker = inputs["phones"], inputs["slot"], inputs["speaker"]
        at = torch.arange(phones.shape[1], device=phones.device)
        mask = (at < inputs["length"][:, None]).unsqueeze(-1).to(self._dtype)  # [rows, tokens, 1]
        features, rises, manner = (inputs[name].to(self._dtype) for name in ("features", "rises", "manner"))
        hidden, prosody = self._acoustic.encode(phones, inputs["stresses"], features, speaker, mask)
        variation, pitch_range, energy_shift = manner.split(1, 1)
        pitch_draws, duration_draws = (
            inputs[name].to(self._dtype) for name in ("pitch_draws", "duration_draws")
        )
        pitch = _sample(prosody.pitch, pitch_draws * variation) * pitch_range + PITCH_SCALE * rises
        energy = prosody.energy[..., 0] + energy_shift
        self._rows[slot[:, None], at] = self._acoustic.rows(hidden, pitch, energy, mask)
        self._ln_f0[slot] = self._acoustic.speaker_ln_f0[speaker]
        frames = _sample(prosody.duration, 0.5 * duration_draws * variation).float().exp()
        return torch.stack((frames, pitch.float() / PITCH_SCALE), 1)

    def speak(self, inputs: Inputs) -> Tensor:
        """Make the samples of a window; see `Network.speak`."""
        slot, tokens, places = inputs["slot"], inputs["tokens"], inputs["places"]
        assert places.shape[-1] == POSITION_FEATURES
        return self._speech(
            self._rows[slot[:, None], tokens],
            places.to(self._dtype),
            self._ln_f0[slot][:, None] + inputs["lean"],
            self._state,
            slot,
            inputs["first"],
            inputs["length"],
            inputs["noise_at"],
        )


def _sample(prediction: Tensor, draw: Tensor) -> Tensor:
    """The value `draw` standard deviations from the mean; a prediction is mean and log deviation."""
    mean, log_spread = prediction.unbind(-1)
    return mean + draw * log_spread.exp().clamp(max=_SPREAD_LIMIT)
