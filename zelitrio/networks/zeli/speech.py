"""Decoder and vocoder as one step: phone rows in, samples out, with a state for each lane.

The engine makes this call for every window.  A lane's state is one flat row, so reading and writing the
states of a batch takes one gather and one scatter.
"""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor, nn

from zelitrio.networks.zeli.acoustic import AcousticModel, PhoneConvolution
from zelitrio.networks.zeli.fine_vocoder import FineVocoder
from zelitrio.networks.zeli.pitched_acoustic import PitchedAcousticModel
from zelitrio.networks.zeli.vocoder import Vocoder


@attrs.frozen(kw_only=True, eq=False)
class SpeechState:
    """The state of all lanes."""

    flat: Tensor  # [lanes, state_size] float32
    phase: Tensor  # [lanes] float64


class SpeechStep(nn.Module):
    """Windows of several lanes in one call."""

    _fresh: Tensor

    def __init__(
        self, acoustic: AcousticModel | PitchedAcousticModel, vocoder: Vocoder | FineVocoder
    ) -> None:
        super().__init__()
        self.acoustic, self.vocoder = acoustic, vocoder
        self._acoustic_parts, vocoder_parts = len(acoustic.state_parts()), vocoder.state_parts()
        parts = [*acoustic.state_parts(), *vocoder_parts]
        self._shapes = [part.shape for part in parts]
        self._sizes = [math.prod(shape) for shape in self._shapes]
        fresh = torch.cat([part.fresh(1, "cpu").flatten() for part in parts])
        self.register_buffer("_fresh", fresh, persistent=False)

    @property
    def lag(self) -> int:
        """Frames by which finished samples come later than the rows that go in."""
        return self.acoustic.config.decoder_lag + self.vocoder.config.lag

    @property
    def hop_samples(self) -> int:
        """Samples per frame."""
        return self.vocoder.config.hop_samples

    def fix(self, dtype: torch.dtype) -> None:
        """Convert the weights in place for inference in this number format.

        The last layers and all buffers stay in float32, because inexact pitch, gains and angles sound rough.
        """
        for stack in (*self.acoustic.spectral_stacks(), *self.vocoder.stacks()):
            for block in stack:
                block.fold()
        if isinstance(self.vocoder, FineVocoder):
            self.vocoder.fold()
        exact = {*self.acoustic.exact_parameters(), *self.vocoder.head.parameters()}
        for parameter in self.parameters():
            if parameter not in exact:
                parameter.data = parameter.data.to(dtype)
        if self._fresh.device.type == "cpu":
            for module in self.modules():
                if isinstance(module, nn.Linear):
                    # Matrix products of a few rows take a quarter less time in this memory order.
                    module.weight.data = module.weight.data.t().contiguous().t()
                elif isinstance(module, PhoneConvolution):
                    module.lay_out()

    def new_state(self, lanes: int, device: torch.device | str = "cpu") -> SpeechState:
        """Memory for `lanes` lanes.  Each lane's is unmapped until its first window."""
        return SpeechState(
            flat=torch.empty(lanes, sum(self._sizes), device=device),
            phase=torch.empty(lanes, dtype=torch.float64, device=device),
        )

    def forward(
        self,
        rows: Tensor,
        positions: Tensor,
        ln_f0: Tensor,
        state: SpeechState,
        lanes: Tensor,
        first: Tensor,
        length: Tensor,
        noise_at: Tensor,
    ) -> Tensor:
        """Speak the next window of each lane, and update those lanes' state in place.

        Args:
            rows: [batch, window, decoder_channels], zeros beyond the utterance's end.
            positions: [batch, window, 4].
            ln_f0: [batch, window or 1], the zero of predicted pitch, for frames `pitch_lag` earlier.
            state: of all lanes.
            lanes: [batch] integers, the lane of each row, each at most once; padding rows use a spare lane.
            first: [batch], index of the window's first frame in its utterance; 0 resets the lane's state.
            length: [batch], frames in the utterance.
            noise_at: [batch], the utterance's position in the noise.

        Returns:
            [batch, window * hop_samples] samples in [-1, 1]; the first of them is the sample at
            frame `first - lag`.
        """
        is_fresh = first == 0
        packed = torch.where(is_fresh[:, None], self._fresh, state.flat[lanes])  # [batch, state_size]
        phase = torch.where(is_fresh, 0.0, state.phase[lanes])
        parts = [
            part.unflatten(1, shape)
            for part, shape in zip(packed.split(self._sizes, 1), self._shapes, strict=True)
        ]
        depth = self._acoustic_parts
        frames, decoder = self.acoustic.frames_step(rows, positions, ln_f0, parts[:depth], first, length)
        since = first - self.acoustic.config.decoder_lag
        samples, sounding, phase = self.vocoder.step_parts(
            frames, parts[depth:], phase, since, length, noise_at, rows.dtype
        )
        following = [*decoder, *sounding]
        state.flat[lanes] = torch.cat([part.flatten(1).float() for part in following], 1)
        state.phase[lanes] = phase
        return samples.clamp(-1.0, 1.0)

    def whole(self, rows: Tensor, positions: Tensor, ln_f0: Tensor, mask: Tensor, noise_at: Tensor) -> Tensor:
        """Speak whole utterances at once; the samples equal those of any windows.

        Args:
            rows: [batch, frames, decoder_channels].
            positions: [batch, frames, 4].
            ln_f0: [batch, frames or 1], the zero of predicted pitch.
            mask: [batch, frames, 1].
            noise_at: [batch].

        Returns:
            [batch, frames * hop_samples] samples in [-1, 1].
        """
        frames = self.acoustic.frames(rows, positions, ln_f0, mask)
        samples = self.vocoder(frames.mel, frames.ln_f0, frames.voiced, mask, noise_at)
        return samples.clamp(-1.0, 1.0)
