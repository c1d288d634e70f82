"""The vocoder: log-mel, pitch and voicing frames to samples.

For every frame and frequency, a convolutional network predicts gain and phase of a pulse train and gain of
white noise.  One inverse FFT per frame and overlap-add make the samples.  So the cost is per frame, not per
sample, and harmonics are exact from the first training step.
"""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zelitrio.networks.zeli.acoustic import Frames
from zelitrio.networks.zeli.even import even
from zelitrio.networks.zeli.source import (
    CENT,
    NOISE_FRAMES,
    SOURCE_GAIN,
    UNVOICED_LN_F0,
    advance_phase,
    jitter_table,
    noise_table,
    pulses,
)
from zelitrio.networks.zeli.streaming import FrameMasks, StatePart, StreamingBlocks, StreamingStem, masked

_OVERLAP = 4  # frames over one sample: fft = 4 * hop
OVERLAP_FRAMES = _OVERLAP // 2
"""Frames over which an utterance fades in at its start, and out after its end; the fades add up to one."""
_SUM_OF_SQUARES = 1.5  # of a Hann window at a quarter's hop


@attrs.frozen(kw_only=True)
class VocoderConfig:
    """Sizes of a vocoder; stored with its weights."""

    sample_rate_hz: int = 24_000
    hop_samples: int = 240
    mels: int = 80
    channels: int = 192
    blocks: int = 6
    kernel: int = 7
    stem_lookahead: int = 2
    lookahead: int = 1
    jitter_cents: int = 0
    """Spread of the random deviation of pitch from frame to frame, which predicted pitch lacks."""

    @property
    def fft_samples(self) -> int:
        """Samples per frame of spectrum."""
        return _OVERLAP * self.hop_samples

    @property
    def bins(self) -> int:
        """Frequencies in a spectrum."""
        return self.fft_samples // 2 + 1

    @property
    def net_lag(self) -> int:
        """Frames by which the network's spectra come later than its inputs."""
        return self.stem_lookahead + self.blocks * self.lookahead

    @property
    def lag(self) -> int:
        """Frames by which finished samples come later than the inputs, including the last overlap."""
        return self.net_lag + OVERLAP_FRAMES


@attrs.frozen(kw_only=True, eq=False)
class VocoderState:
    """A stream's state between windows; see `Vocoder.new_state`."""

    stem: Tensor  # [batch, kernel - 1, mels + 2]
    blocks: list[Tensor]  # each [batch, kernel - 1, channels]
    ln_f0: Tensor  # [batch, net_lag - 1]: pitch of frames that have gone in but have no pulses yet
    voiced: Tensor  # [batch, net_lag]: voicing of frames that have no spectra yet
    phase: Tensor  # [batch] float64, turns
    pulses: Tensor  # [batch, 3 * hop]
    overlap: Tensor  # [batch, 3 * hop]


