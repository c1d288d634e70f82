"""Voices of our own family: how they read an utterance and apply the settings."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from zelitrio.errors import LocalError
from zelitrio.networks import (
    AcousticModel,
    Facts,
    FineVocoder,
    Network,
    PitchedAcousticModel,
    SpeechStep,
    Vocoder,
    ZeliNetwork,
)
from zelitrio.settings import VoiceSettings
from zelitrio.text import PHONES, Limit, Utterance
from zelitrio.voices.durations import spoken_durations
from zelitrio.voices.family import word_edges
from zelitrio.voices.inputs import PhoneInputs, frame_places, phone_inputs
from zelitrio.voices.model import Voice

_TOKEN_LADDER = (64, 128, 256, 384)
"""The last is about 25 s of speech."""
_HEARD_FRAMES = 8
"""Heard frames of a first window; a codec holds up to 35 ms of them before it sends any."""
_WARM_UP_FRAMES = 6
"""Unheard frames before the rest of a sentence.  Ten do not improve the join, and more than seven leave a
first window without heard frames."""
_SEAM_FRAMES = 2
"""Frames at the end of a cut utterance that the next one replaces, because its reading knows the next word:
before a vowel, the release of a plosive begins 20 ms before the word ends."""
_PLOSIVE_SEAM_FRAMES = 4
"""The same after a plosive, so that the seam is in its closure.  With two frames its release was heard twice
at 3 of 144 seams, because it comes at different times in the two readings."""
_PLOSIVES = frozenset(PHONES.index(phone) for phone in ("P", "T", "K", "B", "D", "G"))


@attrs.frozen(kw_only=True, eq=False)
class ZeliModel:
    """Both networks with their weights, on the CPU, in float32, in evaluation mode."""

    acoustic: AcousticModel | PitchedAcousticModel
    vocoder: Vocoder | FineVocoder
    limit: Limit = attrs.field(factory=Limit)
    facts: Facts = attrs.field(init=False)
    is_lazy: bool = False
    memory_bytes: int = attrs.field(init=False)

    @memory_bytes.default
    def _memory_bytes(self) -> int:
        return sum(
            4 * weight.numel() for network in (self.acoustic, self.vocoder) for weight in network.parameters()
        )

    @facts.default
    def _facts(self) -> Facts:
        lag = self.acoustic.config.decoder_lag + self.vocoder.config.lag
        return Facts(
            sample_rate_hz=self.vocoder.config.sample_rate_hz,
            hop_samples=self.vocoder.config.hop_samples,
            token_ladder=_TOKEN_LADDER,
            first_frames=-(-(lag + _HEARD_FRAMES) // 8) * 8,
            lag=lag,
            place_features=4,
            pitch_lag=self.acoustic.config.pitch_lag,
            warm_up=_WARM_UP_FRAMES,
        )

    @property
    def rise_share(self) -> float:
        """Factor for requested changes of pitch, because the predicted contour follows its inputs only in
        part."""
        return self.acoustic.config.rule_rise_percent / 100

    def speech_step(self) -> SpeechStep:
        """Decoder and vocoder as one call for a window."""
        return SpeechStep(self.acoustic, self.vocoder)

    def read(self, utterance: Utterance) -> PhoneInputs:
        """See `Model.read`."""
        return phone_inputs(utterance)

    def columns(
        self, reading: PhoneInputs, speaker: int, settings: VoiceSettings, seed: int
    ) -> Mapping[str, NDArray[Any]]:
        """See `Model.columns`."""
        # One draw per word: neighbouring phones of a word rise and stretch together.
        words = np.maximum(reading.words, -1) + 1
        draws = np.random.Generator(np.random.PCG64(seed)).standard_normal((2, int(words.max()) + 1))
        return {
            "phones": reading.phones,
            "stresses": reading.stresses,
            "features": reading.features,
            "rises": reading.rises * np.float32(self.rise_share),
            "pitch_draws": draws[0, words] * self.rise_share,
            "duration_draws": draws[1, words],
            "manner": manner(settings, self.rise_share),
            "speaker": np.int64(speaker),
        }

    def durations(
        self, reading: PhoneInputs, frames: NDArray[np.float32], *, speed: float, joins: bool, is_cut: bool
    ) -> NDArray[np.int64]:
        """See `Model.durations`."""
        hop_ms = self.facts.hop_s * 1000
        return spoken_durations(reading, frames, speed=speed, hop_ms=hop_ms, joins=joins, is_cut=is_cut)

    def places(self, durations: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Model.places`."""
        return frame_places(durations)

    def seam_frames(self, reading: PhoneInputs, durations: NDArray[np.int64]) -> int:
        """See `Model.seam_frames`."""
        if len(reading) < 3 or int(reading.phones[-2]) not in _PLOSIVES:  # the last token is a pause
            return _SEAM_FRAMES
        return max(_SEAM_FRAMES, min(_PLOSIVE_SEAM_FRAMES, int(durations[-2:].sum())))

    def word_edges(
        self, reading: PhoneInputs, durations: NDArray[np.int64]
    ) -> Mapping[int, tuple[float, float]]:
        """See `Model.word_edges`."""
        return word_edges(reading.words, durations)

    def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> Network:
        """See `Model.load`.  The networks of this object are copied."""
        speech = copy.deepcopy(self.speech_step())
        return ZeliNetwork(speech, device, dtype, slots, self.facts.most_tokens)


def zeli_model(voice: Voice) -> ZeliModel:
    """Return the model of a voice of our own family.

    Raises:
        LocalError: the voice belongs to another family.
    """
    if not isinstance(voice.model, ZeliModel):
        raise LocalError(
            f"voice {voice.voice_id!r}: expected one of zelitrio's own networks, found another's"
        )
    return voice.model


def manner(settings: VoiceSettings, follow: float = 1.0) -> NDArray[np.float32]:
    """The settings as inputs of the networks: variation, pitch range, energy shift."""
    # By default, random and predicted intonation together vary as much as the recordings.
    variation = 0.9 * (1.0 - settings.stability)
    # A wider pitch range makes some voices quieter, so energy rises with it.
    pitch_range, energy_shift = 1.0 + 0.6 * follow * settings.style, 0.15 * follow**2 * settings.style
    return np.array((variation, pitch_range, energy_shift), np.float32)
