"""Piper on a device: a voice's network, and the memory of all streams.

*Encode* stores the statistics of each token in the slot.  *Expand* turns them into the latent of each frame.
*Speak* decodes windows of the latent with the decoder's context.

On a CPU the flow of a whole utterance would delay first audio.  So there expand only stores its inputs, and
the flow runs in pieces, ahead of the windows (`flow_pieces`).
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from zelitrio.networks.family import Field, Inputs
from zelitrio.networks.piper.flow_pieces import FlowPieces
from zelitrio.networks.piper.vits import Vits
from zelitrio.networks.precision import full_float32

NOISE_FRAMES = 16_384
"""Frames after which the noise of the latent repeats: three minutes."""
_PIECE_FRAMES = 128
"""Frames of a piece of the flow on a CPU; the overlap adds an eighth."""


@attrs.define(eq=False, kw_only=True)
class _Ahead:
    """The progress of the flow for a slot's utterance, on a CPU."""

    tokens: Tensor  # [frames]
    noise_at: int
    pieces: FlowPieces


class PiperNetwork:
    """Implements `zelitrio.networks.Network`.

    Args:
        vits: on the CPU, in float32; it is moved and changed.
        device: the device.
        dtype: number format of the decoder.
        slots: largest number of open streams.
        most_tokens, most_frames: limits of an utterance.
        row_by_row: whether to compute each row by itself in its own length, which is faster on a CPU.
        gain: factor of the samples.
    """

    def __init__(
        self,
        vits: Vits,
        device: torch.device,
        dtype: torch.dtype,
        slots: int,
        *,
        most_tokens: int,
        most_frames: int,
        row_by_row: bool,
        gain: float,
    ) -> None:
        # Kernels of height one are fastest in channels-last format.
        for parameter in vits.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self._vits = vits.eval().to(device).requires_grad_(False)
        self._vits.dec.to(dtype).fold()
        self._dtype, self._gain = dtype, gain
        self._by_row = row_by_row
        config = vits.config
        self._hop, self._context = config.hop_samples, config.decoder_context
        # Unused memory stays unmapped, because the lowest free slot is used first.
        self._rows = torch.empty(slots + 1, most_tokens + 1, 2 * config.latent, device=device)
        self._rows[:, -1] = 0  # the row of NO_TOKEN, which is -1
        self._latent = torch.empty(slots + 1, most_frames, config.latent, device=device)
        self._loudness = torch.zeros(slots + 1, device=device)
        self._speaker = torch.zeros(slots + 1, dtype=torch.int64, device=device)
        generator = torch.Generator().manual_seed(20_1)
        self._noise = torch.randn(NOISE_FRAMES, config.latent, generator=generator).to(device)
        self._ahead: dict[int, _Ahead] = {}
        self.encode_fields = {
            "ids": Field(is_integer=True),
            "draws": Field((2,)),  # of the durations, scaled
            "noise_scale": Field(per_token=False),
            "speaker": Field(per_token=False, is_integer=True),
        }

    @full_float32
    def encode(self, inputs: Inputs) -> Tensor:
        """See `Network.encode`."""
        ids, slot = inputs["ids"], inputs["slot"]
        at = torch.arange(ids.shape[1], device=ids.device)
        mask = (at < inputs["length"][:, None]).float()[..., None]
        speaker = self._vits.speaker(inputs["speaker"])
        tokens = self._vits.encode(ids, inputs["draws"], speaker, mask)
        self._rows[slot[:, None], at] = tokens.statistics
        self._loudness[slot] = inputs["noise_scale"]
        self._speaker[slot] = inputs["speaker"]
        return torch.stack((tokens.frames, torch.zeros_like(tokens.frames)), 1)

    @full_float32
    def expand(self, inputs: Inputs) -> Tensor:
        """See `ExpandingNetwork.expand`."""
        slot, tokens, length = inputs["slot"], inputs["tokens"], inputs["length"]
        if self._by_row:
            for row, (where, count, noise_at) in enumerate(
                zip(slot.tolist(), length.tolist(), inputs["noise_at"].tolist(), strict=True)
            ):
                pieces = FlowPieces(self._vits.flow, self._vits.config, count)
                self._ahead[where] = _Ahead(
                    tokens=tokens[row, :count].clone(), noise_at=noise_at, pieces=pieces
                )
        else:
            at = torch.arange(tokens.shape[1], device=tokens.device)
            mask = (tokens >= 0).float()[..., None]
            noise = self._noise[(inputs["noise_at"][:, None] + at) % NOISE_FRAMES]
            speaker = self._vits.speaker(self._speaker[slot])
            latent = self._vits.latent(
                self._rows[slot[:, None], tokens], noise * self._loudness[slot, None, None], speaker, mask
            )
            self._latent[slot[:, None], at] = latent
        return torch.stack((torch.zeros_like(length), length), 1).float()

    @full_float32
    def speak(self, inputs: Inputs) -> Tensor:
        """See `Network.speak`."""
        slot, first, length = inputs["slot"], inputs["first"], inputs["length"]
        window = inputs["tokens"].shape[1]
        if self._by_row:
            rows = zip(slot.tolist(), first.tolist(), length.tolist(), strict=True)
            return torch.stack([self._speak_one(*row, window) for row in rows])
        at = first[:, None] + torch.arange(-self._context, window + self._context, device=slot.device)
        inside = ((at >= 0) & (at < length[:, None])).to(self._dtype)[..., None]
        latent = self._latent[slot[:, None], at.clamp(0, self._latent.shape[1] - 1)].to(self._dtype)
        # Memory outside an utterance is uninitialised, and 0 times it can be NaN.
        latent = torch.where(inside > 0, latent, 0.0)
        speaker = self._vits.speaker(self._speaker[slot])
        context = self._context, self._context
        return self._loud(self._vits.dec(latent, _as(speaker, self._dtype), inside, context).float())

    def _speak_one(self, slot: int, first: int, length: int, window: int) -> Tensor:
        """Compute one row, on a CPU, with only the context frames that are inside the utterance."""
        end = min(first + window, length)
        if end <= first:
            return torch.zeros(window * self._hop)
        low, high = max(0, first - self._context), min(length, end + self._context)
        self._run_flow(slot, high, length)
        latent = self._latent[slot, None, low:high].to(self._dtype)
        speaker = self._vits.speaker(self._speaker[slot : slot + 1])
        context = first - low, high - end
        heard = self._vits.dec(latent, _as(speaker, self._dtype), None, context)[0].float()
        return torch.nn.functional.pad(self._loud(heard), (0, (window - (end - first)) * self._hop))

    def _run_flow(self, slot: int, until: int, length: int) -> None:
        ahead = self._ahead.get(slot)
        if ahead is None or ahead.pieces.done >= until:
            return
        done = ahead.pieces.done
        end = until if done == 0 else min(length, max(until, done + _PIECE_FRAMES))
        low, high = ahead.pieces.wanted(end)
        at = torch.arange(ahead.noise_at + low, ahead.noise_at + high) % NOISE_FRAMES
        drawn = self._vits.drawn(
            self._rows[slot, ahead.tokens[low:high]][None], (self._noise[at] * self._loudness[slot])[None]
        )
        latent = ahead.pieces.advance(drawn, self._vits.speaker(self._speaker[slot : slot + 1]))
        self._latent[slot, done : ahead.pieces.done] = latent[0]

    def _loud(self, samples: Tensor) -> Tensor:
        return (samples * self._gain).clamp(-1.0, 1.0)


def _as(x: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    return None if x is None else x.to(dtype)
