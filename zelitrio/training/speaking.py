"""Whole utterances spoken in one pass, to measure voices with: no engine, no windows, no streams."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from zelitrio.networks import PITCH_SCALE, SpeechStep
from zelitrio.text import Utterance
from zelitrio.voices import PhoneInputs, Voice, frame_positions, phone_inputs, whole_durations

MAX_LEAD_FRAMES = 4.0
MAX_TAIL_FRAMES = 8.0
_PAUSE_STRESS = 4
"""Stress tokens from here on are kinds of pause."""


def shaped_durations(inputs: PhoneInputs, ln_frames: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Predicted log durations to whole frames, with short silences at both ends.

    A phone has at least one frame; a pause of less than half a frame is none.
    """
    pauses = inputs.stresses >= _PAUSE_STRESS
    frames = np.exp(ln_frames.astype(np.float64))
    asked = np.isfinite(inputs.pauses_s)
    frames = np.where(asked, np.nan_to_num(inputs.pauses_s) * 100.0, frames)
    frames = np.where(pauses, np.where(frames < 0.5, 0.0, frames), np.maximum(frames, 1.0))
    frames[0] = min(frames[0], MAX_LEAD_FRAMES)
    frames[-1] = min(frames[-1], MAX_TAIL_FRAMES)
    return whole_durations(frames)


@torch.inference_mode()
def speak(voice: Voice, utterance: Utterance, *, noise_at: int = 0) -> npt.NDArray[np.float32]:
    """Speak one utterance with the predicted means of everything, float32 [samples] in [-1, 1]."""
    inputs = phone_inputs(utterance)
    acoustic = voice.model.acoustic
    mask = torch.ones(1, len(inputs), 1)
    hidden, prosody = acoustic.encode(
        torch.from_numpy(inputs.phones)[None],
        torch.from_numpy(inputs.stresses)[None],
        torch.from_numpy(inputs.features)[None],
        torch.tensor([voice.speaker]),
        mask,
    )
    durations = shaped_durations(inputs, prosody.duration[0, :, 0].numpy())
    pitch = prosody.pitch[..., 0] + PITCH_SCALE * torch.from_numpy(inputs.rises)
    rows = acoustic.rows(hidden, pitch, prosody.energy[..., 0], mask)
    index, positions = frame_positions(durations)
    ln_f0 = acoustic.get_buffer("speaker_ln_f0")[voice.speaker][None]
    step: SpeechStep = voice.model.speech_step()
    pcm = step.whole(
        rows[:, torch.from_numpy(index)],
        torch.from_numpy(positions)[None],
        ln_f0,
        torch.ones(1, len(index), 1),
        torch.tensor([noise_at]),
    )
    return pcm[0].numpy()
