"""Computes the networks' targets: log-mel frames, pitch and voicing, at 100 frames per second.

A frame is 10 ms, centred on sample t * HOP_SAMPLES, with zeros beyond both ends.  The mel filters are
Slaney's (area normalised, librosa's default), computed here to avoid a dependency.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from zelitrio.training.corpus import Speaker

SAMPLE_RATE_HZ = 24_000
HOP_SAMPLES = 240
FFT_SAMPLES = 960
MELS = 80
LOG_FLOOR = 1e-4
"""Magnitudes are clamped to at least this before the logarithm."""


def _hz_to_mel(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # Slaney's scale: linear below 1 kHz, logarithmic above (M. Slaney, Auditory Toolbox, 1998).
    linear = hz / (200.0 / 3)
    logarithmic = 15.0 + np.log(np.maximum(hz, 1e-9) / 1000.0) / (np.log(6.4) / 27.0)
    return np.where(hz < 1000.0, linear, logarithmic)


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel < 15.0, mel * (200.0 / 3), 1000.0 * np.exp((np.log(6.4) / 27.0) * (mel - 15.0)))


@functools.cache
def mel_centres_hz(mels: int = MELS, top_hz: float = SAMPLE_RATE_HZ / 2) -> npt.NDArray[np.float64]:
    """Compute the centre frequency of each mel band, [mels]."""
    edges = np.linspace(0.0, _hz_to_mel(np.array([top_hz]))[0], mels + 2)
    return _mel_to_hz(edges)[1:-1]


@functools.cache
def mel_filters(
    fft_samples: int = FFT_SAMPLES, mels: int = MELS, rate_hz: int = SAMPLE_RATE_HZ
) -> torch.Tensor:
    """Compute Slaney's triangular filters, float32 [mels, fft_samples // 2 + 1]."""
    bins = np.linspace(0.0, rate_hz / 2, fft_samples // 2 + 1)
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(np.array([rate_hz / 2]))[0], mels + 2))
    rising = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return torch.from_numpy(filters.astype(np.float32))


@functools.cache
def _window(samples: int) -> torch.Tensor:
    return torch.hann_window(samples)


def magnitudes(pcm: torch.Tensor, fft_samples: int, hop_samples: int) -> torch.Tensor:
    """Compute STFT magnitudes [batch, bins, samples // hop] of [batch, samples], padded with zeros."""
    frames = pcm.shape[-1] // hop_samples
    padded = functional.pad(pcm, (fft_samples // 2, fft_samples // 2))
    window = _window(fft_samples).to(pcm.device)
    spectrum = torch.stft(padded, fft_samples, hop_samples, window=window, center=False, return_complex=True)
    # A small floor, because the square root has no gradient at zero.
    return torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-9)[..., :frames]


def log_mel(pcm: torch.Tensor) -> torch.Tensor:
    """Compute log-mel frames [batch, MELS, samples // HOP_SAMPLES] of [batch, samples]; differentiable."""
    spectrum = magnitudes(pcm, FFT_SAMPLES, HOP_SAMPLES)
    return torch.log(torch.clamp(mel_filters().to(pcm.device) @ spectrum, min=LOG_FLOOR))


def measure_f0(pcm: npt.NDArray[np.float32], speaker: Speaker) -> npt.NDArray[np.float32]:
    """Measure each frame's pitch in Hz, 0 where unvoiced, float32 [samples // HOP_SAMPLES].

    It uses WORLD's dio, refined by stonemask.  For speakers with `thorough_f0`, harvest measures the pitch
    and dio only decides on voicing, because harvest finds nearly every frame voiced.
    """
    # Imported here: pyworld belongs to the extra `train`, and its import warns about pkg_resources.
    import pyworld

    frames = len(pcm) // HOP_SAMPLES
    wave = pcm.astype(np.float64)
    floor, ceil = speaker.f0_floor_hz, speaker.f0_ceil_hz
    rough, times = pyworld.dio(wave, SAMPLE_RATE_HZ, f0_floor=floor, f0_ceil=ceil, frame_period=10.0)
    f0 = pyworld.stonemask(wave, rough, times, SAMPLE_RATE_HZ)
    if speaker.thorough_f0:
        thorough, _ = pyworld.harvest(wave, SAMPLE_RATE_HZ, f0_floor=floor, f0_ceil=ceil, frame_period=10.0)
        near = np.convolve(f0 > 0, np.ones(3), mode="same") > 0  # a margin of one frame at both ends
        loud = _frame_level_db(pcm, len(f0)) > -45.0
        f0 = np.where(near & loud, thorough, 0.0)
    f0 = f0[:frames] if len(f0) >= frames else np.pad(f0, (0, frames - len(f0)))
    return tidy_f0(f0.astype(np.float32))


def continuous_ln_f0(f0: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Natural logarithm of f0, interpolated linearly over unvoiced frames; ln 100 if no frame is voiced."""
    voiced = np.flatnonzero(f0 > 0)
    if not len(voiced):
        return np.full(len(f0), np.log(100.0), np.float32)
    return np.interp(np.arange(len(f0)), voiced, np.log(f0[voiced])).astype(np.float32)


def _frame_level_db(pcm: npt.NDArray[np.float32], frames: int) -> npt.NDArray[np.float64]:
    padded = np.pad(pcm.astype(np.float64), (FFT_SAMPLES // 2, FFT_SAMPLES))
    power = np.concatenate([[0.0], np.cumsum(padded**2)])
    starts = np.minimum(np.arange(frames) * HOP_SAMPLES, len(padded) - FFT_SAMPLES)
    level = 10.0 * np.log10((power[starts + FFT_SAMPLES] - power[starts]) / FFT_SAMPLES + 1e-12)
    return np.asarray(level - np.percentile(level, 95))


def tidy_f0(f0: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Remove measurement errors: single octave jumps, and voiced runs or gaps of one or two frames."""
    out = f0.copy()
    for start, stop in _runs(out > 0):
        if stop - start < 3:
            out[start:stop] = 0.0
    for start, stop in _runs(out == 0):
        inside = start > 0 and stop < len(out)
        if inside and stop - start <= 2 and abs(np.log(out[start - 1] / out[stop])) < 0.2:
            out[start:stop] = np.exp(
                np.interp(np.arange(start, stop), [start - 1, stop], np.log(out[[start - 1, stop]]))
            )
    for start, stop in _runs(out > 0):
        run = out[start:stop]
        padded = np.pad(run, 2, mode="edge")
        middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
        wild = np.abs(np.log(run / middle)) > 0.15
        out[start:stop] = np.where(wild, middle, run)
    return out


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
