"""How it runs: one model on one device, as batched calls over numbered slots.

Two calls.  *Encode* reads chunks and leaves a row per phone in the pool, at the stream's slot.
*Speak* takes the next window of some slots from phone rows to samples, and leaves the networks'
state at the slot.  Rows of a batch that are nobody's use the spare slot behind the last.

Owned by the engine's thread; not thread-safe.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zelitrio.engine.graphs import Call, CaptureRoom, Pending
from zelitrio.engine.lanes import most_rows
from zelitrio.engine.timeline import Timeline
from zelitrio.networks import PITCH_SCALE
from zelitrio.settings import VoiceSettings
from zelitrio.voices import FEATURES, Model, PhoneInputs

MAX_TOKENS = 384
"""Phones and pauses in one utterance: some 25 s of speech.  Longer ones are split before."""
_TOKEN_LADDER = (64, 128, 256, MAX_TOKENS)
_SPREAD_LIMIT = 0.7  # a network unsure of itself must not shout
_SETTINGS = 3  # columns: variation, pitch range, energy shift


@attrs.frozen(kw_only=True, eq=False)
class EncodeRow:
    """One chunk of an encode."""

    slot: int
    inputs: PhoneInputs
    speaker: int
    settings: VoiceSettings
    seed: int


@attrs.frozen(kw_only=True, eq=False)
class SpeakRow:
    """One lane's next window."""

    slot: int
    timeline: Timeline
    speaker: int
    first: int
    noise_at: int


def call_shapes(windows: Sequence[int], max_batch: int, max_encode: int) -> list[tuple[str, int, int]]:
    """Kind, rows and length of every call that `Runner.prepare` lays out, the largest first."""
    batches = _batches(max_batch, max_encode)
    shapes = [("encode", rows, tokens) for rows in batches["encode"] for tokens in _TOKEN_LADDER]
    for window in windows:
        most = _rung(most_rows(window, max_batch), batches["speak"])
        shapes += [("speak", rows, window) for rows in batches["speak"] if rows <= most]
    return sorted(shapes, key=lambda shape: -shape[1] * shape[2])


def _batches(max_batch: int, max_encode: int) -> dict[str, list[int]]:
    # One size for all encodes: in products of one shape a row's result is the same to the last bit
    # whatever the other rows are, so durations round to the same frames in any company.
    return {"speak": _powers_of_two(max_batch), "encode": [max_encode]}


