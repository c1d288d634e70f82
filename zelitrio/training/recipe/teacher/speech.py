"""Measure the teacher's speech: level, start and end, log-mel, pitch, phase of the excitation, voicing.

The teacher's pitch curve is exact, so no pitch is estimated.  The phase of the excitation is the running sum
of that curve, so it is known for every frame.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
import torch

from zelitrio.training.features import HOP_SAMPLES, SAMPLE_RATE_HZ, log_mel

ACTIVE_RMS = 0.075
MAX_PEAK = 0.95
BEFORE_FRAMES, AFTER_FRAMES = 10, 15
"""Frames of silence kept before and after the speech."""
_HEARD_DB = 42.0
"""Frames at most this far below the loud ones are speech."""
_CELL_SAMPLES = 300
"""Samples per value of the teacher's pitch curve."""
_LOWEST_HZ = 45.0
_VOICED_DB, _VOICED_CORRELATION = 40.0, 0.6
_VOICE_TOP_HZ = 1_500.0
_CORRELATED_SAMPLES = 720

F32 = npt.NDArray[np.float32]


@attrs.frozen(kw_only=True, eq=False)
class MeasuredSpeech:
    """One utterance of t frames."""

    pcm: npt.NDArray[np.int16]  # [t * HOP_SAMPLES]
    mel: npt.NDArray[np.float16]  # [t, mels] natural log
    ln_f0: F32  # [t], bridged where there is no voice
    turns: F32  # [t] phase of the excitation, in [0, 1)
    voiced: npt.NDArray[np.uint8]  # [t]
    inside: npt.NDArray[np.uint8]  # [t] 1 from a frame before the speech to eight after it

    @property
    def frames(self) -> int:
        """The number of frames."""
        return len(self.mel)


def measure(samples: F32, f0: F32) -> MeasuredSpeech | None:
    """Scale, trim and measure one utterance; None if there is no speech in it.

    Args:
        samples: [n] at 24 kHz.
        f0: the teacher's pitch curve in Hz, a value for every 300 samples.
    """
    pcm = _levelled(samples - np.float32(samples.mean()))
    edges = _speech_frames(pcm)
    if edges is None:
        return None
    first, last = edges
    begin = max(0, first - BEFORE_FRAMES)
    end = min(len(pcm) // HOP_SAMPLES, last + 1 + AFTER_FRAMES)
    cut = pcm[begin * HOP_SAMPLES : end * HOP_SAMPLES]
    ln_f0, turns = _pitch(f0, begin, end - begin)
    with torch.no_grad():  # the cached filters are also used in training, so they must have no gradient
        mel = log_mel(torch.from_numpy(cut.copy())[None])[0].T.numpy()
    inside = np.zeros(end - begin, np.uint8)
    inside[max(0, first - begin - 1) : last - begin + 9] = 1
    return MeasuredSpeech(
        pcm=np.round(cut.clip(-1.0, 1.0) * 32767.0).astype(np.int16),
        mel=mel.astype(np.float16),
        ln_f0=ln_f0,
        turns=turns,
        voiced=_voiced(cut, ln_f0),
        inside=inside,
    )


def _levelled(pcm: F32) -> F32:
    block = SAMPLE_RATE_HZ // 50
    power = np.mean(np.square(pcm[: len(pcm) // block * block].reshape(-1, block), dtype=np.float64), axis=1)
    if not len(power) or power.max() <= 1e-10:
        return pcm
    rms = float(np.sqrt(np.mean(power[power > power.max() * 1e-3])))
    return (pcm * min(ACTIVE_RMS / rms, MAX_PEAK / float(np.abs(pcm).max()))).astype(np.float32)


def _level_db(pcm: F32) -> npt.NDArray[np.float64]:
    frames = len(pcm) // HOP_SAMPLES
    half = HOP_SAMPLES // 2
    power = np.square(np.pad(pcm, (half, half)).astype(np.float64))[: frames * HOP_SAMPLES]
    return 10.0 * np.log10(power.reshape(frames, HOP_SAMPLES).mean(1) + 1e-12)


def _speech_frames(pcm: F32) -> tuple[int, int] | None:
    level = _level_db(pcm)
    if not len(level) or level.max() < -60.0:
        return None
    heard = np.flatnonzero(level > np.percentile(level, 95) - _HEARD_DB)
    return int(heard[0]), int(heard[-1])


def _pitch(f0: F32, begin: int, frames: int) -> tuple[F32, F32]:
    """Compute ln f0 and phase at the centres of frames, from frame `begin` of the untrimmed sound on."""
    curve = np.maximum(f0.astype(np.float64), 0.0)
    phase = np.cumsum(curve) * (_CELL_SAMPLES / SAMPLE_RATE_HZ)  # in turns, at the middle of each cell
    centres = (np.arange(len(curve)) + 0.5) * _CELL_SAMPLES - 0.5
    at = (begin + np.arange(frames)) * float(HOP_SAMPLES)
    turns = np.interp(at, centres, phase) % 1.0
    known = np.flatnonzero(curve > _LOWEST_HZ)
    if not len(known):
        return np.full(frames, np.log(100.0), np.float32), turns.astype(np.float32)
    # The phase grows by a cell's pitch from the middle of the cell before, so the pitch belongs there.
    ln_f0 = np.interp(at, centres[known] - 0.5 * _CELL_SAMPLES, np.log(curve[known]))
    return ln_f0.astype(np.float32), turns.astype(np.float32)


def _voiced(pcm: F32, ln_f0: F32) -> npt.NDArray[np.uint8]:
    """Mark frames with a sound below 1.5 kHz that repeats at the pitch's period and is not far below the loud
    frames."""
    frames = len(ln_f0)
    spectrum = np.fft.rfft(pcm)
    hz = np.linspace(0.0, SAMPLE_RATE_HZ / 2, len(spectrum))
    low = np.fft.irfft(spectrum * ((hz > 40.0) & (hz < _VOICE_TOP_HZ)), len(pcm)).astype(np.float32)
    period = np.round(SAMPLE_RATE_HZ * np.exp(-ln_f0)).astype(np.int64)
    reach = _CORRELATED_SAMPLES // 2 + 300
    padded = np.pad(low, reach)
    start = np.arange(frames) * HOP_SAMPLES + reach - _CORRELATED_SAMPLES // 2
    inside = np.arange(_CORRELATED_SAMPLES)
    one = padded[(start - period // 2)[:, None] + inside]
    other = padded[(start - period // 2 + period)[:, None] + inside]
    together = (one * other).sum(1) / np.sqrt((one**2).sum(1) * (other**2).sum(1) + 1e-9)
    level = _level_db(pcm)
    loud = level > np.percentile(level, 95) - _VOICED_DB
    voiced = (together > _VOICED_CORRELATION) & loud
    around = np.pad(voiced, 1, mode="edge").astype(np.int64)
    return ((around[:-2] + around[1:-1] + around[2:]) >= 2).astype(np.uint8)  # no single frames and gaps
