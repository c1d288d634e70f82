"""The vocoder of parts: log-mel and pitch frames to samples, with a spectrum every few milliseconds.

A trunk of convolutions runs once per frame.  Its output is spread over the parts of the frame, where a
narrow network also sees the spectrum of the excitation, a pulse train at the pitch.  For each part it
makes a spectrum: pulses shaped in gain and phase, noise shaped in gain, and a rest of its own below
4 kHz.  One short inverse FFT per part and overlap-add make the samples.

With one filter per 10 ms frame the phases of low harmonics cannot follow natural speech.  A spectrum per
part that knows where the pulses lie can.
"""

from __future__ import annotations

import contextlib

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zelitrio.networks.zeli.acoustic import Frames
from zelitrio.networks.zeli.even import even
from zelitrio.networks.zeli.fine_sizes import FineVocoderConfig, FineVocoderState
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
from zelitrio.networks.zeli.streaming import FrameMasks, StatePart, StreamingBlocks, StreamingStem

_REST_GAIN = 0.3


class FineVocoder(nn.Module):
    """Frames to samples, whole or window by window."""

    window: Tensor
    noise: Tensor
    jitter: Tensor

    def __init__(self, config: FineVocoderConfig) -> None:
        super().__init__()
        c = config
        if c.trunk_lag < 2 or c.part_lag % c.parts or c.hop_samples % c.parts:
            raise ValueError(
                "lookahead: expected two frames or more, and a whole number of frames for the parts"
            )
        if c.fft_samples > 2 * c.hop_samples or c.fft_samples % c.part_samples:
            raise ValueError(f"fft_samples: expected whole parts, at most two frames, found {c.fft_samples}")
        self.config = c
        self.stem = StreamingStem(c.mels + 2, c.channels, c.kernel, c.stem_lookahead)
        self.blocks = StreamingBlocks(c.blocks, c.channels, c.kernel, c.lookahead)
        self.norm = nn.LayerNorm(c.channels)
        self.spread = nn.Linear(c.channels, c.parts * c.part_channels)
        self.source_in = nn.Linear(2 * c.source_bins, c.part_channels)
        self.part_blocks = StreamingBlocks(c.part_blocks, c.part_channels, c.part_kernel, c.part_lookahead)
        self.part_norm = nn.LayerNorm(c.part_channels)
        self.head = nn.Linear(c.part_channels, 3 * c.bins + 2 * c.rest_bins)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        with torch.no_grad():
            self.head.weight[c.bins : 2 * c.bins] *= 1 / c.angle_gain
            # Speech falls with frequency, and a pulse train does not.
            self.head.bias[: c.bins] = torch.linspace(-1.5, -4.5, c.bins)
            self.head.bias[2 * c.bins : 3 * c.bins] = -1.0
        window = torch.hann_window(c.fft_samples)
        self.register_buffer("window", window, persistent=False)
        noise = noise_table(c.fft_samples, c.part_samples, window, NOISE_FRAMES * c.parts)
        self.register_buffer("noise", noise.unflatten(0, (NOISE_FRAMES, c.parts)), persistent=False)
        self.register_buffer("jitter", c.jitter_cents * CENT * jitter_table(), persistent=False)

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
            turns: [batch, frames], phase of a recording's excitation at each frame, in turns; None: the
                running sum of the pitch, as in `step`.

        Returns:
            [batch, frames * hop] samples, about [-1, 1].
        """
        c = self.config
        frames = mel.shape[1]
        times = torch.arange(frames, device=mel.device)[None]
        if turns is None:
            ln_f0 = self._wavering(ln_f0, noise_at[:, None] + times)
        x = self.stem.whole(self._inputs(mel, ln_f0, voiced, mask), mask)
        for block in self.blocks:
            x = block.whole(x, mask)
        part_mask = _repeated(mask, c.parts)
        pitch = torch.where(mask[..., 0] > 0, ln_f0.float(), UNVOICED_LN_F0)
        # A windowed run's phase starts `trunk_lag - 1` frames early; the last spectrum ends one frame late.
        early = c.trunk_lag - 1
        edges = F.pad(pitch, (early, 2), value=UNVOICED_LN_F0)
        phase = torch.zeros(pitch.shape[0], dtype=torch.float64, device=pitch.device)
        phases = advance_phase(edges, phase, c.hop_samples, c.sample_rate_hz)
        if turns is not None:
            phases = torch.cat((phases[:, :early], turns.double(), phases[:, early + frames :]), 1)
        train = pulses(edges, phases, c.hop_samples, c.sample_rate_hz)
        source = self._source(train[:, (early - 1) * c.hop_samples :], frames)
        y = self._spread_out(x, source, part_mask)
        for block in self.part_blocks:
            y = block.whole(y, part_mask)
        noise = self.noise[torch.remainder(noise_at[:, None] + times, NOISE_FRAMES)].flatten(1, 2)
        spectra = self._spectra(y, source, noise, part_mask)
        before = pitch.new_zeros(pitch.shape[0], c.fft_samples - c.part_samples)
        samples, rest = self._overlap_add(spectra, before)
        half = c.fft_samples // 2
        return torch.cat((samples, rest[:, :half]), 1)[:, half:]

    def new_state(self, batch: int, device: torch.device | str = "cpu") -> FineVocoderState:
        """The state before the first window."""
        parts = [part.fresh(batch, device) for part in self.state_parts()]
        return self.unpack(parts, torch.zeros(batch, dtype=torch.float64, device=device), torch.float32)

    def state_parts(self) -> list[StatePart]:
        """Shape and first value of each tensor of a state but the phase, in the order of `pack`."""
        c = self.config
        return [
            StatePart((c.kernel - 1, c.mels + 2)),
            *[StatePart((c.kernel - 1, c.channels))] * c.blocks,
            *[StatePart((c.part_kernel - 1, c.part_channels))] * c.part_blocks,
            StatePart((c.part_lag, 2 * c.bins)),
            StatePart((c.trunk_lag - 1,), UNVOICED_LN_F0),
            StatePart((2 * c.hop_samples,)),
            StatePart((c.fft_samples - c.part_samples,)),
        ]

    def pack(self, state: FineVocoderState) -> list[Tensor]:
        """All tensors of a state but the phase."""
        return [
            state.stem,
            *state.blocks,
            *state.part_blocks,
            state.source,
            state.ln_f0,
            state.pulses,
            state.overlap,
        ]

    def unpack(self, parts: list[Tensor], phase: Tensor, dtype: torch.dtype) -> FineVocoderState:
        """The state that `pack` took apart, its layers' inputs in the format of the weights."""
        blocks, wide = self.config.blocks, self.config.blocks + self.config.part_blocks
        stem, *layers = [part.to(dtype) for part in parts[: 1 + wide]]
        source, ln_f0, pulse, overlap = parts[1 + wide :]
        return FineVocoderState(
            stem=stem,
            blocks=layers[:blocks],
            part_blocks=layers[blocks:],
            source=source,
            ln_f0=ln_f0,
            phase=phase,
            pulses=pulse,
            overlap=overlap,
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
        """As `step`, with a state in parts and its phase: samples, the next parts and phase."""
        before = self.unpack(parts, phase, dtype)
        samples, after = self.step(frames.mel, frames.ln_f0, frames.voiced, before, first, length, noise_at)
        return samples, self.pack(after), after.phase

    def step(
        self,
        mel: Tensor,
        ln_f0: Tensor,
        voiced: Tensor,
        state: FineVocoderState,
        first: Tensor,
        length: Tensor,
        noise_at: Tensor,
    ) -> tuple[Tensor, FineVocoderState]:
        """Samples of the next window; they trail its inputs by `config.lag` frames.

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
        deepest = c.trunk_lag + c.part_lag // c.parts
        masks = FrameMasks(first, window, length, deepest, state.stem.dtype)
        ahead = torch.arange(window, device=first.device)
        ln_f0 = self._wavering(ln_f0, (noise_at + first)[:, None] + ahead)
        inputs = self._inputs(mel, ln_f0, voiced, masks.lagging(0))
        x, stem = self.stem.step(inputs, state.stem, masks.lagging(c.stem_lookahead))
        states = []
        for depth, block in enumerate(self.blocks, start=1):
            x, following = block.step(
                x, state.blocks[depth - 1], masks.lagging(c.stem_lookahead + depth * c.lookahead)
            )
            states.append(following)

        inside = masks.lagging(0)[..., 0] > 0
        pitch = torch.cat((state.ln_f0, torch.where(inside, ln_f0.float(), UNVOICED_LN_F0)), 1)
        edges = pitch[:, : window + 1]
        phases = advance_phase(edges, state.phase, c.hop_samples, c.sample_rate_hz)
        fresh = pulses(edges, phases, c.hop_samples, c.sample_rate_hz)
        train = torch.cat((state.pulses, fresh), 1)
        source = self._source(train, window)
        part_masks = _PartMasks(masks, c.parts, c.trunk_lag, deepest)
        y = self._spread_out(x, source, part_masks.lagging(0))
        part_states = []
        for depth, block in enumerate(self.part_blocks, start=1):
            y, following = block.step(
                y, state.part_blocks[depth - 1], part_masks.lagging(depth * c.part_lookahead)
            )
            part_states.append(following)
        sources = torch.cat((state.source, source), 1)
        at = torch.remainder((noise_at + first - deepest)[:, None] + ahead, NOISE_FRAMES)
        spectra = self._spectra(
            y, sources[:, : window * c.parts], self.noise[at].flatten(1, 2), part_masks.lagging(c.part_lag)
        )
        samples, overlap = self._overlap_add(spectra, state.overlap)
        # Finished sums begin half an FFT before the first spectrum's middle; a lag of whole frames is kept.
        return samples, FineVocoderState(
            stem=stem,
            blocks=states,
            part_blocks=part_states,
            source=sources[:, window * c.parts :],
            ln_f0=pitch[:, window:],
            phase=phases[:, -1],
            pulses=train[:, window * c.hop_samples :],
            overlap=overlap,
        )

    def _wavering(self, ln_f0: Tensor, noise_at: Tensor) -> Tensor:
        return ln_f0.float() + self.jitter[torch.remainder(noise_at, NOISE_FRAMES)]

    def _inputs(self, mel: Tensor, ln_f0: Tensor, voiced: Tensor, mask: Tensor) -> Tensor:
        centred = (ln_f0 - 5.2) * voiced  # an unvoiced frame has no pitch
        return torch.cat((mel, centred.unsqueeze(-1), voiced.unsqueeze(-1)), -1).to(mask.dtype) * mask

    def _source(self, train: Tensor, frames: int) -> Tensor:
        """Spectra of pulses that begin a frame before the first part.

        Returns:
            [batch, frames * parts, 2 * bins]: real parts, then imaginary ones.
        """
        c = self.config
        begin = c.hop_samples - c.fft_samples // 2
        cut = train[:, begin : begin + (frames * c.parts - 1) * c.part_samples + c.fft_samples]
        spectra = torch.fft.rfft(cut.unfold(1, c.fft_samples, c.part_samples) * (self.window * SOURCE_GAIN))
        return torch.cat((spectra.real, spectra.imag), -1)

    def _spread_out(self, x: Tensor, source: Tensor, part_mask: Tensor) -> Tensor:
        """Trunk frames and the excitation to the parts' first layer, [batch, frames * parts, channels]."""
        c = self.config
        spread = self.spread(self.norm(x)).unflatten(-1, (c.parts, c.part_channels)).flatten(1, 2)
        real, imaginary = source.chunk(2, -1)
        seen = torch.cat((real[..., : c.source_bins], imaginary[..., : c.source_bins]), -1)
        return (spread + self.source_in(seen.to(spread.dtype))) * part_mask

    def _spectra(self, y: Tensor, source: Tensor, noise: Tensor, part_mask: Tensor) -> Tensor:
        """Shape pulses and noise and add the rest: complex [batch, parts, bins]."""
        c = self.config
        # In float32 also where the rest is not: these are exponents and angles.
        with torch.autocast(y.device.type, enabled=False) if self.training else contextlib.nullcontext():
            made = self.head(self.part_norm(y).to(self.head.weight.dtype)).float()
        gain, turn, breath, rest = made.split((c.bins, c.bins, c.bins, 2 * c.rest_bins), -1)
        real, imaginary = source.float().chunk(2, -1)
        mask = part_mask.float()
        amount = even(torch.exp, gain - 1) * mask
        angle = c.angle_gain * turn
        across, up = amount * even(torch.cos, angle), amount * even(torch.sin, angle)
        louder = even(torch.exp, breath - 2) * mask
        own_real, own_imaginary = (
            F.pad(part * (_REST_GAIN * mask), (0, c.bins - c.rest_bins)) for part in rest.chunk(2, -1)
        )
        return torch.complex(
            real * across - imaginary * up + noise.real * louder + own_real,
            real * up + imaginary * across + noise.imag * louder + own_imaginary,
        )

    def _overlap_add(self, spectra: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Spectra to samples; `before` and what is returned beside them are the unfinished sums."""
        c = self.config
        part, overlap = c.part_samples, c.overlap
        parts = spectra.shape[1]
        scale = 8.0 / (3.0 * overlap)  # the squares of overlapping Hann windows add up to 3/8 of their number
        blocks = torch.fft.irfft(spectra, n=c.fft_samples) * (self.window * scale)
        sums = F.pad(before, (0, parts * part)).unflatten(1, (-1, part))  # [batch, parts + overlap - 1, part]
        # The oldest part first, as across windows: a sum depends on its order in the last bit.
        for at, block in reversed(list(enumerate(blocks.unflatten(-1, (overlap, part)).unbind(2)))):
            sums[:, at : at + parts].add_(block)
        return sums[:, :parts].flatten(1), sums[:, parts:].flatten(1)


class _PartMasks:
    """Masks of frames, repeated for their parts and seen from any depth of the narrow network."""

    def __init__(self, masks: FrameMasks, parts: int, trunk_lag: int, deepest: int) -> None:
        whole = masks.between(deepest, trunk_lag)
        extra = deepest - trunk_lag
        self._mask = _repeated(whole, parts)
        self._extra, self._window = extra * parts, (whole.shape[1] - extra) * parts

    def lagging(self, lag: int) -> Tensor:
        """[batch, window * parts, 1] for outputs that trail the trunk's by `lag` parts."""
        return self._mask[:, self._extra - lag : self._extra - lag + self._window]


def _repeated(mask: Tensor, parts: int) -> Tensor:
    """[batch, frames, 1] to [batch, frames * parts, 1]."""
    return mask.expand(-1, -1, parts).flatten(1).unsqueeze(-1)
