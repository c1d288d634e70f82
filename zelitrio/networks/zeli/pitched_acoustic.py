"""The acoustic model that predicts the pitch contour first, then the spectra.

*Encode* is that of `zelitrio.networks.zeli.acoustic`.  *Decode* has two stages over frames.  A narrow network
predicts pitch and voicing.  The decoder then gets each frame's pitch and the positions of its harmonics in
the low mel bands, because with only a mean pitch per phone it blurs the harmonics.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from zelitrio.networks.zeli.acoustic import (
    POSITION_FEATURES,
    Frames,
    PhoneConvolution,
    Prosody,
    _Predictor,
    frames_of,
)
from zelitrio.networks.zeli.streaming import FrameMasks, StatePart, StreamingBlocks, masked

_LN_F0_MIN, _LN_F0_MAX = math.log(50.0), math.log(700.0)
_COMB_STEPS = 400
_COMB_TOP_HZ = 3_000.0


@attrs.frozen(kw_only=True)
class PitchedAcousticConfig:
    """Sizes of an acoustic model; stored with its weights."""

    phones: int
    stresses: int
    features: int
    speakers: int
    encoder_channels: int = 192
    encoder_blocks: int = 5
    encoder_kernel: int = 9
    predictor_channels: int = 160
    contour_channels: int = 128
    contour_blocks: int = 3
    decoder_channels: int = 256
    decoder_blocks: int = 6
    decoder_inner: int = 0
    """Width of the inner layer of the decoder's blocks; 0: three times `decoder_channels`."""
    decoder_kernel: int = 7
    decoder_lookahead: int = 1
    mels: int = 80

    rule_rise_percent: int = 0
    """Percent of the rises by rule that are added to the pitch of phones."""

    @property
    def pitch_lag(self) -> int:
        """Frames by which pitch and voicing trail the rows."""
        return self.contour_blocks * self.decoder_lookahead

    @property
    def decoder_lag(self) -> int:
        """Frames by which the spectra trail the rows."""
        return self.pitch_lag + self.decoder_blocks * self.decoder_lookahead


