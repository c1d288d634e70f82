"""Speak whole utterances in one pass, without the engine, for measurements of voices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from zelitrio.networks import PITCH_SCALE, SpeechStep
from zelitrio.text import Utterance
from zelitrio.voices import Voice, frame_positions, phone_inputs, spoken_durations, zeli_model


def speak(voice: Voice, utterance: Utterance, *, noise_at: int = 0) -> npt.NDArray[np.float32]:
    """Speak one utterance with the means of all predictions; float32 [samples] in [-1, 1]."""
    return speak_timed(voice, utterance, noise_at=noise_at)[0]


@torch.inference_mode()
def speak_timed(
    voice: Voice, utterance: Utterance, *, noise_at: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """As `speak`; also returns the frames of each token of `phone_inputs`."""
    inputs = phone_inputs(utterance)
    acoustic = zeli_model(voice).acoustic
    mask = torch.ones(1, len(inputs), 1)
    hidden, prosody = acoustic.encode(
        torch.from_numpy(inputs.phones)[None],
        torch.from_numpy(inputs.stresses)[None],
        torch.from_numpy(inputs.features)[None],
        torch.tensor([voice.speaker]),
        mask,
    )
    durations = spoken_durations(inputs, prosody.duration[0, :, 0].exp().numpy())
    model = zeli_model(voice)
    pitch = prosody.pitch[..., 0] + PITCH_SCALE * model.rise_share * torch.from_numpy(inputs.rises)
    rows = acoustic.rows(hidden, pitch, prosody.energy[..., 0], mask)
    index, positions = frame_positions(durations)
    ln_f0 = acoustic.get_buffer("speaker_ln_f0")[voice.speaker][None, None]
    step: SpeechStep = zeli_model(voice).speech_step()
    pcm = step.whole(
        rows[:, torch.from_numpy(index)],
        torch.from_numpy(positions)[None],
        ln_f0,
        torch.ones(1, len(index), 1),
        torch.tensor([noise_at]),
    )
    return pcm[0].numpy(), durations