class Vocoder(nn.Module):
    """Frames to samples, whole or window by window."""

    window: Tensor
    noise: Tensor
    jitter: Tensor

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        if config.net_lag < OVERLAP_FRAMES:
            raise ValueError(f"lookahead: expected at least {OVERLAP_FRAMES} frames, found {config.net_lag}")
        self.config = config
        self.stem = StreamingStem(config.mels + 2, config.channels, config.kernel, config.stem_lookahead)
        self.blocks = StreamingBlocks(config.blocks, config.channels, config.kernel, config.lookahead)
        self.norm = nn.LayerNorm(config.channels)
        self.head = nn.Linear(config.channels, 3 * config.bins)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        window = torch.hann_window(config.fft_samples)
        self.register_buffer("window", window, persistent=False)
        self.register_buffer(
            "noise", noise_table(config.fft_samples, config.hop_samples, window), persistent=False
        )
        self.register_buffer("jitter", config.jitter_cents * CENT * jitter_table(), persistent=False)

    def forward(
        self,
        mel: Tensor,
        ln_f0: Tensor,
        voiced: Tensor,
        mask: Tensor,
        noise_at: Tensor,
        turns: Tensor | None = None,
    ) -> Tensor:
        """Samples of whole utterances.

        Args:
            mel: [batch, frames, mels], normalised log-mel (`zelitrio.networks.normalise_mel`).
            ln_f0: [batch, frames], natural log of pitch in Hz, also where unvoiced.
            voiced: [batch, frames] in 0..1.
            mask: [batch, frames, 1], 1 inside of the utterance.
            noise_at: [batch] integers, where in the noise the utterance begins.
            turns: [batch] float64, the phase of a recording's excitation at the first frame, in turns; pitch
                then has no jitter.  None: begin as `step` does.

        Returns:
            [batch, frames * hop] samples, about [-1, 1].
        """
        frames = mel.shape[1]
        times = torch.arange(frames, device=mel.device)[None]
        if turns is None:
            ln_f0 = self._wavering(ln_f0, noise_at[:, None] + times)
        inputs = self._inputs(mel, ln_f0, voiced, mask)
        x = self.stem.whole(inputs, mask)
        for block in self.blocks:
            x = block.whole(x, mask)
        pitch = torch.where(mask[..., 0] > 0, ln_f0.float(), UNVOICED_LN_F0)
        # A windowed run's phase starts `net_lag - 1` frames early; the last spectrum ends two late.
        early = self.config.net_lag - 1
        edges = F.pad(pitch, (early, 2), value=UNVOICED_LN_F0)
        phase = torch.zeros(pitch.shape[0], dtype=torch.float64, device=pitch.device)
        hop, rate_hz = self.config.hop_samples, self.config.sample_rate_hz
        phases = advance_phase(edges, phase, hop, rate_hz)
        if turns is not None:
            phases = phases + (turns - phases[:, early])[:, None]
        train = pulses(edges, phases, hop, rate_hz)
        train = train[:, (early - 2) * hop :]  # the first spectrum covers two hops before its frame
        at = torch.remainder(noise_at[:, None] + times, NOISE_FRAMES)
        spectra = self._spectra(x, train, voiced, mask, self.noise[at])
        before = pitch.new_zeros(pitch.shape[0], (_OVERLAP - 1) * hop)
        samples, _ = self._overlap_add(F.pad(spectra, (0, 0, 0, 2)), before)
        return samples[:, 2 * hop :]

    def stacks(self) -> tuple[StreamingBlocks, ...]:
        """Its stacks of blocks."""
        return (self.blocks,)

    def new_state(self, batch: int, device: torch.device | str = "cpu") -> VocoderState:
        """The state before the first window."""
        parts = [part.fresh(batch, device) for part in self.state_parts()]
        return self.unpack(parts, torch.zeros(batch, dtype=torch.float64, device=device), torch.float32)

    def state_parts(self) -> list[StatePart]:
        """Shape and first value of each tensor of a state but the phase, in the order of `pack`."""
        c = self.config
        return [
            StatePart((c.kernel - 1, c.mels + 2)),
            *[StatePart((c.kernel - 1, c.channels))] * c.blocks,
            StatePart((c.net_lag - 1,), UNVOICED_LN_F0),
            StatePart((c.net_lag,)),
            StatePart((3 * c.hop_samples,)),
            StatePart((3 * c.hop_samples,)),
        ]

    def pack(self, state: VocoderState) -> list[Tensor]:
        """All tensors of a state but the phase."""
        return [state.stem, *state.blocks, state.ln_f0, state.voiced, state.pulses, state.overlap]

    def unpack(self, parts: list[Tensor], phase: Tensor, dtype: torch.dtype) -> VocoderState:
        """The inverse of `pack`; the layers' inputs get the format of the weights."""
        stem, *blocks = [part.to(dtype) for part in parts[:-4]]
        ln_f0, voiced, pulse, overlap = parts[-4:]
        return VocoderState(
            stem=stem, blocks=blocks, ln_f0=ln_f0, voiced=voiced, phase=phase, pulses=pulse, overlap=overlap
        )

    def step_parts(
        self,
        frames: Frames,
        parts: list[Tensor],
        phase: Tensor,
        first: Tensor,
        length: Tensor,
        noise_at: Tensor,
        dtype: torch.dtype,
    ) -> tuple[Tensor, list[Tensor], Tensor]:
        """Do what `step` does with a packed state: return samples, the next parts and the next phase."""
        before = self.unpack(parts, phase, dtype)
        samples, after = self.step(frames.mel, frames.ln_f0, frames.voiced, before, first, length, noise_at)
        return samples, self.pack(after), after.phase

    def step(
        self,
        mel: Tensor,
        ln_f0: Tensor,
        voiced: Tensor,
        state: VocoderState,
        first: Tensor,
        length: Tensor,
        noise_at: Tensor,
    ) -> tuple[Tensor, VocoderState]:
        """Compute the samples of the next window, which come `config.lag` frames later than its inputs.

        Args:
            mel, ln_f0, voiced, noise_at: as `forward`, for a window; float32 whatever the weights are.
            state: from `new_state` or the step before.
            first: [batch], time of the window's first input frame; may be negative.
            length: [batch], frames in the utterance.

        Returns:
            [batch, window * hop] samples and the next state.
        """
        c = self.config
        window = mel.shape[1]
        masks = FrameMasks(first, window, length, c.net_lag, state.stem.dtype)
        ahead = torch.arange(window, device=first.device)
        ln_f0 = self._wavering(ln_f0, (noise_at + first)[:, None] + ahead)
        inputs = self._inputs(mel, ln_f0, voiced, masks.lagging(0)).to(state.stem.dtype)
        x, stem = self.stem.step(inputs, state.stem, masks.lagging(c.stem_lookahead))
        states = []
        for depth, block in enumerate(self.blocks, start=1):
            mask = masks.lagging(c.stem_lookahead + depth * c.lookahead)
            x, following = block.step(x, state.blocks[depth - 1], mask)
            states.append(following)

        inside = masks.lagging(0)
        if inside is not None:
            ln_f0 = torch.where(inside[..., 0] > 0, ln_f0, UNVOICED_LN_F0)
        pitch = torch.cat((state.ln_f0, ln_f0), 1)
        loud = torch.cat((state.voiced, voiced.float()), 1)
        edges = pitch[:, : window + 1]
        phases = advance_phase(edges, state.phase, c.hop_samples, c.sample_rate_hz)
        fresh = pulses(edges, phases, c.hop_samples, c.sample_rate_hz)
        train = torch.cat((state.pulses, fresh), 1)
        at = torch.remainder((noise_at + first - c.net_lag)[:, None] + ahead, NOISE_FRAMES)
        mask = masks.lagging(c.net_lag)
        spectra = self._spectra(x, train, loud[:, :window], mask, self.noise[at])
        samples, overlap = self._overlap_add(spectra, state.overlap)
        return samples, VocoderState(
            stem=stem,
            blocks=states,
            ln_f0=pitch[:, window:],
            voiced=loud[:, window:],
            phase=phases[:, -1],
            pulses=train[:, window * c.hop_samples :],
            overlap=overlap,
        )

    def _wavering(self, ln_f0: Tensor, noise_at: Tensor) -> Tensor:
        return ln_f0.float() + self.jitter[torch.remainder(noise_at, NOISE_FRAMES)]

    def _inputs(self, mel: Tensor, ln_f0: Tensor, voiced: Tensor, mask: Tensor | None) -> Tensor:
        centred = (ln_f0 - 5.2) * voiced  # an unvoiced frame has no pitch
        return masked(torch.cat((mel, centred.unsqueeze(-1), voiced.unsqueeze(-1)), -1), mask)

    def _spectra(
        self, x: Tensor, train: Tensor, voiced: Tensor, mask: Tensor | None, noise: Tensor
    ) -> Tensor:
        """Shape pulses and noise: [batch, frames, channels] to complex [batch, frames, bins].

        `noise` is rows of its table, one a frame: complex [batch, frames, bins].
        """
        # Always in float32, because these are exponents and angles.
        gain, turn, breath = self.head(self.norm(x).to(self.head.weight.dtype)).float().chunk(3, -1)
        frames = train.unfold(1, self.config.fft_samples, self.config.hop_samples)
        pulse = torch.fft.rfft(frames * self.window) * SOURCE_GAIN
        loud = voiced.float().unsqueeze(-1)
        amount = even(torch.exp, gain - 1) * (loud if mask is None else loud * mask.float())
        angle = 3 * turn  # torch.polar would be shorter, and on a CPU it is not vectorised
        shaped = pulse * torch.complex(amount * even(torch.cos, angle), amount * even(torch.sin, angle))
        breathed = even(torch.exp, breath - 2)
        return shaped + noise * (breathed if mask is None else breathed * mask.float())

    def _overlap_add(self, spectra: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Spectra to samples; `before` and the second result are unfinished sums."""
        hop = self.config.hop_samples
        frames = spectra.shape[1]
        blocks = torch.fft.irfft(spectra, n=self.config.fft_samples) * (self.window / _SUM_OF_SQUARES)
        sums = F.pad(before, (0, frames * hop)).unflatten(1, (-1, hop))  # [batch, frames + 3, hop]
        # The oldest frame first, as across windows: the last bit of a sum depends on its order.
        for part, block in reversed(list(enumerate(blocks.unflatten(-1, (_OVERLAP, hop)).unbind(2)))):
            sums[:, part : part + frames].add_(block)
        return sums[:, :frames].flatten(1), sums[:, frames:].flatten(1)
