"""Kokoro on a device: the network, and the memory of all streams.

*Encode* stores vectors of each token in the slot.  *Expand* sees the whole utterance and computes F0, energy
and features.  In the exact mode it also computes all audio, and *speak* returns parts of it.

In the streaming mode, for a CPU, the generator uses statistics that were measured before (`statistics`).
Expand then stores the features, and speak computes a window's audio from its features and their context.
Audio in windows equals audio of the whole utterance in the same mode.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import torch
from torch import Tensor

from zelitrio.networks.family import Field, Inputs
from zelitrio.networks.kokoro.generator import NarrowConv
from zelitrio.networks.kokoro.joined import join_ways
from zelitrio.networks.kokoro.layers import KokoroMoments, KokoroSpan
from zelitrio.networks.kokoro.network import Kokoro, KokoroFrames
from zelitrio.networks.kokoro.source import SAMPLES
from zelitrio.networks.kokoro.statistics import VoiceStatistics
from zelitrio.networks.precision import full_float32

_STEPS = 2
"""Steps of F0 in a frame."""
_RATE = 60
"""Frames of the spectrum in a step."""
CONTEXT_STEPS = 11
"""Steps on each side that the generator's output depends on: 10.8 by the source, and the last overlap."""
_SHORT_FRAMES = 60
"""Utterances up to this length use the exact mode, which is fast for them."""
_HEARD_DB = -40.0
"""Softer steps at the ends are silence, relative to the utterance's peak sample."""
_PREDICTED_DB = -30.0
"""The same limit for predicted energy, relative to the highest.  In 28 sentences of two voices, the audio
began 10 ms before to 27 ms after this limit, and ended 20 ms before to 43 ms after it."""
_LEVEL_PER_ENERGY, _LEVEL_AT_NO_ENERGY, _PEAK_OVER_LEVEL = 4.11, -54.0, 14.0
"""Map predicted energy to a level in dB.  The highest samples are 6 to 18 dB above this level."""
_TAIL_STEPS = 14
"""The search for the end of the sound begins this many steps before the predicted end."""
_COMPANY = 8
"""Rows of an F0 computation: the most utterances in one expand."""
_SOUND_FRAMES = 384
"""Most frames of one sound computation.  On an H200 in bfloat16 an expand of one row of 192 frames took 13.5
ms, of two 18, of five 106; in float32 21, 33 and 65."""
_MARGIN_STEPS = 3
"""Steps of silence that stay before and after the speech: 37 to 63 ms with the rest of their frames."""
_RELEASE_FRAMES, _ONSET_FRAMES = 3, 4
"""Unchanged frames of a pause after the word before it and before the next one."""


@attrs.frozen(kw_only=True, eq=False)
class _Chunk:
    """A slot's utterance in the streaming mode."""

    frames: KokoroFrames
    source: Tensor
    style: Tensor
    moments: KokoroMoments
    tail: Tensor = attrs.field(factory=lambda: torch.zeros(0))
    """[samples] around the end of its sound, which are made first."""
    tail_at: int = 0
    """Their first frame."""


