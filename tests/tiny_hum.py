"""A second family of random weights: another rate and hop, context, state, and a whole-utterance step.

It hums.  A token is a phone, between a start and an end token.  Expand normalises an utterance by its own
mean and spread, which no window can know.  A window gets some frames around it.  Its loudness follows a slow
average that the slot keeps from window to window.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from zelitrio.networks import (
    Facts,
    Inputs,
    Network,
)
from zelitrio.networks.family import Field
from zelitrio.settings import VoiceSettings
from zelitrio.text import PHONES, Limit, Utterance
from zelitrio.voices import (
    Voice,
)
from zelitrio.voices.durations import whole_durations
from zelitrio.voices.family import word_edges

WIDTH, KERNEL, NOISE = 8, 7, 1021
KEPT = 0.9
"""Share of the slow average that remains from frame to frame."""
FACTS = Facts(
    sample_rate_hz=22_050,
    hop_samples=256,
    token_ladder=(32, 128),
    frame_ladder=(128, 512, 2048),
    expand_frames=1024,
    first_frames=6,
    context=KERNEL // 2,
    keeps_state=True,
)
SILENT_FRAMES = 2
"""Frames before and after an utterance that `expand` marks as silent."""


class HumNetwork(nn.Module):
    """Implements `zelitrio.networks.Network`."""

    encode_fields: Mapping[str, Field] = {
        "ids": Field(is_integer=True),
        "draws": Field(),
        "speaker": Field((WIDTH,), per_token=False),
    }
    noise: Tensor
    rows: Tensor
    frames: Tensor
    average: Tensor

    def __init__(self, slots: int, device: torch.device) -> None:
        super().__init__()
        state = torch.random.get_rng_state()
        torch.manual_seed(5)
        self.embedding = nn.Embedding(len(PHONES) + 2, WIDTH)
        self.length = nn.Linear(WIDTH, 1)
        self.around = nn.Parameter(torch.randn(KERNEL, WIDTH, WIDTH) / 5)
        self.out = nn.Linear(WIDTH, FACTS.hop_samples)
        self.register_buffer("noise", torch.randn(NOISE, WIDTH))
        torch.random.set_rng_state(state)
        lanes = slots + 1
        self.register_buffer("rows", torch.zeros(lanes, FACTS.most_tokens + 1, WIDTH))
        self.register_buffer("frames", torch.zeros(lanes, FACTS.frame_ladder[-1], WIDTH))
        self.register_buffer("average", torch.zeros(lanes, 1))
        self.requires_grad_(False).to(device)

    def encode(self, inputs: Inputs) -> Tensor:
        ids, slot = inputs["ids"], inputs["slot"]
        x = self.embedding(ids) + inputs["speaker"][:, None]  # [rows, tokens, WIDTH]
        at = torch.arange(ids.shape[1], device=ids.device)
        self.rows[slot[:, None], at] = x * (at < inputs["length"][:, None]).unsqueeze(-1)
        frames = (1.5 + 0.3 * self.length(x)[..., 0] + 0.1 * inputs["draws"]).exp()
        return torch.stack((frames, torch.zeros_like(frames)), 1)

    def expand(self, inputs: Inputs) -> Tensor:
        tokens, slot, length = inputs["tokens"], inputs["slot"], inputs["length"]
        at = torch.arange(tokens.shape[1], device=tokens.device)
        mask = (at < length[:, None]).unsqueeze(-1).float()
        x = self.rows[slot[:, None], tokens] * mask
        count = length.clamp(min=1)[:, None, None]
        mean = x.sum(1, keepdim=True) / count
        spread = ((x - mean).square() * mask).sum(1, keepdim=True).div(count).add(1e-3).sqrt()
        self.frames[slot[:, None], at] = (x - mean) / spread * mask
        heard = torch.stack((torch.full_like(length, SILENT_FRAMES), length - SILENT_FRAMES), 1)
        return heard.float()

    def speak(self, inputs: Inputs) -> Tensor:
        slot, first, length = inputs["slot"], inputs["first"], inputs["length"]
        shown = inputs["tokens"].shape[1]
        window = shown - 2 * FACTS.context
        at = first[:, None] + torch.arange(-FACTS.context, window + FACTS.context, device=slot.device)
        inside = ((at >= 0) & (at < length[:, None])).unsqueeze(-1).float()
        known = at.clamp(0, FACTS.frame_ladder[-1] - 1)
        noise = self.noise[torch.remainder(inputs["noise_at"][:, None] + at, NOISE)]
        x = (self.frames[slot[:, None], known] + 0.1 * noise) * inside
        seen = x.unfold(1, KERNEL, 1)  # [rows, window, WIDTH, KERNEL]
        y = torch.einsum("rwck,kcd->rwd", seen, self.around)
        loud = y.square().mean(-1)  # [rows, window]
        before = torch.where(first[:, None] == 0, 0.0, self.average[slot])
        steps = torch.arange(window, device=slot.device)
        since = (steps[:, None] - steps).clamp(min=-1)
        kept = torch.where(since >= 0, KEPT**since, 0.0)  # [window, window]
        average = (1 - KEPT) * F.linear(loud, kept) + KEPT ** (steps + 1) * before
        self.average[slot] = average[:, -1:]
        samples = torch.tanh(self.out(y) * average.sqrt()[..., None])
        return 0.3 * (samples * inside[:, FACTS.context : FACTS.context + window]).flatten(1)


@attrs.frozen(eq=False)
class HumTokens:
    """The network's input for an utterance."""

    ids: NDArray[np.int64]
    words: NDArray[np.int64]
    pauses_s: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)


