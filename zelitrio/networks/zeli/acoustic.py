"""The acoustic model: phones to frames, in two parts.

*Encode* sees a whole utterance: it predicts durations, pitch and energy, and computes a row per phone.
*Decode* runs over frames, window by window.  Its inputs are the phones' rows, repeated by their durations;
its outputs are log-mel, pitch and voicing.  So the first window can follow the encode at once.

After FastPitch (arXiv 2006.06873), with ConvNeXt blocks in place of transformers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zelitrio.networks.zeli.even import even
from zelitrio.networks.zeli.streaming import FrameMasks, StatePart, StreamingBlocks, masked

POSITION_FEATURES = 4
VOICING_SLOPE = 4.0
"""Slope of voicing.  A switch would make rounding audible."""
_LN_F0_MIN, _LN_F0_MAX = math.log(50.0), math.log(700.0)
PITCH_SCALE = 4.0
"""Pitch is in quarters of ln f0, so that its variance is about that of the other values."""


@attrs.frozen(kw_only=True)
class AcousticConfig:
    """Sizes of an acoustic model; stored with its weights."""

    phones: int
    """Distinct phone tokens, pauses included."""
    stresses: int
    features: int
    """Number of scalar features of each phone."""
    speakers: int
    encoder_channels: int = 192
    encoder_blocks: int = 5
    encoder_kernel: int = 9
    predictor_channels: int = 160
    decoder_channels: int = 224
    decoder_blocks: int = 6
    decoder_kernel: int = 7
    decoder_lookahead: int = 1
    """Frames that each decoder block looks ahead.  More improve little, because the encoder has seen the
    whole utterance, and each delays first audio."""
    mels: int = 80

    @property
    def decoder_lag(self) -> int:
        """Frames by which the decoder's outputs come later than its inputs."""
        return self.decoder_blocks * self.decoder_lookahead

    @property
    def rule_rise_percent(self) -> int:
        """Percent of the rises by rule that are added: all, because the data of these voices has few
        questions."""
        return 100

    @property
    def pitch_lag(self) -> int:
        """Frames by which pitch comes later than input rows."""
        return self.decoder_lag


@attrs.frozen(kw_only=True, eq=False)
class Prosody:
    """The encoder's predictions for each phone, each [batch, phones, 2]: a mean and a log spread.

    Durations are natural logs of frames; pitch is the phone's mean ln f0 minus the speaker's, times
    4; energy is the phone's mean normalised mel.
    """

    duration: Tensor
    pitch: Tensor
    energy: Tensor


@attrs.frozen(eq=False)
class Frames:
    """Inputs of a vocoder."""

    mel: Tensor  # [batch, frames, mels], normalised log-mel
    ln_f0: Tensor  # [batch, frames], natural log of pitch in Hz
    voiced: Tensor  # [batch, frames] in 0..1


def frames_of(mel: Tensor, pitch: Tensor, voicing: Tensor, ln_f0: Tensor) -> Frames:
    """Frames from a network's outputs: pitch relative to `ln_f0`, in quarters, and voicing logits."""
    hz = (pitch.float() / PITCH_SCALE + ln_f0).clamp(_LN_F0_MIN, _LN_F0_MAX)
    return Frames(mel, hz, even(torch.sigmoid, VOICING_SLOPE * voicing.float()))


class PhoneConvolution(nn.Conv1d):
    """A convolution over phones, channels last: [batch, phones, channels] in and out.

    It is one matrix product of neighbouring phones with the kernel.  On a CPU that is three times as fast as
    torch's convolution for such short inputs.
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__(channels, out, 3, padding=1)

    def lay_out(self) -> None:
        """Store the weights in the memory order of the product; the shape stays."""
        product = self.weight.data.transpose(1, 2).flatten(1).t().contiguous().t()
        self.weight.data = product.unflatten(1, (3, -1)).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, phones, channels] to [batch, phones, out]."""
        around = F.pad(x, (0, 0, 1, 1))
        phones = x.shape[1]
        taps = torch.cat([around[:, tap : tap + phones] for tap in range(3)], -1)
        return F.linear(taps, self.weight.transpose(1, 2).flatten(1), self.bias)