class Runner:
    """One model's networks and every stream's memory of them.

    Args:
        model: whose weights; they are copied to the device.
        device, dtype: where and in what to compute.
        slots: streams that can be open at once.
    """

    def __init__(self, model: Model, device: torch.device, dtype: torch.dtype, slots: int) -> None:
        self.device, self.dtype, self.slots = device, dtype, slots
        self.hop_samples = model.hop_samples
        self.sample_rate_hz = model.sample_rate_hz
        # The caller's model stays as it is; this is the engine's own copy.
        self._speech = copy.deepcopy(model.speech_step()).to(device).requires_grad_(False)
        self._speech.narrow(dtype)
        self.lag = self._speech.lag
        self._acoustic = self._speech.acoustic
        self._ln_f0: NDArray[np.float32] = model.acoustic.speaker_ln_f0.numpy()
        width = model.acoustic.config.decoder_channels
        # Untouched memory costs nothing: slots are handed out from the lowest.
        self._pool = torch.empty((slots + 1) * MAX_TOKENS + 1, width, device=device, dtype=dtype)
        self._silence = (slots + 1) * MAX_TOKENS
        self._pool[self._silence] = 0
        self._state = self._speech.new_state(slots + 1, device)
        self._calls: dict[tuple[str, int, int], Call] = {}
        self._batches: dict[str, list[int]] = {}

    def prepare(
        self, windows: Sequence[int], max_batch: int, max_encode: int, *, graphs: bool
    ) -> Iterator[str]:
        """Lay every shape of both calls out at fixed addresses, largest first; for a GPU.

        Args:
            windows: window lengths that will be asked for.
            max_batch, max_encode: most rows of a `speak` and of an `encode`.
            graphs: capture each as a CUDA graph, all in one memory pool.

        Yields:
            The name of each shape once it is captured.
        """
        room = CaptureRoom(self.device) if graphs else None
        self._batches = _batches(max_batch, max_encode)
        for kind, rows, length in call_shapes(windows, max_batch, max_encode):
            call = self._make_call(kind, rows, length)
            self._calls[kind, rows, length] = call
            if room is not None:
                call.capture(room)
                yield f"{kind} {rows}x{length}"

    def fits(self, tokens: int, others: int) -> bool:
        """Whether chunks of these two lengths may be encoded together: in a batch of one shape."""
        if not self._calls:
            return tokens == others
        return _rung(tokens, _TOKEN_LADDER) == _rung(others, _TOKEN_LADDER)

    def encode(self, rows: Sequence[EncodeRow]) -> Pending:
        """Read chunks, of lengths that fit.

        Returns:
            [len(rows) or more, 2, tokens or more], once waited for: of each token the frames predicted at
            speed 1, and ln f0 about the speaker's mean.
        """
        longest = max(len(row.inputs) for row in rows)
        call, tokens = self._call("encode", len(rows), longest, _TOKEN_LADDER)
        integers, reals = call.inputs()
        integers[:], reals[:] = 0, 0.0
        integers[:, -2] = self.slots  # padding rows write to nobody's slot
        for at, row in enumerate(rows):
            _fill_encode(integers[at], reals[at], tokens, row)
        return call.launch()

    def speak(self, rows: Sequence[SpeakRow], window: int) -> Pending:
        """Speak the next window of some lanes.

        Returns:
            [len(rows) or more, window * hop_samples] samples, once waited for; the first of each
            row belongs to frame `first - lag`.
        """
        call, _ = self._call("speak", len(rows), window, (window,))
        integers, reals = call.inputs()
        integers[:, :window], integers[:, window:], reals[:] = self._silence, 0, 0.0
        integers[:, window] = self.slots
        for at, row in enumerate(rows):
            frames = row.timeline.phones[row.first : row.first + window]
            count = len(frames)
            integers[at, :count] = frames + row.slot * MAX_TOKENS
            integers[at, window:] = (row.slot, row.first, row.timeline.length, row.noise_at)
            places = row.timeline.positions[row.first : row.first + window]
            reals[at, : 4 * count] = places.ravel()
            reals[at, 4 * window :] = self._ln_f0[row.speaker]
            if row.timeline.lean is not None:
                behind = self._acoustic.config.decoder_lag  # frames come out so much later than they go in
                lean = row.timeline.lean[max(0, row.first - behind) : max(0, row.first - behind + window)]
                begin = 4 * window + max(0, behind - row.first)
                reals[at, begin : begin + len(lean)] += lean
        return call.launch()

    def _call(self, kind: str, rows: int, length: int, ladder: Sequence[int]) -> tuple[Call, int]:
        """The prepared call that is large enough, or a fresh one of the exact shape."""
        if not self._calls:
            return self._make_call(kind, rows, length), length
        batch, size = _rung(rows, self._batches[kind]), _rung(length, ladder)
        return self._calls[kind, batch, size], size

    def _make_call(self, kind: str, rows: int, length: int) -> Call:
        if kind == "encode":
            columns = length * (FEATURES + 4) + _SETTINGS
            return Call(self._encode, rows, 2 * length + 2, columns, self.device)
        return Call(self._speak, rows, length + 4, 5 * length, self.device)

    def _encode(self, integers: Tensor, reals: Tensor) -> Tensor:
        """The function behind `encode`; `_fill_encode` lays its inputs out."""
        batch = integers.shape[0]
        tokens = (integers.shape[1] - 2) // 2
        phones, stresses = integers[:, :tokens], integers[:, tokens : 2 * tokens]
        slots, speakers = integers[:, -2], integers[:, -1]
        features, mask, rises, noise, settings = reals.to(self.dtype).split(
            (tokens * FEATURES, tokens, tokens, 2 * tokens, _SETTINGS), 1
        )
        mask = mask.unsqueeze(-1)  # [batch, tokens, 1]
        hidden, prosody = self._acoustic.encode(
            phones, stresses, features.reshape(batch, tokens, FEATURES), speakers, mask
        )
        variation, pitch_range, energy_shift = settings.split(1, 1)
        pitch_noise, duration_noise = noise.split(tokens, 1)
        pitch = _sample(prosody.pitch, pitch_noise * variation) * pitch_range + PITCH_SCALE * rises
        energy = prosody.energy[..., 0] + energy_shift
        rows = self._acoustic.rows(hidden, pitch, energy, mask)
        places = slots[:, None] * MAX_TOKENS + torch.arange(tokens, device=slots.device)
        self._pool[places] = rows
        frames = _sample(prosody.duration, 0.5 * duration_noise * variation).float().exp()
        return torch.stack((frames, pitch.float() / PITCH_SCALE), 1)

    def _speak(self, integers: Tensor, reals: Tensor) -> Tensor:
        """The function behind `speak`."""
        window = integers.shape[1] - 4
        slots, first, length, noise_at = integers[:, window:].unbind(1)
        return self._speech(
            self._pool[integers[:, :window]],
            reals[:, : 4 * window].unflatten(1, (window, 4)).to(self.dtype),
            reals[:, 4 * window :],
            self._state,
            slots,
            first,
            length,
            noise_at,
        )


def _sample(prediction: Tensor, noise: Tensor) -> Tensor:
    """A value from a predicted mean and log spread, `noise` spreads from the mean."""
    mean, log_spread = prediction.unbind(-1)
    return mean + noise * log_spread.exp().clamp(max=_SPREAD_LIMIT)


def _fill_encode(
    integers: NDArray[np.int64], reals: NDArray[np.float32], tokens: int, row: EncodeRow
) -> None:
    count = len(row.inputs)
    integers[:count] = row.inputs.phones
    integers[tokens : tokens + count] = row.inputs.stresses
    integers[-2:] = (row.slot, row.speaker)
    at = tokens * FEATURES
    reals[: count * FEATURES] = row.inputs.features.ravel()
    reals[at : at + count] = 1.0
    at += tokens
    reals[at : at + count] = row.inputs.rises
    at += tokens
    settings = row.settings
    # At the default, what is drawn and what is predicted spread as far together as the readers' own melody.
    variation = 0.9 * (1.0 - settings.stability)
    # One draw per word: neighbouring phones of a word rise and stretch together.
    words = np.maximum(row.inputs.words, -1) + 1
    draws = np.random.Generator(np.random.PCG64(row.seed)).standard_normal((2, int(words.max()) + 1))
    reals[at : at + count] = draws[0, words]
    reals[at + tokens : at + tokens + count] = draws[1, words]
    reals[-_SETTINGS:] = (variation, 1.0 + 0.6 * settings.style, 0.1 * settings.style)


def _rung(value: int, ladder: Sequence[int]) -> int:
    """The first rung that is high enough."""
    return next(rung for rung in ladder if rung >= value)


def _powers_of_two(limit: int) -> list[int]:
    """1, 2, 4, ... and the limit itself."""
    steps = [1]
    while steps[-1] * 2 < limit:
        steps.append(steps[-1] * 2)
    return steps if steps[-1] == limit else [*steps, limit]