@attrs.frozen(kw_only=True, eq=False)
class HumModel:
    """Implements `zelitrio.voices.Model`."""

    facts: Facts = FACTS
    limit: Limit = attrs.field(factory=lambda: Limit(tokens=100, context_tokens=0))
    is_lazy: bool = False
    memory_bytes: int = 1_000_000

    def read(self, utterance: Utterance) -> HumTokens:
        said = [
            (PHONES.index(phone.rstrip("012")), number)
            for number, word in enumerate(utterance.read_words)
            for phone in word.phones
        ]
        ends = ((len(PHONES), -1), (len(PHONES) + 1, -1))
        ids, words = np.array([ends[0], *said, ends[1]], np.int64).T
        return HumTokens(ids.copy(), words.copy(), np.full(len(ids), np.nan, np.float32))

    def columns(
        self, reading: HumTokens, speaker: Any, settings: VoiceSettings, seed: int
    ) -> Mapping[str, NDArray[Any]]:
        draws = np.random.Generator(np.random.PCG64(seed)).standard_normal(len(reading))
        return {
            "ids": reading.ids,
            "draws": draws * (1 - settings.stability),
            "speaker": np.full(WIDTH, speaker, np.float32),
        }

    def durations(
        self, reading: HumTokens, frames: NDArray[np.float32], *, speed: float, joins: bool, is_cut: bool
    ) -> NDArray[np.int64]:
        wanted = [max(1.0, frame) / speed for frame in frames.tolist()]
        wanted[0] = 0.0 if joins else SILENT_FRAMES
        wanted[-1] = 0.0 if is_cut else SILENT_FRAMES
        return whole_durations(wanted)

    def places(self, durations: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.zeros((int(durations.sum()), 0), np.float32)

    def seam_frames(self, reading: HumTokens, durations: NDArray[np.int64]) -> int:
        return 2

    def word_edges(
        self, reading: HumTokens, durations: NDArray[np.int64]
    ) -> Mapping[int, tuple[float, float]]:
        return word_edges(reading.words, durations)

    def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> Network:
        return HumNetwork(slots, device)


def hum_voice(**more: Any) -> Voice:
    return Voice(voice_id="hum", name="Hum", speaker=0.1, model=HumModel(**more))
