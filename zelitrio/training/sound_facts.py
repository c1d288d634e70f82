"""Measure a recording without its text, in about 30 ms for 5 s."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
import torch

from zelitrio.audio import decode_file, read_sound
from zelitrio.training.features import FFT_SAMPLES, HOP_SAMPLES, SAMPLE_RATE_HZ, magnitudes, mel_filters

Pcm = npt.NDArray[np.float32]
LONGEST_S = 30.0
_SPEECH_DB = 30.0
"""Frames at most this far below the loud ones are speech."""
_PITCH_RATE_HZ, _LOWEST_HZ, _HIGHEST_HZ = 8_000, 60.0, 500.0
_BAND_DB, _BAND_FROM_HZ, _FULL_BAND_HZ = 45.0, 3_000.0, 11_000.0
"""A recording's band ends where its long-term spectrum first stays this far below its maximum."""


@attrs.frozen(kw_only=True, eq=False)
class SoundFacts:
    """Measurements of one recording; levels in dB relative to full scale."""

    seconds: float
    rate_hz: int
    channels: int
    peak: float
    level_db: float
    """Level of the speech without pauses."""
    noise_db: float
    """Level of the quietest 5 % of frames."""
    speech_s: float
    clipped: float
    """Share of samples that are clipped: at full scale, or in a flat top below it."""
    apart: float
    """One minus the correlation of both channels' levels over time, in 0..1; 0 for one channel."""
    cancelled_db: float
    """Level lost by mixing both channels to mono."""
    pitch_hz: float
    """Median over voiced frames; nan without any."""
    band_hz: float
    """Frequency where the spectrum ends."""
    spectrum_db: npt.NDArray[np.float32]
    """[mels] long-term spectrum of the speech, relative to its mean."""


def measure_sound(path: Path) -> SoundFacts:
    """Measure a recording.  If it is longer than `LONGEST_S`, only duration, rate and channels are measured.

    Raises:
        LocalError: the file cannot be read.
    """
    sound = read_sound(path, LONGEST_S)
    too_long = sound.seconds > LONGEST_S
    pcm = np.zeros(0, np.float32) if too_long else decode_file(path, SAMPLE_RATE_HZ)
    spectra = _spectra(pcm)  # [frames, bins]
    level_db = 10.0 * np.log10(np.mean(spectra**2, 1) + 1e-12)
    speech = level_db > (level_db.max(initial=-120.0) - _SPEECH_DB)
    heard = spectra[speech]
    return SoundFacts(
        seconds=sound.seconds,
        rate_hz=sound.rate_hz,
        channels=len(sound.pcm),
        peak=float(np.abs(sound.pcm).max(initial=0.0)),
        level_db=_level_db(pcm, speech),
        noise_db=_level_db(pcm, level_db <= np.percentile(level_db, 5) if len(level_db) else speech),
        speech_s=float(speech.sum()) * HOP_SAMPLES / SAMPLE_RATE_HZ,
        clipped=clipped_share(sound.pcm),
        apart=_apart(sound.pcm, sound.rate_hz),
        cancelled_db=_cancelled_db(sound.pcm),
        pitch_hz=median_pitch_hz(pcm),
        band_hz=_band_hz(heard),
        spectrum_db=long_term_spectrum_db(heard),
    )