class PitchedAcousticModel(nn.Module):
    """Phones and a speaker to log-mel, pitch and voicing frames."""

    speaker_ln_f0: Tensor
    """[speakers] each speaker's mean ln f0, the zero of predicted pitch."""
    combs: Tensor
    """[_COMB_STEPS, bands] log-mel of a pulse train at pitches from 50 to 700 Hz."""

    def __init__(self, config: PitchedAcousticConfig) -> None:
        super().__init__()
        self.config = c = config
        width = c.encoder_channels
        self.phone = nn.Embedding(c.phones, width)
        self.stress = nn.Embedding(c.stresses, width)
        self.features = nn.Linear(c.features, width)
        self.speaker = nn.Embedding(c.speakers, width)
        self.encoder = StreamingBlocks(c.encoder_blocks, width, c.encoder_kernel, c.encoder_kernel // 2)
        self.encoder_norm = nn.LayerNorm(width)
        self.duration = _Predictor(width, c.predictor_channels)
        self.pitch = _Predictor(width, c.predictor_channels)
        self.energy = _Predictor(width, c.predictor_channels)
        self.pitch_in = PhoneConvolution(1, width)
        self.energy_in = PhoneConvolution(1, width)
        self.to_decoder = nn.Linear(width, c.decoder_channels)
        self.position = nn.Linear(POSITION_FEATURES, c.decoder_channels, bias=False)
        self.contour_in = nn.Linear(c.decoder_channels, c.contour_channels)
        self.contour = StreamingBlocks(
            c.contour_blocks, c.contour_channels, c.decoder_kernel, c.decoder_lookahead
        )
        self.contour_norm = nn.LayerNorm(c.contour_channels)
        self.contour_out = nn.Linear(c.contour_channels, 2)
        combs = comb_table(c.mels)
        self.register_buffer("combs", combs, persistent=False)
        self.melody_in = nn.Linear(combs.shape[1] + 2, c.decoder_channels)
        self.decoder = StreamingBlocks(
            c.decoder_blocks, c.decoder_channels, c.decoder_kernel, c.decoder_lookahead, c.decoder_inner
        )
        self.decoder_norm = nn.LayerNorm(c.decoder_channels)
        self.out = nn.Linear(c.decoder_channels, c.mels)
        self.register_buffer("speaker_ln_f0", torch.full((c.speakers,), 5.2))

    def encode(
        self, phones: Tensor, stresses: Tensor, features: Tensor, speakers: Tensor, mask: Tensor
    ) -> tuple[Tensor, Prosody]:
        """Read whole utterances and predict their prosody; see `AcousticModel.encode`."""
        speaker = self.speaker(speakers)[:, None]
        x = (self.phone(phones) + self.stress(stresses) + self.features(features) + speaker) * mask
        for block in self.encoder:
            x = block.whole(x, mask)
        x = (self.encoder_norm(x) + speaker) * mask
        prosody = Prosody(
            duration=self.duration(x, mask), pitch=self.pitch(x, mask), energy=self.energy(x, mask)
        )
        return x, prosody

    def rows(self, hidden: Tensor, pitch: Tensor, energy: Tensor, mask: Tensor) -> Tensor:
        """Compute a decoder row for each phone; see `AcousticModel.rows`."""
        pitched = self.pitch_in(pitch.unsqueeze(-1) * mask)
        stressed = self.energy_in(energy.unsqueeze(-1) * mask)
        return self.to_decoder((hidden + pitched + stressed) * mask)

    def draw(self, rows: Tensor, positions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Pitch and voicing of whole utterances.

        Args:
            rows: [batch, frames, decoder_channels], each phone's row repeated by its duration.
            positions: [batch, frames, 4].
            mask: [batch, frames, 1].

        Returns:
            Pitch (ln f0 minus the speaker's, times 4) and voicing logits, each [batch, frames].
        """
        x = self.contour_in(rows + self.position(positions)) * mask
        for block in self.contour:
            x = block.whole(x, mask)
        pitch, voicing = self._contour(x).unbind(-1)
        return pitch * mask[..., 0], voicing

    def decode(self, rows: Tensor, positions: Tensor, ln_f0: Tensor, voiced: Tensor, mask: Tensor) -> Tensor:
        """Spectra of whole utterances.

        Args:
            rows, positions, mask: as `draw`.
            ln_f0: [batch, frames], natural log of pitch in Hz.
            voiced: [batch, frames] in 0..1.

        Returns:
            [batch, frames, mels], normalised log-mel.
        """
        x = (
            rows + self.position(positions) + self.melody_in(self._melody(ln_f0, voiced).to(rows.dtype))
        ) * mask
        for block in self.decoder:
            x = block.whole(x, mask)
        return self._mel(x) * mask

    def spectral_stacks(self) -> tuple[StreamingBlocks, ...]:
        """The stacks that do not predict pitch; pitch must be exact because phases are sums of it."""
        return (self.decoder,)

    def exact_parameters(self) -> Iterator[nn.Parameter]:
        """Parameters that stay in float32 when others are narrowed, because pitch must be exact."""
        return itertools.chain(self.out.parameters(), self.contour_out.parameters())

    def state_parts(self) -> list[StatePart]:
        """Shape and first value of each tensor of `frames_step`'s state."""
        c = self.config
        past = c.decoder_kernel - 1
        return [
            *[StatePart((past, c.contour_channels))] * c.contour_blocks,
            StatePart((c.pitch_lag, c.decoder_channels)),
            *[StatePart((past, c.decoder_channels))] * c.decoder_blocks,
            StatePart((c.decoder_lag - c.pitch_lag, 2)),
        ]

    def frames(self, rows: Tensor, positions: Tensor, ln_f0: Tensor, mask: Tensor) -> Frames:
        """Inputs of a vocoder for whole utterances; pitch is relative to `ln_f0` [batch, frames or 1]."""
        pitch, voicing = self.draw(rows, positions, mask)
        drawn = frames_of(rows, pitch, voicing, ln_f0)
        mel = self.decode(rows, positions, drawn.ln_f0, drawn.voiced, mask)
        return attrs.evolve(drawn, mel=mel)

    def frames_step(
        self,
        rows: Tensor,
        positions: Tensor,
        ln_f0: Tensor,
        states: list[Tensor],
        first: Tensor,
        length: Tensor,
    ) -> tuple[Frames, list[Tensor]]:
        """Inputs of a vocoder, which trail the window by `decoder_lag`; `ln_f0` trails by `pitch_lag`."""
        c = self.config
        window, ahead = rows.shape[1], c.decoder_lookahead
        masks = FrameMasks(first, window, length, c.decoder_lag, rows.dtype)
        placed = rows + self.position(positions)
        x = masked(self.contour_in(placed), masks.lagging(0))
        following = []
        for depth, block in enumerate(self.contour, start=1):
            x, state = block.step(x, states[depth - 1].to(rows.dtype), masks.lagging(depth * ahead))
            following.append(state)
        pitch, voicing = self._contour(x).unbind(-1)
        inside = masks.lagging(c.pitch_lag)
        if inside is not None:
            pitch = pitch * inside[..., 0].float()
        drawn = frames_of(rows, pitch, voicing, ln_f0)
        kept = torch.cat((states[c.contour_blocks].to(rows.dtype), placed), 1)
        melody = self.melody_in(self._melody(drawn.ln_f0, drawn.voiced).to(rows.dtype))
        x = masked(kept[:, :window] + melody, inside)
        following.append(kept[:, window:])
        for depth, block in enumerate(self.decoder, start=1):
            state = states[c.contour_blocks + depth].to(rows.dtype)
            x, state = block.step(x, state, masks.lagging(c.pitch_lag + depth * ahead))
            following.append(state)
        tones = torch.cat((states[-1], torch.stack((drawn.ln_f0, drawn.voiced), -1)), 1)
        following.append(tones[:, window:])
        mel = masked(self._mel(x), masks.lagging(c.decoder_lag))
        return Frames(mel, tones[:, :window, 0], tones[:, :window, 1]), following

    def _contour(self, x: Tensor) -> Tensor:
        return self.contour_out(self.contour_norm(x).to(self.contour_out.weight.dtype)).float()

    def _mel(self, x: Tensor) -> Tensor:
        return self.out(self.decoder_norm(x).to(self.out.weight.dtype))

    def _melody(self, ln_f0: Tensor, voiced: Tensor) -> Tensor:
        """The decoder's inputs about pitch: [batch, frames, bands + 2]."""
        at = (ln_f0.float() - _LN_F0_MIN) * ((_COMB_STEPS - 1) / (_LN_F0_MAX - _LN_F0_MIN))
        at = at.clamp(0.0, _COMB_STEPS - 1.001)
        low = at.floor()
        share = (at - low).unsqueeze(-1)
        index = low.long()
        comb = self.combs[index] * (1.0 - share) + self.combs[index + 1] * share
        voiced = voiced.float().unsqueeze(-1)
        return torch.cat((comb * voiced, (ln_f0.float().unsqueeze(-1) - 5.2) * voiced, voiced), -1)


@functools.cache
def comb_table(mels: int) -> Tensor:
    """Log-mel of steady pulse trains less its mean over pitch: [_COMB_STEPS, bands below 3 kHz]."""
    rate_hz, fft = 24_000, 960
    edges_mel = np.linspace(0.0, _mel_of(np.array([rate_hz / 2]))[0], mels + 2)
    edges = np.where(
        edges_mel < 15.0,
        edges_mel * (200.0 / 3),
        1000.0 * np.exp((math.log(6.4) / 27.0) * (edges_mel - 15.0)),
    )
    bins = np.linspace(0.0, rate_hz / 2, fft // 2 + 1)
    rising = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    bands = int((edges[1:-1] < _COMB_TOP_HZ).sum())
    spectrum = np.zeros((_COMB_STEPS, len(bins)))
    for step, ln_f0 in enumerate(np.linspace(_LN_F0_MIN, _LN_F0_MAX, _COMB_STEPS)):
        f0 = math.exp(ln_f0)
        for harmonic in range(1, int((_COMB_TOP_HZ + 1_000.0) / f0) + 1):
            away = np.abs(bins - harmonic * f0) / (rate_hz / fft)
            # The main lobe of a Hann window, two bins to either side.
            spectrum[step] += (
                np.where(away < 2.0, np.sinc(away) / np.maximum(1e-6, np.abs(1.0 - away**2)), 0.0) ** 2
            )
    logs = np.log(np.maximum(np.sqrt(spectrum) @ filters.T, 1e-5))[:, :bands]
    return torch.from_numpy((0.4 * (logs - logs.mean(0)).clip(-3.0, 3.0)).astype(np.float32))


def _mel_of(hz: np.ndarray) -> np.ndarray:
    return np.where(
        hz < 1000.0, hz / (200.0 / 3), 15.0 + np.log(np.maximum(hz, 1e-9) / 1000.0) / (math.log(6.4) / 27.0)
    )
