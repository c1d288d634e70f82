"""Integrated loudness after EBU R128: ITU-R BS.1770-5, one channel.

BS.1770 gives the coefficients of its two filters at 48 kHz only.  Those for other rates follow from the
analogue prototypes (frequencies, gain and Q as in B. De Man, "Evaluation of implementations
of the EBU R128 loudness measurement", AES convention 145, 2018), and equal the standard's at 48 kHz.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Section = tuple[tuple[float, float, float], tuple[float, float, float]]
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0


def k_weighting(rate_hz: int) -> tuple[Section, Section]:
    """The head's shelf and the high pass, each as (numerator, denominator)."""
    k, gain, q = math.tan(math.pi * 1681.974450955533 / rate_hz), 3.999843853973347, 0.7071752369554196
    high = 10 ** (gain / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = (
        ((high + band * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - band * k / q + k * k) / a0),
        (1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0),
    )
    k, q = math.tan(math.pi * 38.13547087602444 / rate_hz), 0.5003270373238773
    a0 = 1 + k / q + k * k
    return shelf, ((1.0, -2.0, 1.0), (1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0))


def loudness_lufs(pcm: npt.NDArray[np.floating], rate_hz: int) -> float:
    """Gated loudness of one channel of at least 0.4 s; -inf for silence."""
    wave = weighted(pcm.astype(np.float64), rate_hz)
    block, step = round(0.4 * rate_hz), round(0.1 * rate_hz)
    if len(wave) < block:
        return -math.inf
    power = np.concatenate([[0.0], np.cumsum(wave**2)])
    starts = np.arange(0, len(wave) - block + 1, step)
    blocks = np.maximum((power[starts + block] - power[starts]) / block, 1e-12)
    blocks = blocks[_lufs(blocks) > ABSOLUTE_GATE_LUFS]
    if not len(blocks):
        return -math.inf
    kept = blocks[_lufs(blocks) > _lufs(blocks.mean()) + RELATIVE_GATE_LU]
    return float(_lufs(kept.mean()))


def weighted(wave: npt.NDArray[np.float64], rate_hz: int) -> npt.NDArray[np.float64]:
    """Apply both filters to the spectrum; half a second of padding keeps the end from wrapping round."""
    length = len(wave) + rate_hz // 2
    delay = np.exp(-2j * np.pi * np.fft.rfftfreq(length))
    spectrum = np.fft.rfft(wave, length)
    for numerator, denominator in k_weighting(rate_hz):
        spectrum *= np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    return np.fft.irfft(spectrum, length)[: len(wave)]


def _lufs(power: npt.NDArray[np.float64] | np.float64) -> npt.NDArray[np.float64]:
    return np.asarray(-0.691 + 10 * np.log10(power))