def _spectra(pcm: Pcm) -> npt.NDArray[np.float32]:
    if len(pcm) < FFT_SAMPLES:
        return np.zeros((0, FFT_SAMPLES // 2 + 1), np.float32)
    with torch.no_grad():
        return magnitudes(torch.from_numpy(pcm)[None], FFT_SAMPLES, HOP_SAMPLES)[0].T.numpy()


def speech_spectrum_db(pcm: Pcm) -> npt.NDArray[np.float32]:
    """Compute the long-term spectrum of float32 samples at 24 kHz: [mels] in dB relative to its mean."""
    spectra = _spectra(pcm)
    level_db = 10.0 * np.log10(np.mean(spectra**2, 1) + 1e-12)
    return long_term_spectrum_db(spectra[level_db > level_db.max(initial=-120.0) - _SPEECH_DB])


def long_term_spectrum_db(spectra: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Compute the long-term spectrum of magnitudes [frames, bins]: [mels] in dB, zero on average.

    All zero if there is no frame.
    """
    if not len(spectra):
        return np.zeros(mel_filters().shape[0], np.float32)
    power = mel_filters().numpy() @ np.mean(spectra.astype(np.float64) ** 2, 0)
    level = 10.0 * np.log10(power + 1e-10)
    return (level - level.mean()).astype(np.float32)


def _level_db(pcm: Pcm, frames: npt.NDArray[np.bool_]) -> float:
    if not frames.any():
        return -120.0
    blocks = pcm[: len(frames) * HOP_SAMPLES].reshape(-1, HOP_SAMPLES)[frames[: len(pcm) // HOP_SAMPLES]]
    return float(10.0 * np.log10(np.mean(np.square(blocks, dtype=np.float64)) + 1e-12))


def clipped_share(pcm: Pcm) -> float:
    """Share of the samples [channels, samples] at full scale or in a flat top below it."""
    size = np.abs(pcm)
    peak = float(size.max(initial=0.0))
    if peak < 0.05:
        return 0.0
    top = size >= (0.999 if peak >= 0.999 else 0.9995 * peak)
    # A single sample at the top is a peak; three in a row are clipped.
    flat = top[:, 2:] & top[:, 1:-1] & top[:, :-2]
    return float(3 * flat.sum() / max(1, size.size)) if flat.any() else 0.0


def _apart(pcm: Pcm, rate_hz: int) -> float:
    """One minus the correlation of both channels' levels over blocks of 50 ms."""
    block = rate_hz // 20
    if len(pcm) != 2 or pcm.shape[1] < 10 * block:
        return 0.0
    power = np.square(pcm[:, : pcm.shape[1] // block * block].reshape(2, -1, block), dtype=np.float64).mean(2)
    level = np.log10(power + 1e-8)
    if level.max(1).min() < level.max() - 4.0 or level.std(1).min() < 1e-3:
        return 0.0  # one channel has no speech
    return float(np.clip(1.0 - np.corrcoef(level)[0, 1], 0.0, 1.0))


def _cancelled_db(pcm: Pcm) -> float:
    apart, mixed = (
        np.mean(np.square(pcm, dtype=np.float64)),
        np.mean(np.square(pcm.mean(0), dtype=np.float64)),
    )
    return float(10.0 * np.log10((apart + 1e-12) / (mixed + 1e-12))) if pcm.size else 0.0


def median_pitch_hz(pcm: Pcm) -> float:
    """Measure the median pitch of float32 samples at 24 kHz by autocorrelation; nan without voiced frames.

    It has no tracking over time, but an utterance's median is right within a few per cent, and it needs
    only numpy.
    """
    low = _decimated(pcm, SAMPLE_RATE_HZ // _PITCH_RATE_HZ)
    size, hop = 400, 160
    if len(low) < size:
        return float("nan")
    frames = np.lib.stride_tricks.sliding_window_view(low, size)[::hop]
    power = np.mean(frames**2, 1)
    frames = frames[power > power.max() * 10 ** (-25 / 10)] * np.hanning(size)
    spectrum = np.fft.rfft(frames, 2 * size)
    lags = np.fft.irfft(np.abs(spectrum) ** 2)[:, :size]
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(size), 2 * size)) ** 2)[:size]
    lags = lags / np.maximum(lags[:, :1], 1e-12) / (window / window[0])
    first, last = int(_PITCH_RATE_HZ / _HIGHEST_HZ), int(_PITCH_RATE_HZ / _LOWEST_HZ)
    inside = lags[:, first : last + 1]
    best = inside.max(1, initial=0.0)
    voiced = best > 0.6
    if voiced.sum() < 5:
        return float("nan")
    # Take the first peak that is nearly as high as the highest: later ones are two or three periods.
    peaks = (inside[:, 1:-1] >= inside[:, :-2]) & (inside[:, 1:-1] >= inside[:, 2:])
    near = peaks & (inside[:, 1:-1] > 0.88 * best[:, None])
    at = 1 + first + near.argmax(1)
    return float(np.median(_PITCH_RATE_HZ / at[voiced & near.any(1)]))


def _decimated(pcm: Pcm, factor: int) -> npt.NDArray[np.float64]:
    if not len(pcm):
        return np.zeros(0)
    # A Hann window suffices as the low-pass filter for measuring pitch.
    taps = np.hanning(4 * factor + 1)
    return np.convolve(pcm.astype(np.float64), taps / taps.sum(), mode="same")[::factor]


def _band_hz(spectra: npt.NDArray[np.float32]) -> float:
    """Find the lower edge of the first 500 Hz that are almost empty.

    Almost, because codecs add a little noise above their input's band.
    """
    if not len(spectra):
        return SAMPLE_RATE_HZ / 2
    bin_hz = SAMPLE_RATE_HZ / FFT_SAMPLES
    level = 10.0 * np.log10(np.mean(spectra.astype(np.float64) ** 2, 0) + 1e-10)
    smooth = np.convolve(level, np.ones(9) / 9, mode="same")
    empty = smooth < smooth.max() - _BAND_DB
    span = int(500.0 / bin_hz)
    starts = np.flatnonzero(np.lib.stride_tricks.sliding_window_view(empty, span).all(1)) * bin_hz
    ends = starts[starts > _BAND_FROM_HZ]
    return float(ends[0]) if len(ends) and ends[0] < _FULL_BAND_HZ else SAMPLE_RATE_HZ / 2
