"""First step: compute features of recordings, packed per speaker.

Each recording is decoded and brought to a common level; its pitch is measured, noise removed, polarity
corrected, and the times of its pulses found.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from zelitrio.audio import decode_file
from zelitrio.training.corpus import Recording, Speaker
from zelitrio.training.denoise import noise_of, without_noise
from zelitrio.training.features import HOP_SAMPLES, SAMPLE_RATE_HZ, log_mel, measure_f0
from zelitrio.training.pulse_times import polarity, pulse_times
from zelitrio.training.shards import Entry, is_whole, write_shard

ACTIVE_RMS = 0.075
"""RMS level of the speech without pauses, to which recordings are scaled; peaks then stay under 0.9."""
MAX_PEAK = 0.95
MIN_S, MAX_S = 0.5, 30.0
_POLARITY_FROM = 20
"""Number of recordings from which the microphone's polarity is found."""

Pcm = npt.NDArray[np.float32]
MeasurePitch = Callable[[Pcm, Speaker], Pcm]


def active_rms(pcm: Pcm) -> float:
    """Root mean square over the 20 ms blocks within 30 dB of the loudest, so without pauses."""
    block = SAMPLE_RATE_HZ // 50
    power = np.mean(np.square(pcm[: len(pcm) // block * block].reshape(-1, block), dtype=np.float64), axis=1)
    if not len(power) or power.max() <= 0.0:
        return 0.0
    return float(np.sqrt(np.mean(power[power > power.max() * 1e-3])))


def levelled(pcm: Pcm) -> Pcm:
    """Scale an utterance to the common level, less if a peak would come near full scale."""
    rms = active_rms(pcm)
    if rms == 0.0:
        return pcm
    gain = min(ACTIVE_RMS / rms, MAX_PEAK / float(np.abs(pcm).max()))
    return (pcm * gain).astype(np.float32)


def prepare_recordings(
    recordings: Sequence[Recording],
    work: Path,
    speaker: Speaker,
    *,
    held_out: Collection[str] | None = None,
    measure: MeasurePitch = measure_f0,
    prepared: Callable[[int, int], None] = lambda done, of: None,
    report: Callable[[str], None] = print,
) -> None:
    """Measure recordings of one speaker and write `work/features/<speaker>`, unless it exists.

    A recording that is silent, too short or too long is left out and reported.

    Args:
        recordings: all recordings of the speaker.
        work: the work folder.
        speaker: facts that are stored with the features.
        held_out: names of recordings to hold out for measurements; None: see `Recording.held_out`.
        measure: measures the pitch of each frame.
        prepared: called after each recording with the number done and the total.
        report: called with a line for each recording that is left out, and with one at the end.

    Raises:
        LocalError: a recording cannot be read.
    """
    folder = work / "features" / speaker.name
    if is_whole(folder):
        return
    started_s = time.monotonic()
    entries: list[Entry] = []
    pcms: list[npt.NDArray[np.int16]] = []
    mels: list[npt.NDArray[np.float16]] = []
    f0s: list[npt.NDArray[np.float32]] = []
    total_frames = 0
    for number, recording in enumerate(recordings, 1):
        pcm = levelled(decode_file(recording.path, SAMPLE_RATE_HZ))
        frames = len(pcm) // HOP_SAMPLES
        seconds = len(pcm) / SAMPLE_RATE_HZ
        if not MIN_S <= seconds <= MAX_S or not pcm.any():
            report(f"{recording.path.name}: left out: {seconds:.1f} s, peak {np.abs(pcm).max(initial=0):.3f}")
            continue
        pcm = pcm[: frames * HOP_SAMPLES]
        sound, mel = _as_kept(pcm)
        pcms.append(sound)
        mels.append(mel)
        f0s.append(measure(pcm, speaker))
        held = recording.held_out if held_out is None else recording.name in held_out
        entries.append(Entry(recording.name, recording.text, total_frames, frames, held))
        total_frames += frames
        prepared(number, len(recordings))
    if speaker.noise_cut:
        noise = noise_of(np.concatenate(mels))
        for number, sound in enumerate(pcms):
            quiet = without_noise(_floats(sound), noise, speaker.noise_cut)
            pcms[number], mels[number] = _as_kept(quiet)
    some = zip(pcms[:_POLARITY_FROM], f0s[:_POLARITY_FROM], strict=True)
    up = np.int16(polarity((_floats(sound), f0) for sound, f0 in some))
    pcms = [sound * up for sound in pcms]
    pulses = [pulse_times(_floats(sound), f0) for sound, f0 in zip(pcms, f0s, strict=True)]
    write_shard(folder, entries, pcms, mels, f0s, pulses, speaker)
    minutes = total_frames / 6000
    report(
        f"{speaker.name}: {len(entries)} recordings, {minutes:.1f} min, {time.monotonic() - started_s:.0f} s"
    )


def _floats(sound: npt.NDArray[np.int16]) -> Pcm:
    return sound.astype(np.float32) / np.float32(32768)


def _as_kept(pcm: Pcm) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float16]]:
    """Convert samples to a shard's sample format, and compute their mel frames."""
    with torch.no_grad():
        mel = log_mel(torch.from_numpy(pcm)[None])[0].T.numpy()
    return np.round(pcm.clip(-1.0, 1.0) * 32767.0).astype(np.int16), mel.astype(np.float16)
