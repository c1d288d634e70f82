"""Remove a room's steady noise, so that no network learns it as part of the voice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from zelitrio.training.features import FFT_SAMPLES, HOP_SAMPLES, LOG_FLOOR, mel_filters

_FLOOR = 0.1
"""Least gain of a band (-20 dB): the remaining noise masks the gaps."""
_SUM_OF_SQUARES = 1.5  # of a Hann window at a quarter's hop


def noise_of(ln_mel: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Estimate the steady noise in a speaker's recordings: the level of each band's quietest frames.

    Args:
        ln_mel: [frames, mels] natural logarithms of magnitudes.

    Returns:
        [mels], also natural logarithms.
    """
    return np.percentile(np.asarray(ln_mel[::3], np.float32), 4, axis=0).astype(np.float32)


def without_noise(
    pcm: npt.NDArray[np.float32], noise: npt.NDArray[np.float32], times: float
) -> npt.NDArray[np.float32]:
    """Subtract noise by mel band, with a gain that is smooth over the frequencies of a frame.

    Mel bands are wide enough for a steady gain, so there is no musical noise.

    Args:
        pcm: [samples] of one recording, a multiple of the hop.
        noise: [mels] natural logarithms of the noise's magnitude, from `noise_of`.
        times: factor of the subtracted noise; 0 changes nothing.
    """
    if times == 0.0:
        return pcm
    window = torch.hann_window(FFT_SAMPLES)
    padded = functional.pad(torch.from_numpy(pcm), (FFT_SAMPLES, FFT_SAMPLES))
    spectrum = torch.stft(padded, FFT_SAMPLES, HOP_SAMPLES, window=window, center=False, return_complex=True)
    mel = torch.clamp(mel_filters() @ spectrum.abs(), min=LOG_FLOOR)  # [mels, frames]
    gain = torch.clamp(1.0 - times * torch.exp(torch.from_numpy(noise))[:, None] / mel, min=_FLOOR)
    filters = mel_filters()
    shares = filters / filters.sum(0).clamp(min=1e-9)  # [mels, bins]: each bin's share per band
    gains = shares.T @ gain
    gains[filters.sum(0) == 0] = gain[-1]
    frames = torch.fft.irfft((spectrum * gains).T, n=FFT_SAMPLES) * (window / _SUM_OF_SQUARES)
    length = (frames.shape[0] - 1) * HOP_SAMPLES + FFT_SAMPLES
    out = functional.fold(frames.T[None], (1, length), kernel_size=(1, FFT_SAMPLES), stride=(1, HOP_SAMPLES))
    return out[0, 0, 0, FFT_SAMPLES : FFT_SAMPLES + len(pcm)].numpy()
