"""The vocoder of parts: log-mel and pitch frames to samples, with a spectrum every few milliseconds.

A trunk of convolutions runs once per frame.  A narrow network runs once per part of a frame, with the trunk's
output and the spectrum of the excitation, a pulse train at the pitch.  For each part it makes a spectrum:
pulses shaped in gain and phase, noise shaped in gain, and an added spectrum below 4 kHz.  One short inverse
FFT per part and overlap-add make the samples.

With one filter per 10 ms frame, the phases of low harmonics cannot follow natural speech.  With a spectrum
per part, and the positions of the pulses as an input, they can.
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
from zelitrio.networks.zeli.streaming import (
    FrameMasks,
    StatePart,
    StreamingBlocks,
    StreamingStem,
    masked,
)

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
        self.blocks = StreamingBlocks(c.blocks, c.channels, c.kernel, c.lookahead, c.inner)
        self.norm = nn.LayerNorm(c.channels)
        self.spread = nn.Linear(c.channels, c.parts * c.part_channels)
        self.source_in = nn.Linear(2 * c.source_bins, c.part_channels)
        self.part_blocks = StreamingBlocks(
            c.part_blocks, c.part_channels, c.part_kernel, c.part_lookahead, c.part_inner
        )
        self.part_norm = nn.LayerNorm(c.part_channels)
        self.head = nn.Linear(c.part_channels, 3 * c.bins + 2 * c.rest_bins)
        self._is_folded = False
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        with torch.no_grad():
            self.head.weight[c.bins : 2 * c.bins] *= 1 / c.angle_gain
            # The spectrum of speech falls with frequency, that of a pulse train does not.
            self.head.bias[: c.bins] = torch.linspace(-1.5, -4.5, c.bins)
            self.head.bias[2 * c.bins : 3 * c.bins] = -1.0
        window = torch.hann_window(c.fft_samples)
        self.register_buffer("window", window, persistent=False)
        noise = noise_table(c.fft_samples, c.part_samples, window, NOISE_FRAMES * c.parts)
        planes = torch.cat((noise.real, noise.imag), -1).unflatten(0, (NOISE_FRAMES, c.parts))
        self.register_buffer("noise", planes, persistent=False)  # [frames, parts, 2 * bins]
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
        part_mask = mask.expand(-1, -1, c.parts).flatten(1).unsqueeze(-1)
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
        blocks = self._blocks(y, source, noise) * part_mask.float()
        before = pitch.new_zeros(pitch.shape[0], c.fft_samples - c.part_samples)
        samples, rest = self._overlap_add(blocks, before)
        half = c.fft_samples // 2
        return torch.cat((samples, rest[:, :half]), 1)[:, half:]

    def stacks(self) -> tuple[StreamingBlocks, ...]:
        """Its stacks of blocks."""
        return self.blocks, self.part_blocks

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
        """The inverse of `pack`; the layers' inputs get the format of the weights."""
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
        """Do what `step` does with a packed state: return samples, the next parts and the next phase."""
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
        deepest = c.trunk_lag + c.part_lag // c.parts
        masks = FrameMasks(first, window, length, deepest, state.stem.dtype)
        ahead = torch.arange(window, device=first.device)
        ln_f0 = self._wavering(ln_f0, (noise_at + first)[:, None] + ahead)
        inputs = self._inputs(mel, ln_f0, voiced, masks.lagging(0)).to(state.stem.dtype)
        x, stem = self.stem.step(inputs, state.stem, masks.lagging(c.stem_lookahead))
        states = []
        for depth, block in enumerate(self.blocks, start=1):
            x, following = block.step(
                x, state.blocks[depth - 1], masks.lagging(c.stem_lookahead + depth * c.lookahead)
            )
            states.append(following)

        inside = masks.lagging(0)
        if inside is not None:
            ln_f0 = torch.where(inside[..., 0] > 0, ln_f0, UNVOICED_LN_F0)
        pitch = torch.cat((state.ln_f0, ln_f0), 1)
        edges = pitch[:, : window + 1]
        phases = advance_phase(edges, state.phase, c.hop_samples, c.sample_rate_hz)
        train = torch.cat((state.pulses, pulses(edges, phases, c.hop_samples, c.sample_rate_hz)), 1)
        source = torch.cat((state.source, self._source(train, window)), 1)
        part_masks, lag = masks.repeated(c.parts), c.parts * c.trunk_lag
        y = self._spread_out(x, source[:, c.part_lag :], part_masks.lagging(lag))
        part_states = []
        for block, before in zip(self.part_blocks, state.part_blocks, strict=True):
            lag += c.part_lookahead
            y, following = block.step(y, before, part_masks.lagging(lag))
            part_states.append(following)
        at = torch.remainder((noise_at + first - deepest)[:, None] + ahead, NOISE_FRAMES)
        blocks = self._blocks(y, source[:, : window * c.parts], self.noise[at].flatten(1, 2))
        samples, overlap = self._overlap_add(masked(blocks, part_masks.lagging(lag)), state.overlap)
        # Finished sums begin half an FFT before the first spectrum's middle; a lag of whole frames is kept.
        return samples, FineVocoderState(
            stem=stem,
            blocks=states,
            part_blocks=part_states,
            source=source[:, window * c.parts :],
            ln_f0=pitch[:, window:],
            phase=phases[:, -1],
            pulses=train[:, window * c.hop_samples :],
            overlap=overlap,
        )

    def _wavering(self, ln_f0: Tensor, noise_at: Tensor) -> Tensor:
        return ln_f0.float() + self.jitter[torch.remainder(noise_at, NOISE_FRAMES)]

    def _inputs(self, mel: Tensor, ln_f0: Tensor, voiced: Tensor, mask: Tensor | None) -> Tensor:
        centred = (ln_f0 - 5.2) * voiced  # an unvoiced frame has no pitch
        return masked(torch.cat((mel, centred.unsqueeze(-1), voiced.unsqueeze(-1)), -1), mask)

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

    def _spread_out(self, x: Tensor, source: Tensor, part_mask: Tensor | None) -> Tensor:
        """Trunk frames and the excitation to the parts' first layer, [batch, frames * parts, channels]."""
        c = self.config
        spread = self.spread(self.norm(x)).unflatten(-1, (c.parts, c.part_channels)).flatten(1, 2)
        planes = source.to(spread.dtype).flatten(0, 1).split(c.bins, -1)
        # Autocast leaves operations in place as they are, so all of their inputs get one format here.
        weights, bias = (part.to(spread.dtype) for part in (self.source_in.weight, self.source_in.bias))
        y = (spread + bias).flatten(0, 1)
        for plane, weight in zip(planes, weights.split(c.source_bins, 1), strict=True):
            y = y.addmm_(plane[:, : c.source_bins], weight.t())
        return masked(y.view(spread.shape), part_mask)

    @torch.no_grad()
    def fold(self) -> None:
        """Fold the head's constants into its weights, for inference only."""
        weight, bias = self._head()
        self.head.weight.copy_(weight)
        self.head.bias.copy_(bias)
        self._is_folded = True

    def _head(self) -> tuple[Tensor, Tensor]:
        """Weights and biases that make logs of gains, angles in radians, and the rest at its level."""
        weight, bias = self.head.weight, self.head.bias
        if self._is_folded:
            return weight, bias
        c = self.config
        factor, shift = torch.ones_like(bias), torch.zeros_like(bias)
        gain, turn, breath, rest = (c.bins * group for group in range(4))
        factor[turn:breath], factor[rest:] = c.angle_gain, _REST_GAIN
        shift[gain:turn], shift[breath:rest] = -1.0, -2.0
        return weight * factor[:, None], bias * factor + shift

    def _blocks(self, y: Tensor, source: Tensor, noise: Tensor) -> Tensor:
        """Shape pulses and noise, add the rest, and transform: [batch, parts, fft] samples."""
        c = self.config
        # Always in float32, because these are exponents and angles.
        with torch.autocast(y.device.type, enabled=False) if self.training else contextlib.nullcontext():
            weight, bias = self._head()
            made = F.linear(self.part_norm(y).to(weight.dtype), weight, bias).float()
        gain, turn, breath, rest = made.split((c.bins, c.bins, c.bins, 2 * c.rest_bins), -1)
        amount, louder = even(torch.exp, gain), even(torch.exp, breath)
        across, up = even(torch.cos, turn).mul_(amount), even(torch.sin, turn).mul_(amount)
        real, imaginary = source.float().chunk(2, -1)
        noise_real, noise_imaginary = noise.chunk(2, -1)
        shaped = (
            (real * across).addcmul_(imaginary, up, value=-1).addcmul_(noise_real, louder),
            (real * up).addcmul_(imaginary, across).addcmul_(noise_imaginary, louder),
        )
        for plane, own in zip(shaped, rest.chunk(2, -1), strict=True):
            plane[..., : c.rest_bins] += own
        return torch.fft.irfft(torch.complex(*shaped), n=c.fft_samples)

    def _overlap_add(self, blocks: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Window and add; `before` and the second result are unfinished sums."""
        c = self.config
        part, overlap = c.part_samples, c.overlap
        parts = blocks.shape[1]
        # The squares of overlapping Hann windows add up to 3/8 of their number.
        window = (self.window * (8.0 / (3.0 * overlap))).unflatten(0, (overlap, part)).unbind(0)
        sums = F.pad(before, (0, parts * part)).unflatten(1, (-1, part))  # [batch, parts + overlap - 1, part]
        # The oldest part first, as across windows: the last bit of a sum depends on its order.
        for at, block in reversed(list(enumerate(blocks.unflatten(-1, (overlap, part)).unbind(2)))):
            sums[:, at : at + parts].addcmul_(block, window[at])
        return sums[:, :parts].flatten(1), sums[:, parts:].flatten(1)
