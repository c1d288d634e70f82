"""Fine-tuning's beginning: a built-in model's weights as checkpoints, with one speaker left.

The speaker is the built-in one whose frames fit the new recordings best; its row becomes theirs.  With the
new recordings alone to learn from, the others would only be forgotten.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import torch

from zelitrio.training.acoustic_data import AcousticData, collate
from zelitrio.training.acoustic_training import forward, losses_of
from zelitrio.training.loop import save_checkpoint, step_generator
from zelitrio.voices import Model

_LOOKED_AT = 16
"""Recordings that choose the speaker."""


def nearest_speaker(model: Model, data: AcousticData) -> int:
    """The number of the model's speaker who says the recordings most like they were said.

    Pitch is told relative to the speaker, so that what is compared is timbre; each speaker's distance in
    mean pitch counts beside it.
    """
    pool = data.train[0][:_LOOKED_AT]
    items = [example.item(0, len(example.aligned.words), data.ln_f0[0]) for example in pool]
    speakers = model.acoustic.config.speakers
    distances = []
    for speaker in range(speakers):
        batch = collate([attrs.evolve(item, speaker=speaker) for item in items], 2_000, step_generator(0, 0))
        with torch.no_grad():
            mel = losses_of(forward(model.acoustic, batch, batch.pitch, batch.energy), batch)["mel"]
        apart = abs(float(model.acoustic.get_buffer("speaker_ln_f0")[speaker]) - data.ln_f0[0])
        distances.append(float(mel) + 0.5 * apart)
    return distances.index(min(distances))


def begin_from(model: Model, speaker: int, name: str, folder: Path) -> tuple[Path, Path]:
    """Write `acoustic.pt` and `vocoder.pt`, from which runs of one speaker of that name can start."""
    state = model.acoustic.state_dict()
    for key in ("speaker.weight", "speaker_ln_f0"):
        state[key] = state[key][speaker : speaker + 1].clone()
    config: dict[str, Any] = attrs.asdict(attrs.evolve(model.acoustic.config, speakers=1))
    acoustic, vocoder = folder / "acoustic.pt", folder / "vocoder.pt"
    save_checkpoint(acoustic, {"config": config, "speakers": [name], "step": 0, "averaged": state})
    sizes = attrs.asdict(model.vocoder.config)
    save_checkpoint(vocoder, {"config": sizes, "step": 0, "averaged": model.vocoder.state_dict()})
    return acoustic, vocoder
