"""Last step: write the averaged weights of both runs as a voice folder in half precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import torch
from torch import nn

from zelitrio.errors import LocalError
from zelitrio.training.loop import load_checkpoint
from zelitrio.training.run_networks import acoustic_of, acoustic_sizes, vocoder_of, vocoder_sizes
from zelitrio.voices import Voice, ZeliModel, save_folder, zeli_model


@attrs.frozen(kw_only=True)
class Casting:
    """The description of a voice made from one of the model's speakers."""

    voice_id: str
    name: str
    speaker: str
    description: str
    labels: Mapping[str, str]
    fade_ms: int = 0


JITTER_CENTS = 23
"""With this, pitch deviates from its mean over 150 ms as much as the readers': by 1.8 and 2.0 % in the voices
of bdl and kathleen, by 1.7 and 2.1 % in their recordings.  DNSMOS OVRL of bdl's voice rose by 0.03."""
_CLARITY_MELS = 9
"""Neighbouring bands, about a formant's width; a band is moved away from their mean."""


def assemble(
    acoustic_checkpoint: Path,
    vocoder_checkpoint: Path,
    castings: Sequence[Casting],
    *,
    melody: float = 1.0,
    clarity: float = 0.0,
    jitter_cents: int = JITTER_CENTS,
) -> tuple[Voice, ...]:
    """Make voices from the averaged weights of two runs, in float32.

    Args:
        acoustic_checkpoint, vocoder_checkpoint: checkpoints of the two runs.
        castings: the speakers that become voices.
        melody: factor of the predicted pitch's distance from the speaker's mean.
        clarity: added share of each mel band's predicted distance from the mean of its neighbours.
        jitter_cents: random deviation of the pitch from frame to frame.

    Raises:
        LocalError: a checkpoint is missing, or the model lacks a casting's speaker.
    """
    sounding, shaping = load_checkpoint(acoustic_checkpoint), load_checkpoint(vocoder_checkpoint)
    for path, state in ((acoustic_checkpoint, sounding), (vocoder_checkpoint, shaping)):
        if state is None:
            raise LocalError(f"{path}: expected a checkpoint, found no file")
    assert sounding is not None and shaping is not None
    acoustic = acoustic_of(acoustic_sizes(sounding))
    acoustic.load_state_dict(sounding["averaged"])
    pitch = acoustic.pitch.out
    for parameter in (pitch.weight, pitch.bias):
        parameter.data[0] *= melody  # the first output is the mean, the second its spread
    _set_off(acoustic.out, acoustic.config.mels, clarity)
    vocoder = vocoder_of(attrs.evolve(vocoder_sizes(shaping), jitter_cents=jitter_cents))
    vocoder.load_state_dict(shaping["averaged"])
    model = ZeliModel(acoustic=acoustic.eval(), vocoder=vocoder.eval())
    speakers: list[str] = sounding["speakers"]
    voices = []
    for casting in castings:
        if casting.speaker not in speakers:
            raise LocalError(f"{casting.voice_id}: expected one of {speakers}, found {casting.speaker!r}")
        voices.append(
            Voice(
                voice_id=casting.voice_id,
                name=casting.name,
                description=casting.description,
                labels=casting.labels,
                model=model,
                speaker=speakers.index(casting.speaker),
                fade_ms=casting.fade_ms,
            )
        )
    return tuple(voices)


def export(folder: Path, voices: Sequence[Voice]) -> int:
    """Write voices of one model to `folder` in float16.  Returns the size of the weights in bytes."""
    save_folder(folder, zeli_model(voices[0]), voices, dtype=torch.float16)
    return (folder / "weights.safetensors").stat().st_size


def _set_off(out: nn.Linear, mels: int, share: float) -> None:
    """Change a layer's weights so that each band moves away from the mean of its neighbours by `share`."""
    half = _CLARITY_MELS // 2
    around = torch.zeros(mels, mels)
    for band in range(mels):
        for other in range(band - half, band + half + 1):
            around[band, min(max(other, 0), mels - 1)] += 1 / _CLARITY_MELS
    mixed = torch.eye(mels) * (1.0 + share) - share * around
    for parameter in (out.weight, out.bias):
        parameter.data[:mels] = mixed @ parameter.data[:mels]
