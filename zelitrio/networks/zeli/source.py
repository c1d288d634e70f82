"""The vocoder's excitation: a band-limited pulse train and white noise.

Voiced speech is shaped from pulses at the pitch, unvoiced speech from noise.  Both depend only on the
absolute position, so the samples do not depend on the windows.  The pulse's phase is kept in float64.  The
noise is a fixed table of frames, read from a position that the stream's seed chooses.

The pulse train is the Dirichlet kernel: the sum of all harmonics below the end of the band, in closed form.
The highest harmonic fades in with pitch, because a whole number of harmonics would cause steps.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from zelitrio.networks.zeli.even import even

NOISE_FRAMES = 1024
"""Length of the noise table: 10 s at 100 frames per second, so that its repetition is not audible."""
CENT = math.log(2.0) / 1200
"""A cent of pitch in ln f0."""
UNVOICED_LN_F0 = math.log(100.0)
SOURCE_GAIN = 1 / 20
"""Brings both spectra near unit size, where the network's output layer starts."""


_STEPS = 2.0**40
"""Steps of phase in a turn."""


def advance_phase(ln_f0: Tensor, phase: Tensor, hop: int, rate_hz: int) -> Tensor:
    """The pulse's phase at the edges of hops.

    Args:
        ln_f0: [batch, hops + 1], natural log of pitch at the hops' edges.
        phase: [batch] float64, turns in [-0.5, 0.5], at the first edge.
        hop: samples between edges.
        rate_hz: sample rate.

    Returns:
        [batch, hops + 1] float64 turns in [-0.5, 0.5].
    """
    f0 = even(torch.exp, ln_f0.double())
    turns = (f0[:, :-1] + f0[:, 1:]) * (0.5 * hop / rate_hz)  # pitch is linear within a hop
    turns = torch.round(turns * _STEPS) / _STEPS  # makes sums exact, so windows can begin anywhere
    return torch.cat((phase[:, None], _wrapped(phase[:, None] + torch.cumsum(turns, 1))), 1)


def pulses(ln_f0: Tensor, phases: Tensor, hop: int, rate_hz: int) -> Tensor:
    """Samples of the pulse train between the edges.

    Args:
        ln_f0: [batch, hops + 1], natural log of pitch at the hops' edges.
        phases: [batch, hops + 1] float64 turns, from `advance_phase`.
        hop: samples between edges.
        rate_hz: sample rate; harmonics reach up to half of it.

    Returns:
        [batch, hops * hop] float32; each harmonic has amplitude 1.
    """
    f0 = even(torch.exp, ln_f0.double())
    inside = torch.arange(hop, device=f0.device, dtype=torch.float64)  # [hop]
    start, slope = f0[:, :-1, None], (f0[:, 1:, None] - f0[:, :-1, None]) / hop
    # Phases of a recording may differ from the pitch's running sum; the difference is spread over the hop.
    turns = (f0[:, :-1] + f0[:, 1:]) * (0.5 * hop / rate_hz)
    missing = _wrapped(phases[:, 1:] - phases[:, :-1] - turns)[..., None]
    phase = torch.addcmul(phases[:, :-1, None], start / rate_hz + missing / hop, inside)  # [batch, hops, hop]
    phase = _wrapped_(phase.addcmul_(slope, inside * inside * (0.5 / rate_hz)))
    fitting = torch.addcmul(start, slope, inside).reciprocal_().mul_(0.5 * rate_hz)
    fraction = fitting.frac().float()
    harmonics = fitting.floor_().add_(0.5)
    upper = harmonics * phase
    half = phase.float().mul_(math.pi)
    top = _wrapped_(phase.mul_(0.5).add_(upper)).float().mul_(2 * math.pi)
    sines = even(torch.sin, half).mul_(2)
    kernel = even(torch.sin, _wrapped_(upper).float().mul_(2 * math.pi)).div_(sines)
    at_pulse = sines.abs() < 2e-4  # the kernel's removable singularity
    kernel = torch.where(at_pulse, harmonics.float(), kernel)
    return kernel.addcmul_(fraction, even(torch.cos, top)).sub_(0.5).flatten(1)


def _wrapped_(turns: Tensor) -> Tensor:
    return turns.sub_(turns.round())


def _wrapped(turns: Tensor) -> Tensor:
    """The same angle within half a turn of zero, in float64.

    A float32 angle of a hundred turns has lost four digits.  Near a pulse the kernel is a quotient of two
    small numbers, so an angle just below a whole turn has lost digits too.
    """
    return turns - turns.round()


def noise_table(fft: int, hop: int, window: Tensor, frames: int = NOISE_FRAMES) -> Tensor:
    """Spectra of a fixed piece of white noise that continues from its end to its beginning.

    Args:
        fft: samples per frame.
        hop: samples between frames.
        window: [fft], applied to each frame.
        frames: number of frames.

    Returns:
        [frames, fft // 2 + 1] complex64.
    """
    samples = _white(frames * hop, 20_001)
    around = np.concatenate((samples[-fft // 2 :], samples, samples[: fft // 2])).astype(np.float32)
    cut = torch.from_numpy(around).unfold(0, fft, hop)[:frames]
    return torch.fft.rfft(cut * window) * SOURCE_GAIN


def jitter_table() -> Tensor:
    """Random deviations of pitch, [NOISE_FRAMES], with unit standard deviation.

    It is white noise averaged over three neighbouring frames; its end continues at its start.
    """
    white = _white(NOISE_FRAMES, 20_002)
    wavering = white + np.roll(white, 1) + np.roll(white, -1)
    return torch.from_numpy((wavering / wavering.std()).astype(np.float32))


def _white(count: int, seed: int) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(count)