class KokoroNetwork:
    """Implements `zelitrio.networks.Network`.

    Args:
        network: on the CPU, in float32; it is moved and changed.
        device: the device.
        dtype: number format of the generator's convolutions.
        slots: largest number of open streams.
        most_tokens, most_frames: limits of an utterance.
        row_by_row: whether to compute each row by itself in its own length, which is faster on a CPU.
        statistics: by the voice's number, for the streaming mode on a CPU.
    """

    def __init__(
        self,
        network: Kokoro,
        device: torch.device,
        dtype: torch.dtype,
        slots: int,
        *,
        most_tokens: int,
        most_frames: int,
        row_by_row: bool,
        statistics: Mapping[int, VoiceStatistics],
    ) -> None:
        self._network = network.eval().to(device).requires_grad_(False)
        for module in network.decoder.generator.modules():
            if isinstance(module, NarrowConv):
                module.to(dtype)
        if not row_by_row:
            join_ways(network)
        config = network.config
        self._hop = config.hop_samples
        self._by_row = row_by_row
        self._statistics = statistics if row_by_row else {}
        # Unused memory stays unmapped, because the lowest free slot is used first.
        width = 2 * config.hidden + config.style
        self._rows = torch.empty(slots + 1, most_tokens + 1, width, device=device)
        self._rows[:, -1] = 0  # the row of NO_TOKEN, which is -1
        self._style = torch.zeros(slots + 1, 2 * config.style, device=device)
        self._keeps = torch.zeros(slots + 1, 2, device=device)
        self._hush = torch.ones(slots + 1, most_tokens + 1, device=device)
        self._gains = torch.ones(slots + 1, most_frames + 1, device=device)  # at the edges of frames
        self._last = [0] * (slots + 1)
        self._ramp = torch.arange(self._hop, device=device) / self._hop
        self._voice = [-1] * (slots + 1)
        self._sound = torch.empty(slots + 1, most_frames * self._hop, device=device)
        self._chunks: dict[int, _Chunk] = {}
        self.encode_fields = {
            "ids": Field(is_integer=True),
            "style": Field((2 * config.style,), per_token=False),
            "keeps": Field((2,), per_token=False),  # whether silence at the start, at the end was asked for
            "voice": Field(per_token=False, is_integer=True),
            "last": Field(per_token=False, is_integer=True),  # token of the last phone
            "hush": Field(),  # 1 where a pause was asked for, which the network would fill with sounds
        }

    @full_float32
    def encode(self, inputs: Inputs) -> Tensor:
        """See `Network.encode`."""
        ids, slot, style, length = inputs["ids"], inputs["slot"], inputs["style"], inputs["length"]
        is_full = self._by_row and bool((length == ids.shape[1]).all())
        tokens = self._network.encode(ids, style, KokoroSpan.of(length, ids.shape[1], is_full=is_full))
        at = torch.arange(ids.shape[1], device=ids.device)
        self._rows[slot[:, None], at] = torch.cat((tokens.prosody_rows, tokens.text_rows), -1)
        self._style[slot], self._keeps[slot] = style, inputs["keeps"]
        self._hush[slot[:, None], at] = inputs["hush"]
        if self._by_row:
            told = zip(slot.tolist(), inputs["voice"].tolist(), inputs["last"].tolist(), strict=True)
            for where, voice, last in told:
                self._voice[where], self._last[where] = voice, last
        return torch.stack((tokens.frames, torch.zeros_like(tokens.frames)), 1)

    @full_float32
    def expand(self, inputs: Inputs) -> Tensor:
        """See `ExpandingNetwork.expand`."""
        slot, tokens, length = inputs["slot"], inputs["tokens"], inputs["length"]
        edges = torch.arange(tokens.shape[1] + 1, device=slot.device)
        self._gains[slot[:, None], edges] = _gains(self._hush[slot[:, None], tokens])
        if self._by_row:
            rows = zip(slot.tolist(), tokens, length.tolist(), strict=True)
            return torch.stack([self._expand_one(*row) for row in rows])
        frames, source, style = self._decode(slot, tokens, KokoroSpan.of(length, tokens.shape[1]))
        samples = self._sounds(frames, source, style)
        at = torch.arange(samples.shape[1], device=slot.device)
        self._sound[slot[:, None], at] = samples
        return self._heard(_loudness(samples), _HEARD_DB, slot, length)

    @full_float32
    def speak(self, inputs: Inputs) -> Tensor:
        """See `Network.speak`."""
        slot, first, length = inputs["slot"], inputs["first"], inputs["length"]
        window = inputs["tokens"].shape[1]
        if self._chunks and any(where in self._chunks for where in slot.tolist()):
            rows = zip(slot.tolist(), first.tolist(), length.tolist(), strict=True)
            sound = torch.stack([self._speak_one(*row, window) for row in rows])
            return sound * self._gain(slot, first, window)
        at = first[:, None] * self._hop + torch.arange(window * self._hop, device=slot.device)
        samples = self._sound[slot[:, None], at.clamp(max=self._sound.shape[1] - 1)]
        sound = torch.where(at < length[:, None] * self._hop, samples, 0.0).clamp(-1.0, 1.0)
        return sound * self._gain(slot, first, window)

    def _gain(self, slot: Tensor, first: Tensor, window: int) -> Tensor:
        """The gain of each sample of a window: 0 inside requested pauses."""
        at = first[:, None] + torch.arange(window + 1, device=slot.device)
        edges = self._gains[slot[:, None], at.clamp(max=self._gains.shape[1] - 1)][..., None]
        return torch.lerp(edges[:, :-1], edges[:, 1:], self._ramp).flatten(1)

    def _decode(self, slot: Tensor, tokens: Tensor, span: KokoroSpan) -> tuple[KokoroFrames, Tensor, Tensor]:
        config = self._network.config
        prosody, text = self._rows[slot[:, None], tokens].split(
            (config.hidden + config.style, config.hidden), -1
        )
        style = self._style[slot]
        company = 1 if self._by_row else _COMPANY
        frames = self._network.decode(prosody, text, style, span, company)
        return frames, self._network.source(frames.f0, frames.span), style

    def _sounds(self, frames: KokoroFrames, source: Tensor, style: Tensor) -> Tensor:
        """The samples of a batch, computed a few rows at a time."""
        count = max(1, _SOUND_FRAMES * _STEPS // frames.features.shape[-1])
        parts = zip(
            frames.features.split(count), source.split(count), style.split(count), frames.span.split(count),
            strict=True,
        )  # fmt: skip
        return torch.cat([self._network.sound(*part) for part in parts])

    def _heard(self, level: Tensor, threshold_db: float, slot: Tensor, length: Tensor) -> Tensor:
        """First frame and end of the speech, by the level of each step in dB, [rows, steps]."""
        at = torch.arange(level.shape[1], device=level.device)
        inside = at < length[:, None] * _STEPS
        level = torch.where(inside, level, -math.inf)
        is_loud = (level > level.amax(1, keepdim=True) + threshold_db) & inside
        first = torch.where(is_loud, at, level.shape[1]).amin(1) - _MARGIN_STEPS
        end = torch.where(is_loud, at + 1, 0).amax(1) + _MARGIN_STEPS
        first, end = first.clamp(min=0) // _STEPS, torch.minimum((end + _STEPS - 1) // _STEPS, length)
        keeps = self._keeps[slot] > 0
        first = torch.where(keeps[:, 0], 0, first)
        end = torch.where(keeps[:, 1], length, end)
        return torch.stack((torch.minimum(first, end), end), 1).float()

    def _expand_one(self, slot: int, tokens: Tensor, length: int) -> Tensor:
        where, count = torch.tensor([slot]), torch.tensor([length])
        self._chunks.pop(slot, None)
        if not length:
            return torch.zeros(2)  # an unused row
        span = KokoroSpan.of(count, length, is_full=True)
        frames, source, style = self._decode(where, tokens[None, :length], span)
        statistics = self._statistics.get(self._voice[slot])
        if statistics is None or length <= _SHORT_FRAMES:
            samples = self._network.sound(frames.features, source, style, frames.span)
            self._sound[slot, : samples.shape[1]] = samples[0]
            level, threshold_db = _loudness(samples), _HEARD_DB
        else:
            moments = statistics.mixed(frames.f0[0], frames.energy[0])
            chunk = _Chunk(frames=frames, source=source, style=style, moments=moments)
            level, threshold_db = frames.energy * _LEVEL_PER_ENERGY, _PREDICTED_DB
            self._chunks[slot], end = self._tail(chunk, level[0], tokens[:length], self._last[slot])
            # `_heard` must find this end, whatever the energy is.
            level[:, end:], level[:, end - 1] = -math.inf, level.amax()
        return self._heard(level, threshold_db, where, count)[0]

    def _tail(self, chunk: _Chunk, level: Tensor, tokens: Tensor, last: int) -> tuple[_Chunk, int]:
        """Make the sound around the predicted end, and find the step at which the sound ends.

        The energy alone does not tell: that of a last N, or of a last T that is not released, falls 90 ms
        after the sound, and that of a last K falls 120 ms before it.

        Args:
            chunk: the utterance.
            level: [steps] in dB by its energy.
            tokens: [frames].
            last: token of the last phone.

        Returns:
            The utterance with the samples that were made, and the step after the last audible one.
        """
        begin = int((tokens < last).sum())
        config = self._network.config
        label = min(begin + config.last_phone_frames, int((tokens <= last).sum())) - config.early_frames
        by_energy = int((level > level.amax() + _PREDICTED_DB).nonzero()[-1]) + 1
        end = min(max(by_energy, math.ceil(label * _STEPS)), len(level))
        low = max(0, end - _TAIL_STEPS) // _STEPS
        high = min(-(-(end + _MARGIN_STEPS) // _STEPS), len(tokens))
        tail = self._made(chunk, low, high, len(tokens))
        highest = float(level.amax()) + _LEVEL_AT_NO_ENERGY + _PEAK_OVER_LEVEL
        heard = (_loudness(tail[None])[0] > highest + _HEARD_DB).nonzero()
        found = low * _STEPS + (int(heard[-1]) + 1 if len(heard) else 0)
        return attrs.evolve(chunk, tail_at=low, tail=tail), max(1, found)

    def _speak_one(self, slot: int, first: int, length: int, window: int) -> Tensor:
        """Compute one row, on a CPU."""
        chunk = self._chunks.get(slot)
        end = min(first + window, length)
        if chunk is None or end <= first:
            heard = self._sound[slot, first * self._hop : max(first, end) * self._hop]
        else:
            begin, until = chunk.tail_at, chunk.tail_at + len(chunk.tail) // self._hop
            kept = chunk.tail[max(0, first - begin) * self._hop : max(0, end - begin) * self._hop]
            heard = torch.cat(
                (
                    self._made(chunk, first, min(end, begin), length),
                    kept,
                    self._made(chunk, max(first, until), end, length),
                )
            )
        return torch.nn.functional.pad(heard.clamp(-1.0, 1.0), (0, window * self._hop - len(heard)))

    def _made(self, chunk: _Chunk, first: int, end: int, length: int) -> Tensor:
        """Make the samples [samples] from frame `first` to frame `end` in the streaming mode."""
        if end <= first:
            return torch.zeros(0)
        low = max(0, first * _STEPS - CONTEXT_STEPS)
        high = min(length * _STEPS, end * _STEPS + CONTEXT_STEPS)
        return self._network.sound(
            chunk.frames.features[..., low:high],
            chunk.source[..., low * _RATE : high * _RATE + 1],
            chunk.style,
            KokoroSpan.of(torch.tensor([high - low]), high - low, is_full=True),
            attrs.evolve(chunk.moments),  # a copy that begins at the first layer again
            (first * _STEPS - low, high - end * _STEPS),
        )[0]


def _gains(hush: Tensor) -> Tensor:
    """The gain at each edge of frames: `hush` [rows, frames] to [rows, frames + 1]; outside is a pause."""
    loud = torch.nn.functional.pad(1 - hush, (_RELEASE_FRAMES + 1, _ONSET_FRAMES + 1))
    near = torch.nn.functional.max_pool1d(loud[:, None], _RELEASE_FRAMES + _ONSET_FRAMES + 1, 1)[:, 0]
    return torch.minimum(near[:, :-1], near[:, 1:])


def _loudness(samples: Tensor) -> Tensor:
    """The peak of each step in dB: `samples` [rows, samples] to [rows, steps]."""
    return 20 * samples.unflatten(1, (-1, SAMPLES)).abs().amax(-1).clamp(min=1e-9).log10()
