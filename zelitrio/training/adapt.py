"""Compare a trained model with new recordings, and write its weights as the start of fine-tuning.

The new speaker starts with the embedding of the model's nearest speaker.  The other embeddings are left out,
because training on one speaker would spoil them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import numpy as np
import torch

from zelitrio.training.acoustic_data import AcousticData, Example, collate
from zelitrio.training.acoustic_training import forward, losses_of
from zelitrio.training.loop import save_checkpoint, step_generator
from zelitrio.training.losses import PHASE_FFTS, phase_distance
from zelitrio.training.run_networks import steady, stored_sizes
from zelitrio.training.vocoder_data import VocoderData, judged
from zelitrio.training.vocoder_training import make
from zelitrio.voices import ZeliModel

_LOOKED_AT = 16
"""Recordings compared to find the nearest speaker."""
_PLACES, _CROPS = 24, 6
"""Tried places of the pulses in the period, and crops for each place."""
MISFIT = 1.3
"""A recording at this multiple of the median distance from its text has another text.

For 53 recordings with their own texts, the ratio was below 1.15.  Of 24 with the text of another recording,
14 could not be aligned, and the ratio of the others was at least 1.9.
"""


def nearest_speaker(model: ZeliModel, data: AcousticData) -> int:
    """Return the number of the model's speaker that is nearest to the recordings.

    It compares timbre, with pitch relative to the speaker, and adds the distance of the mean pitches.
    """
    pool = data.train[0][:_LOOKED_AT]
    distances = []
    for speaker in range(model.acoustic.config.speakers):
        apart = abs(float(model.acoustic.get_buffer("speaker_ln_f0")[speaker]) - data.ln_f0[0])
        distances.append(_mel_distance(model, speaker, data, pool) + 0.5 * apart)
    return distances.index(min(distances))


def misfits(
    model: ZeliModel, speaker: int, data: AcousticData, looked_at: Callable[[int], None]
) -> list[tuple[str, float]]:
    """Find aligned recordings that do not say their text.

    The model speaks each text with the recording's own timing and pitch, and the two are compared.

    Args:
        model, speaker: the model, and the number of its speaker.
        data: recordings of one speaker.
        looked_at: called with the number of compared recordings.

    Returns:
        For each such recording, its name and its distance from the text divided by the median distance.
    """
    examples = [*data.train[0], *data.held[0]]
    distances = []
    for number, example in enumerate(examples, 1):
        distances.append(_mel_distance(model, speaker, data, [example]))
        looked_at(number)
    times = np.array(distances) / np.median(distances)
    return [(examples[at].entry.name, float(times[at])) for at in np.flatnonzero(times > MISFIT)]


def _mel_distance(model: ZeliModel, speaker: int, data: AcousticData, examples: Sequence[Example]) -> float:
    items = [
        attrs.evolve(example.item(0, len(example.aligned.words), data.ln_f0[0]), speaker=speaker)
        for example in examples
    ]
    batch = collate(items, 2_000, step_generator(0, 0))
    with torch.no_grad():
        outputs = forward(model.acoustic, batch, batch.pitch, batch.energy)
    return float(losses_of(outputs, batch)["mel"])


@torch.no_grad()
def turns_to_pulses(model: ZeliModel, work: Path) -> float:
    """Find the shift of the recordings' pulses, in periods (0..1), with which the vocoder imitates them best.

    The times of the pulses are estimated from the recordings.  A vocoder trained with exact times may expect
    them at another place in the period.
    """
    distances = []
    for step in range(_PLACES):
        batch = VocoderData(work, turned=step / _PLACES).batch(step_generator(0, 0), _CROPS)
        made = judged(make(model.vocoder, batch))
        distances.append(float(phase_distance(made, judged(batch.pcm), max(PHASE_FFTS))))
    return distances.index(min(distances)) / _PLACES


def begin_from(model: ZeliModel, speaker: int, name: str, folder: Path) -> tuple[Path, Path]:
    """Write `acoustic.pt` and `vocoder.pt`, from which runs of one speaker called `name` can start."""
    state = model.acoustic.state_dict()
    for key in ("speaker.weight", "speaker_ln_f0"):
        state[key] = state[key][speaker : speaker + 1].clone()
    sizes = stored_sizes(attrs.evolve(model.acoustic.config, speakers=1))
    acoustic, vocoder = folder / "acoustic.pt", folder / "vocoder.pt"
    save_checkpoint(acoustic, {**sizes, "speakers": [name], "step": 0, "averaged": state})
    # The recordings' pitch already varies from frame to frame.
    sizes = stored_sizes(steady(model.vocoder.config))
    save_checkpoint(vocoder, {**sizes, "step": 0, "averaged": model.vocoder.state_dict()})
    return acoustic, vocoder
