"""Writes the weights of a run to a voice folder, with the voices of the folder with which the run started."""

from __future__ import annotations

from pathlib import Path

import attrs
import orjson
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from zelitrio.networks import FineVocoder, FineVocoderConfig, PitchedAcousticConfig, PitchedAcousticModel
from zelitrio.voices import ZeliModel, load_folder, save_folder, zeli_model


def export(start: Path, run: Path, out: Path) -> None:
    """Write a voice folder; blocks on the disk.

    Args:
        start: the voice folder with which the run started; gives the voices, and a network that `run` lacks.
        run: the run's `out`, with `vocoder.safetensors`, `acoustic.safetensors` or both.
        out: the folder to write; its model card does not change.
    """
    voices = load_folder(start)
    before = zeli_model(voices[0])
    acoustic, vocoder = before.acoustic, before.vocoder
    if (run / "acoustic.safetensors").is_file():
        facts = _config(run / "acoustic.safetensors")
        acoustic = PitchedAcousticModel(PitchedAcousticConfig(**facts))
        _load(acoustic, run / "acoustic.safetensors")
    if (run / "vocoder.safetensors").is_file():
        vocoder = FineVocoder(FineVocoderConfig(**_config(run / "vocoder.safetensors")))
        _load(vocoder, run / "vocoder.safetensors")
    model = ZeliModel(acoustic=acoustic.eval(), vocoder=vocoder.eval())
    save_folder(out, model, [attrs.evolve(voice, model=model) for voice in voices])


def _config(path: Path) -> dict[str, int]:
    with safe_open(path, "pt") as file:
        found: dict[str, int] = orjson.loads(file.metadata()["config"])
    return found


def _load(network: nn.Module, path: Path) -> None:
    network.load_state_dict({name: part.float() for name, part in load_file(path).items()})
