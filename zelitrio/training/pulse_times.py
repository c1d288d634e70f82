"""Find the times of a speaker's glottal pulses, and refine the measured pitch to match them.

Measured pitch gives the rate of glottal closures but not their times, and its integral drifts.  With pulses
at the speaker's times, the vocoder can learn the recording's phases, which are audible below 2 kHz.  With
pulses at random times it cannot.

The closures are visible in the residual of linear prediction (J. Makhoul, "Linear prediction: a tutorial
review", 1975).  Each frame's residual is analysed into harmonics of the measured pitch.  Each place in the
period gets a score for a pulse there: the agreement of the harmonics' phases.  Dynamic programming finds the
best path of places.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from zelitrio.training.features import HOP_SAMPLES, SAMPLE_RATE_HZ, continuous_ln_f0

Floats = npt.NDArray[np.float64]

_DOWN = 3  # to 8 kHz, which is enough; linear prediction is poor with an empty band
_HOP = HOP_SAMPLES // _DOWN
_HOP_S = HOP_SAMPLES / SAMPLE_RATE_HZ
_SPAN = 3 * _HOP
_ORDER = 10
_TOP_HZ = 3000.0
"""Harmonics above this are too noisy to locate a pulse."""
_PLACES = 96
_REACH = 6
"""Places by which the path may move in a frame: measured pitch is wrong by at most 6 Hz."""
_STIFFNESS = 0.6
"""Cost of the largest move; a perfect pulse has a score of 1."""


def pulse_times(pcm: npt.NDArray[np.float32], f0: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Refine the pitch of a recording, and find each frame's position between two pulses.

    Args:
        pcm: [frames * HOP_SAMPLES], of the polarity that `polarity` calls 1.
        f0: [frames] measured pitch in Hz, 0 where unvoiced.

    Returns:
        [frames, 2]: ln f0, and the share of a period (turns, in 0..1) since the last pulse at sample
        `frame * HOP_SAMPLES`.  Integrating the pitch, linear between frames, from one frame to the next gives
        the next frame's turns.
    """
    voiced = f0 > 0
    pitch = _bridged(f0)
    turns = _integral(pitch)
    path = _best_path(_scores(_harmonics(pcm, pitch, turns)), voiced)
    # Smooth with a Hann window over 70 ms: the path moves in steps, real pulses do not.
    window = np.hanning(9)[1:-1]
    path = np.convolve(np.pad(path, 3, mode="edge"), window / window.sum(), mode="valid")
    refined = pitch + np.gradient(path) / _HOP_S
    exact = _integral(refined)
    exact += np.mean((turns + path - exact)[voiced]) if voiced.any() else 0.0
    return np.column_stack((np.log(refined), exact % 1.0)).astype(np.float32)


def polarity(recordings: Iterable[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]) -> int:
    """Find a speaker's polarity: 1 if the recordings' pulses point upwards, -1 if they are inverted.

    Args:
        recordings: samples and pitch as for `pulse_times`; one minute is more than enough.
    """
    up = 0.0
    for pcm, f0 in recordings:
        pitch = _bridged(f0)
        scores = _scores(_harmonics(pcm, pitch, _integral(pitch)))[f0 > 0]
        up += float((scores.max(1, initial=0.0) + scores.min(1, initial=0.0)).sum())
    return 1 if up >= 0.0 else -1


def _bridged(f0: npt.NDArray[np.float32]) -> Floats:
    return np.exp(continuous_ln_f0(f0).astype(np.float64))


def _integral(f0: Floats) -> Floats:
    return np.concatenate(([0.0], np.cumsum((f0[:-1] + f0[1:]) * (0.5 * _HOP_S))))


def _harmonics(pcm: npt.NDArray[np.float32], f0: Floats, turns: Floats) -> npt.NDArray[np.complex128]:
    """Compute the residual's harmonics around each frame, [frames, n].

    Phases are relative to the pitch's integral.
    """
    frames = len(f0)
    low = np.fft.irfft(np.fft.rfft(pcm)[: len(pcm) // (2 * _DOWN) + 1], len(pcm) // _DOWN)
    early = _SPAN // 2 + _ORDER
    pieces = np.lib.stride_tricks.sliding_window_view(np.pad(low, (early, _SPAN)), _ORDER + _SPAN)
    residual = _residual(pieces[: frames * _HOP : _HOP])
    fine = np.interp(np.arange(-_SPAN, frames * _HOP + _SPAN) / _HOP, np.arange(frames), turns)
    times = np.lib.stride_tricks.sliding_window_view(fine, _SPAN)[_SPAN // 2 :: _HOP][:frames]
    turn = np.exp(-2j * np.pi * times)
    found = np.zeros((frames, int(_TOP_HZ / f0.min())), complex)
    for index in range(found.shape[1]):
        residual = residual * turn
        found[:, index] = np.where((index + 1) * f0 < _TOP_HZ, residual.sum(1), 0.0)
    return found


def _residual(pieces: Floats) -> npt.NDArray[np.complex128]:
    """Compute the windowed residual of linear prediction, [frames, span].

    Args:
        pieces: samples [frames, order + span].
    """
    window = np.hanning(_SPAN + 1)[:-1]
    raised = pieces.copy()
    raised[:, 1:] -= 0.9 * pieces[:, :-1]
    power = np.abs(np.fft.rfft(raised[:, _ORDER:] * window, 512)) ** 2
    lags = np.fft.irfft(power)[:, : _ORDER + 1]
    lags[:, 0] = lags[:, 0] * 1.0001 + 1e-9
    apart = np.abs(np.subtract.outer(np.arange(_ORDER), np.arange(_ORDER)))
    taps = np.linalg.solve(lags[:, apart], lags[:, 1:, None])[..., 0]
    left = raised[:, _ORDER:].copy()
    for back in range(1, _ORDER + 1):
        left -= taps[:, back - 1, None] * raised[:, _ORDER - back : _ORDER - back + _SPAN]
    return (left * window).astype(complex)


def _scores(harmonics: npt.NDArray[np.complex128]) -> Floats:
    """Score each place in the period by how well the harmonics agree with a pulse there.

    Returns:
        [frames, places], each in -1..1.
    """
    size = np.sqrt(np.abs(harmonics))  # otherwise the strongest would decide alone
    evened = harmonics / np.maximum(size, 1e-12)
    places = np.arange(_PLACES) / _PLACES
    turn = np.exp(-2j * np.pi * np.arange(1, harmonics.shape[1] + 1)[:, None] * places)
    return np.asarray((evened @ turn).real / np.maximum(size.sum(1, keepdims=True), 1e-12))


def _best_path(scores: Floats, voiced: npt.NDArray[np.bool_]) -> Floats:
    """Find each frame's shift from the pitch's integral to the pulses, in turns, by Viterbi's search."""
    moves = np.arange(-_REACH, _REACH + 1)
    cost = _STIFFNESS * (moves / _REACH) ** 2
    every = np.arange(_PLACES)
    came_from = (every - moves[:, None]) % _PLACES  # [moves, places]
    best = np.zeros(_PLACES)
    chosen = np.zeros(scores.shape, np.int64)
    for frame, score in enumerate(np.where(voiced[:, None], scores, 0.0)):
        options = best[came_from] - cost[:, None]
        chosen[frame] = options.argmax(0)
        best = options[chosen[frame], every] + score
    place = int(best.argmax())
    path = np.zeros(len(scores))
    for frame in range(len(scores) - 1, -1, -1):
        path[frame] = place  # not wrapped: whole periods count
        place -= int(moves[chosen[frame, place % _PLACES]])
    return path / _PLACES
