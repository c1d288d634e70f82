"""Decoder and vocoder as one step: phone rows in, samples out, one state per lane.

This is the call the engine makes for every window.  A lane's whole state is one flat row, so that
picking the lanes of a batch and putting them back is one gather and one scatter, whatever the
networks' depth.
"""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor, nn

from zelitrio.networks.zeli.acoustic import PITCH_SCALE, AcousticModel
from zelitrio.networks.zeli.even import even
from zelitrio.networks.zeli.source import UNVOICED_LN_F0
from zelitrio.networks.zeli.vocoder import Vocoder, VocoderState

_VOICING_SLOPE = 4.0
"""Voicing is a steep slope, not a switch: a switch would make rounding audible."""
_LN_F0_MIN, _LN_F0_MAX = math.log(50.0), math.log(700.0)


@attrs.frozen(kw_only=True, eq=False)
class SpeechState:
    """The lanes' memory."""

    flat: Tensor  # [lanes, state_size] float32
    phase: Tensor  # [lanes] float64


class SpeechStep(nn.Module):
    """Windows of several lanes in one call."""

    _fresh: Tensor

    def __init__(self, acoustic: AcousticModel, vocoder: Vocoder) -> None:
        super().__init__()
        self.acoustic, self.vocoder = acoustic, vocoder
        a, v = acoustic.config, vocoder.config
        self._shapes: list[tuple[int, ...]] = [
            *[(a.decoder_kernel - 1, a.decoder_channels)] * a.decoder_blocks,
            (v.kernel - 1, v.mels + 2),
            *[(v.kernel - 1, v.channels)] * v.blocks,
            (v.net_lag - 1,),
            (v.net_lag,),
            (3 * v.hop_samples,),
            (3 * v.hop_samples,),
        ]
        self._sizes = [math.prod(shape) for shape in self._shapes]
        fresh = torch.zeros(sum(self._sizes))
        ahead = sum(self._sizes[:-4])
        fresh[ahead : ahead + self._sizes[-4]] = UNVOICED_LN_F0  # pitch of frames still to come
        self.register_buffer("_fresh", fresh, persistent=False)

    @property
    def lag(self) -> int:
        """Frames by which finished samples trail the rows that go in."""
        return self.acoustic.config.decoder_lag + self.vocoder.config.lag

    @property
    def hop_samples(self) -> int:
        """Samples per frame."""
        return self.vocoder.config.hop_samples

    def narrow(self, dtype: torch.dtype) -> None:
        """Compute in this format from now on, in place.

        The last layers stay in float32, and so do all buffers: pitch, gains and angles are exact in
        every format, or the voice would sound rough.
        """
        exact = {*self.acoustic.out.parameters(), *self.vocoder.head.parameters()}
        for parameter in self.parameters():
            if parameter not in exact:
                parameter.data = parameter.data.to(dtype)

    def new_state(self, lanes: int, device: torch.device | str = "cpu") -> SpeechState:
        """Memory for `lanes` lanes, untouched before a lane's first window: idle ones cost nothing."""
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
            ln_f0: [batch, window or 1], what predicted pitch is about at the frames that come out of the
                decoder, which lag behind those that go in.
            state: of all lanes.
            lanes: [batch] integers, which lane each row of the batch is.  A lane may stand in it
                once; padding rows use a lane that is nobody's.
            first: [batch], time of the window's first frame in its utterance; 0 forgets the lane's past.
            length: [batch], frames in the utterance.
            noise_at: [batch], where in the noise the utterance begins.

        Returns:
            [batch, window * hop_samples] samples in [-1, 1]; the first of them is the sample at
            frame `first - lag`.
        """
        a = self.acoustic.config
        is_fresh = first == 0
        packed = torch.where(is_fresh[:, None], self._fresh, state.flat[lanes])  # [batch, state_size]
        parts = [
            part.unflatten(1, shape)
            for part, shape in zip(packed.split(self._sizes, 1), self._shapes, strict=True)
        ]
        depth = a.decoder_blocks
        dtype = rows.dtype
        decoder = [part.to(dtype) for part in parts[:depth]]
        frames, decoder = self.acoustic.decode_step(rows, positions, decoder, first, length)
        mel, pitch, voicing = frames.split((a.mels, 1, 1), -1)
        hz = (pitch[..., 0].float() / PITCH_SCALE + ln_f0).clamp(_LN_F0_MIN, _LN_F0_MAX)
        voiced = even(torch.sigmoid, _VOICING_SLOPE * voicing[..., 0].float())
        before = VocoderState(
            stem=parts[depth].to(dtype),
            blocks=[part.to(dtype) for part in parts[depth + 1 : -4]],
            ln_f0=parts[-4],
            voiced=parts[-3],
            phase=torch.where(is_fresh, 0.0, state.phase[lanes]),
            pulses=parts[-2],
            overlap=parts[-1],
        )
        samples, after = self.vocoder.step(mel, hz, voiced, before, first - a.decoder_lag, length, noise_at)
        following = [
            *decoder,
            after.stem,
            *after.blocks,
            after.ln_f0,
            after.voiced,
            after.pulses,
            after.overlap,
        ]
        state.flat[lanes] = torch.cat([part.flatten(1).float() for part in following], 1)
        state.phase[lanes] = after.phase
        return samples.clamp(-1.0, 1.0)

    def whole(self, rows: Tensor, positions: Tensor, ln_f0: Tensor, mask: Tensor, noise_at: Tensor) -> Tensor:
        """Speak whole utterances at once: what any cutting into windows must equal.

        Args:
            rows: [batch, frames, decoder_channels].
            positions: [batch, frames, 4].
            ln_f0: [batch, frames or 1], what predicted pitch is about.
            mask: [batch, frames, 1].
            noise_at: [batch].

        Returns:
            [batch, frames * hop_samples] samples in [-1, 1].
        """
        mels = self.acoustic.config.mels
        frames = self.acoustic.decode(rows, positions, mask)
        hz = (frames[..., mels].float() / PITCH_SCALE + ln_f0).clamp(_LN_F0_MIN, _LN_F0_MAX)
        voiced = torch.sigmoid(_VOICING_SLOPE * frames[..., mels + 1].float())
        samples = self.vocoder(frames[..., :mels], hz, voiced, mask, noise_at)
        return samples.clamp(-1.0, 1.0)
