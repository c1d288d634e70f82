"""Piper on a device: a voice's network, and the memory of all streams.

*Encode* stores the statistics of each token in the slot.  *Expand* turns them into the latent of each frame.
*Speak* decodes windows of the latent with the decoder's context.

On a CPU the flow of a whole utterance would delay first audio.  So there expand only stores its inputs, and
the flow runs in pieces, ahead of the windows (`flow_pieces`).
"""

from __future__ import annotations

import enum

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
"""Frames of a piece of the flow on a CPU; with the overlap, an eighth more are computed."""
_END_FRAMES = 18
"""Frames at the end of an utterance in which to search for the end of the sound."""
_END_DECODER_CONTEXT, _END_FLOW_CONTEXT = 4, 8
"""Frames before those.  With the full context the end moved by 0.2 frames at most, in 42 sentences."""
_HEARD = 0.008
"""A softer sample is silence: -40 dB, if the loudest samples of the voice are 0.8."""
_RELEASE_FRAMES = 3
"""Frames to keep after the last audible sample."""


class PiperEnd(enum.IntEnum):
    """The choice of the last heard frame of an utterance."""

    KEPT = 0
    """Its last frame."""
    TOLD = 1
    """A few frames after the last phone; computed from the durations."""
    FOUND = 2
    """A few frames after the last audible sample, at most the end from the durations."""


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
        self._ends = torch.zeros(slots + 1, 4, dtype=torch.int64, device=device)
        self._ahead: dict[int, _Ahead] = {}
        self.encode_fields = {
            "ids": Field(is_integer=True),
            "draws": Field((2,)),  # of the durations, scaled
            "noise_scale": Field(per_token=False),
            "speaker": Field(per_token=False, is_integer=True),
            # A `PiperEnd`; tokens up to the last phone, and up to the pad after it; frames that are heard
            # after the middle of that pad.
            "ends": Field((4,), per_token=False, is_integer=True),
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
        self._ends[slot] = inputs["ends"]
        return torch.stack((tokens.frames, torch.zeros_like(tokens.frames)), 1)

    @full_float32
    def expand(self, inputs: Inputs) -> Tensor:
        """See `ExpandingNetwork.expand`."""
        slot, tokens, length = inputs["slot"], inputs["tokens"], inputs["length"]
        noise_at = inputs["noise_at"]
        end = self._end(slot, tokens, length, noise_at)
        if self._by_row:
            for row, (where, count, begin) in enumerate(
                zip(slot.tolist(), length.tolist(), noise_at.tolist(), strict=True)
            ):
                pieces = FlowPieces(self._vits.flow, self._vits.config, count)
                self._ahead[where] = _Ahead(tokens=tokens[row, :count].clone(), noise_at=begin, pieces=pieces)
        else:
            at = torch.arange(tokens.shape[1], device=tokens.device)
            mask = (tokens >= 0).float()[..., None]
            noise = self._noise[(noise_at[:, None] + at) % NOISE_FRAMES]
            speaker = self._vits.speaker(self._speaker[slot])
            latent = self._vits.latent(
                self._rows[slot[:, None], tokens], noise * self._loudness[slot, None, None], speaker, mask
            )
            self._latent[slot[:, None], at] = latent
        return torch.stack((torch.zeros_like(length), end), 1).float()

    def _end(self, slot: Tensor, tokens: Tensor, length: Tensor, noise_at: Tensor) -> Tensor:
        """[rows]: the end of the last heard frame, by each row's `PiperEnd`; arguments as for expand."""
        how, *borders, after = self._ends[slot].unbind(1)
        # The frame in the middle of the last phone's pad, in halves of a frame.
        label = sum(((tokens >= 0) & (tokens < border[:, None])).sum(1) for border in borders)
        told = torch.minimum((label + 1) // 2 + after, length)
        if self._by_row:
            found = told.clone()
            for row in (how == PiperEnd.FOUND).nonzero()[:, 0].tolist():
                one = slice(row, row + 1)
                found[row] = self._found_end(slot[one], tokens[one], length[one], noise_at[one])[0]
        else:
            found = self._found_end(slot, tokens, length, noise_at)
        told = torch.where(how == PiperEnd.FOUND, torch.minimum(told, found), told)
        return torch.where(how == PiperEnd.KEPT, length, told)

    def _found_end(self, slot: Tensor, tokens: Tensor, length: Tensor, noise_at: Tensor) -> Tensor:
        """[rows]: the frame at which the sound has ended, by decoding the last frames with little context.

        A last P, T, K, F or TH is silent up to 120 ms before its label ends.
        """
        context = _END_DECODER_CONTEXT + _END_FLOW_CONTEXT
        at = length[:, None] + torch.arange(-_END_FRAMES - context, 0, device=slot.device)
        inside = (at >= 0).float()[..., None]
        of = tokens.gather(1, at.clamp(min=0))
        noise = self._noise[(noise_at[:, None] + at) % NOISE_FRAMES] * self._loudness[slot, None, None]
        speaker = self._vits.speaker(self._speaker[slot])
        latent = self._vits.latent(self._rows[slot[:, None], of], noise, speaker, inside)
        latent, inside = (x[:, _END_FLOW_CONTEXT:].to(self._dtype) for x in (latent, inside))
        before = _END_DECODER_CONTEXT, 0
        samples = self._vits.dec(latent, _as(speaker, self._dtype), inside, before).float() * self._gain
        is_loud = samples.unflatten(1, (_END_FRAMES, self._hop)).abs().amax(2) > _HEARD
        count = torch.arange(1, _END_FRAMES + 1, device=slot.device)
        last = torch.where(is_loud, count, 0).amax(1)
        return (length - _END_FRAMES + last + _RELEASE_FRAMES).clamp(min=0)

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
