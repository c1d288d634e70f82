"""Predicts frames with the acoustic model, for the last phase of the vocoder's training.

Predicted mel frames are smoother than measured ones, and a vocoder trained without them buzzes.  Every
aligned recording is decoded with its own durations, pitch and energy, so that predicted frames have the times
of the recorded sound ("ground-truth aligned").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from zelitrio.errors import LocalError
from zelitrio.networks import AcousticConfig, AcousticModel, denormalise_mel
from zelitrio.training.acoustic_data import AcousticData, Example, collate, tokens_and_durations
from zelitrio.training.acoustic_training import forward
from zelitrio.training.loop import load_checkpoint, on_device, step_generator
from zelitrio.training.shards import GUIDED
from zelitrio.training.whole_file import whole_file


@torch.no_grad()
def guide(
    work: Path,
    checkpoint: Path,
    speakers: Sequence[str],
    *,
    device: str = "cpu",
    report: Callable[[str], None] = print,
) -> None:
    """Write `guided.npy` into each speaker's shard.

    Raises:
        LocalError: there is no checkpoint.
    """
    state = load_checkpoint(checkpoint)
    if state is None:
        raise LocalError(f"{checkpoint}: expected a checkpoint, found no file")
    model = AcousticModel(AcousticConfig(**state["config"])).eval().to(device)
    model.load_state_dict(state["averaged"])
    data = AcousticData(work, speakers, report=lambda line: None)
    for number, name in enumerate(speakers):
        examples = data.train[number]
        if not examples:
            continue
        guided = np.full(examples[0].shard.mel.shape, np.nan, np.float16)
        for start in range(0, len(examples), 8):
            group = examples[start : start + 8]
            for example, mel in zip(group, _predict(model, group, data.ln_f0[number]), strict=True):
                begin = example.entry.first_frame + _first_frame(example)
                guided[begin : begin + len(mel)] = mel
        with whole_file(work / "features" / name / GUIDED) as path, path.open("wb") as file:
            np.save(file, guided)
        report(f"{name}: {len(examples)} recordings guided")


def _first_frame(example: Example) -> int:
    return tokens_and_durations(example, 0, len(example.aligned.words))[1]


def _predict(
    model: AcousticModel, examples: Sequence[Example], ln_f0: float
) -> list[npt.NDArray[np.float32]]:
    items = [example.item(0, len(example.aligned.words), ln_f0) for example in examples]
    device = next(model.parameters()).device
    batch = on_device(collate(items, max(len(item.mel) for item in items), step_generator(0, 0)), device)
    mels = denormalise_mel(forward(model, batch, batch.pitch, batch.energy).mel).cpu().numpy()
    return [mel[: len(item.mel)] for mel, item in zip(mels, items, strict=True)]
