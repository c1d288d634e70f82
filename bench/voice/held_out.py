"""Recordings of a speaker that training did not use, and a voice saying the same words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
import torch

from bench.voice.cepstra import cepstra, distance_db, is_active, log_spectral_distance_db, warp
from bench.voice.edges import trimmed
from bench.voice.pitch import ln_f0, semitones
from bench.voice.spoken import RATE_HZ, SEED, Pcm, Spoken
from zelitrio.audio import decode_file
from zelitrio.networks import normalise_mel
from zelitrio.text import Utterance, load_front_end
from zelitrio.training import (
    HOP_SAMPLES,
    AlignedUtterance,
    Speaker,
    continuous_ln_f0,
    levelled,
    log_mel,
    measure_f0,
    noise_of,
    read_alignments,
    read_recordings,
    without_noise,
)
from zelitrio.voices import Voice, phone_inputs, zeli_model

FRAME_MS = 10
FEWEST_VOICED = 20
"""Contours are compared only if both have this many voiced frames."""


@attrs.frozen(eq=False)
class Recording:
    """A held-out recording, at the level of the training data."""

    name: str
    text: str
    pcm: Pcm
    quiet: Pcm
    """Without the noise of the room, as in training."""

    @property
    def spoken(self) -> Spoken:
        """The recording as a `Spoken`."""
        return self.said(self.pcm)

    def said(self, pcm: Pcm) -> Spoken:
        """These samples with the recording's words."""
        return Spoken(tuple(word.spoken for word in load_front_end().utterance(self.text).words), pcm)


def held_out(corpus: Path, speaker: Speaker, limit: int) -> list[Recording]:
    """One take of each held-out prompt."""
    found: dict[str, tuple[str, Pcm]] = {}
    for recording in read_recordings(corpus / speaker.name):
        if recording.held_out and recording.text not in found and len(found) < limit:
            pcm = levelled(decode_file(recording.path, RATE_HZ))
            whole = pcm[: len(pcm) // HOP_SAMPLES * HOP_SAMPLES]
            found[recording.text] = recording.path.stem, whole
    if not found:
        return []
    mels = [log_mel(torch.from_numpy(pcm)[None])[0].T.numpy() for _, pcm in found.values()]
    noise = noise_of(np.concatenate(mels))
    return [
        Recording(name, text, pcm, without_noise(pcm, noise, speaker.noise_cut))
        for text, (name, pcm) in found.items()
    ]


@torch.inference_mode()
def copy_synthesis(voice: Voice, pcm: Pcm, speaker: Speaker) -> Pcm:
    """Resynthesise a recording from its frames and pitch: [frames * HOP_SAMPLES] samples.

    Pulses do not coincide with those of the recording, as in normal use.
    """
    f0 = measure_f0(pcm, speaker)
    made = zeli_model(voice).vocoder(
        normalise_mel(log_mel(torch.from_numpy(pcm)[None]).transpose(1, 2)),
        torch.from_numpy(continuous_ln_f0(f0))[None],
        torch.from_numpy((f0 > 0).astype(np.float32))[None],
        torch.ones(1, len(f0), 1),
        torch.tensor([SEED]),
    )
    return np.asarray(made[0].clamp(-1.0, 1.0), np.float32)


def beside(natural: Pcm, said: Pcm, speaker: Speaker) -> dict[str, float]:
    """Compare a recording with another reading of the same words.

    `mcd_db`: see `bench.voice.cepstra`.  `length_ln`: ln of the ratio of lengths, without silence at the
    ends.  `pitch_r`, `pitch_rms_st`: correlation of ln f0, and its root mean square difference in semitones
    around the mean, over the warped frames that are voiced in both; nan if those are few.
    """
    one, other = trimmed(natural), trimmed(said)
    features, others = cepstra(one, speaker.band_hz), cepstra(other, speaker.band_hz)
    path = warp(features, others)
    found = {
        "mcd_db": distance_db(features, others, path, is_active(one)),
        "length_ln": float(np.log(len(other) / len(one))),
    }
    contours = ln_f0(one, speaker)[path[:, 0]], ln_f0(other, speaker)[path[:, 1]]
    both = ~np.isnan(contours[0]) & ~np.isnan(contours[1])
    if both.sum() < FEWEST_VOICED:
        return {**found, "pitch_r": float("nan"), "pitch_rms_st": float("nan")}
    a, b = (contour[both] - contour[both].mean() for contour in contours)
    correlation = float((a * b).mean() / (a.std() * b.std() + 1e-9))
    return {**found, "pitch_r": correlation, "pitch_rms_st": semitones(float(np.sqrt(((a - b) ** 2).mean())))}


def copied(natural: Pcm, copy: Pcm, speaker: Speaker) -> dict[str, float]:
    """Compare a recording with its copy synthesis."""
    return {"lsd_db": log_spectral_distance_db(natural, copy, speaker.band_hz)}


def phone_frames(voice: Voice, utterance: Utterance) -> npt.NDArray[np.float64]:
    """Frames that the voice's acoustic model gives each phone of an utterance, pauses left out."""
    inputs = phone_inputs(utterance)
    with torch.inference_mode():
        _, prosody = zeli_model(voice).acoustic.encode(
            torch.from_numpy(inputs.phones)[None],
            torch.from_numpy(inputs.stresses)[None],
            torch.from_numpy(inputs.features)[None],
            torch.tensor([voice.speaker]),
            torch.ones(1, len(inputs), 1),
        )
    frames: npt.NDArray[np.float64] = np.exp(prosody.duration[0, :, 0].double().numpy())
    return frames[inputs.words >= 0]


def phone_durations(
    voice: Voice, speaker: Speaker, recordings: list[Recording], work: Path
) -> Mapping[str, float]:
    """Compare predicted durations of phones with the alignment: mean absolute error in ms, r of the logs."""
    names = {recording.name for recording in recordings}
    aligned = [item for item in read_alignments(work, speaker.name) if item.name in names]
    if not aligned:
        return {}
    measured = np.concatenate([_measured_frames(item) for item in aligned])
    said = np.concatenate([phone_frames(voice, item.utterance) for item in aligned])
    return {
        "phones": len(said),
        "phone_ms": round(FRAME_MS * float(np.abs(said - measured).mean()), 1),
        "phone_bias_ms": round(FRAME_MS * float((said - measured).mean()), 1),
        "phone_r": round(float(np.corrcoef(np.log(said), np.log(measured))[0, 1]), 3),
    }


def _measured_frames(item: AlignedUtterance) -> npt.NDArray[np.float64]:
    return (
        np.concatenate([np.diff([*word.starts, word.end]) for word in item.words]).clip(1).astype(np.float64)
    )