class _Predictor(nn.Module):
    """Two convolutions over phones to a mean and a log spread."""

    def __init__(self, channels: int, hidden: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.first = PhoneConvolution(channels, hidden)
        self.first_norm = nn.LayerNorm(hidden)
        self.second = PhoneConvolution(hidden, hidden)
        self.second_norm = nn.LayerNorm(hidden)
        self.out = nn.Linear(hidden, 2)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        for convolve, norm in ((self.first, self.first_norm), (self.second, self.second_norm)):
            x = self.dropout(norm(F.relu(convolve(x * mask))))  # [batch, phones, hidden]
        return self.out(x) * mask


class AcousticModel(nn.Module):
    """Phones and a speaker to log-mel, pitch and voicing frames."""

    speaker_ln_f0: Tensor
    """[speakers] each speaker's mean ln f0, the zero of predicted pitch."""

    def __init__(self, config: AcousticConfig) -> None:
        super().__init__()
        self.config = config
        width = config.encoder_channels
        self.phone = nn.Embedding(config.phones, width)
        self.stress = nn.Embedding(config.stresses, width)
        self.features = nn.Linear(config.features, width)
        self.speaker = nn.Embedding(config.speakers, width)
        half = config.encoder_kernel // 2
        self.encoder = StreamingBlocks(config.encoder_blocks, width, config.encoder_kernel, half)
        self.encoder_norm = nn.LayerNorm(width)
        self.duration = _Predictor(width, config.predictor_channels)
        self.pitch = _Predictor(width, config.predictor_channels)
        self.energy = _Predictor(width, config.predictor_channels)
        self.pitch_in = PhoneConvolution(1, width)
        self.energy_in = PhoneConvolution(1, width)
        self.to_decoder = nn.Linear(width, config.decoder_channels)
        self.position = nn.Linear(POSITION_FEATURES, config.decoder_channels, bias=False)
        self.decoder = StreamingBlocks(
            config.decoder_blocks, config.decoder_channels, config.decoder_kernel, config.decoder_lookahead
        )
        self.decoder_norm = nn.LayerNorm(config.decoder_channels)
        self.out = nn.Linear(config.decoder_channels, config.mels + 2)
        self.register_buffer("speaker_ln_f0", torch.full((config.speakers,), 5.2))

    def encode(
        self, phones: Tensor, stresses: Tensor, features: Tensor, speakers: Tensor, mask: Tensor
    ) -> tuple[Tensor, Prosody]:
        """Read whole utterances and predict their prosody.

        Args:
            phones, stresses: [batch, phones] integer tokens.
            features: [batch, phones, features].
            speakers: [batch] integers.
            mask: [batch, phones, 1], 1 for a phone, 0 for padding.

        Returns:
            Hidden rows [batch, phones, encoder_channels] and the predicted `Prosody`.
        """
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
        """Compute a decoder row for each phone, with its pitch and energy.

        Args:
            hidden: [batch, phones, encoder_channels], from `encode`.
            pitch, energy: [batch, phones], predicted or given, in the units of `Prosody`.
            mask: [batch, phones, 1].

        Returns:
            [batch, phones, decoder_channels].
        """
        pitched = self.pitch_in(pitch.unsqueeze(-1) * mask)
        stressed = self.energy_in(energy.unsqueeze(-1) * mask)
        return self.to_decoder((hidden + pitched + stressed) * mask)

    def decode(self, rows: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """Frames of whole utterances.

        Args:
            rows: [batch, frames, decoder_channels], each phone's row repeated by its duration.
            positions: [batch, frames, 4], from `zelitrio.voices.frame_positions`.
            mask: [batch, frames, 1].

        Returns:
            [batch, frames, mels + 2]: normalised log-mel, pitch (ln f0 minus the speaker's, times
            4) and a voicing logit.
        """
        x = (rows + self.position(positions)) * mask
        for block in self.decoder:
            x = block.whole(x, mask)
        return self._frames(x) * mask

    def decode_step(
        self, rows: Tensor, positions: Tensor, states: list[Tensor], first: Tensor, length: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Frames of the next window; they trail its inputs by `config.decoder_lag`.

        Args:
            rows: [batch, window, decoder_channels].
            positions: [batch, window, 4].
            states: one [batch, kernel - 1, decoder_channels] per block.
            first: [batch], time of the window's first input frame.
            length: [batch], frames in the utterance.

        Returns:
            [batch, window, mels + 2] as `decode`, and the next states.
        """
        window, ahead = rows.shape[1], self.config.decoder_lookahead
        masks = FrameMasks(first, window, length, self.config.decoder_lag, rows.dtype)
        x = masked(rows + self.position(positions), masks.lagging(0))
        following = []
        for depth, block in enumerate(self.decoder, start=1):
            x, state = block.step(x, states[depth - 1], masks.lagging(depth * ahead))
            following.append(state)
        return masked(self._frames(x), masks.lagging(self.config.decoder_lag)), following

    def spectral_stacks(self) -> tuple[StreamingBlocks, ...]:
        """The stacks that do not predict pitch; pitch must be exact because phases are sums of it."""
        return ()

    def exact_parameters(self) -> Iterator[nn.Parameter]:
        """Parameters that stay in float32 when others are narrowed, because pitch must be exact."""
        return self.out.parameters()

    def state_parts(self) -> list[StatePart]:
        """Shape and first value of each tensor of `frames_step`'s state."""
        c = self.config
        return [StatePart((c.decoder_kernel - 1, c.decoder_channels))] * c.decoder_blocks

    def frames(self, rows: Tensor, positions: Tensor, ln_f0: Tensor, mask: Tensor) -> Frames:
        """Inputs of a vocoder for whole utterances; pitch is relative to `ln_f0` [batch, frames or 1]."""
        return self._told(self.decode(rows, positions, mask), ln_f0)

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
        states = [state.to(rows.dtype) for state in states]
        made, following = self.decode_step(rows, positions, states, first, length)
        return self._told(made, ln_f0), following

    def _told(self, made: Tensor, ln_f0: Tensor) -> Frames:
        mel, pitch, voicing = made.split((self.config.mels, 1, 1), -1)
        return frames_of(mel, pitch[..., 0], voicing[..., 0], ln_f0)

    def _frames(self, x: Tensor) -> Tensor:
        # In the format of `out`, which stays float32 when the rest is narrowed: pitch must be exact.
        return self.out(self.decoder_norm(x).to(self.out.weight.dtype))
