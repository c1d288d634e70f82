"""Voices of the public families with random weights: the cost of a step depends only on sizes.

The sizes are the published ones.  Durations are fixed: a phone lasts about 80 ms, as in speech.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from zelitrio.networks import Kokoro, KokoroConfig, PiperConfig, Vits
from zelitrio.voices import Voice, load_folder
from zelitrio.voices.english_symbols import PIPER
from zelitrio.voices.kokoro import KokoroModel, KokoroSpeaker
from zelitrio.voices.piper import PiperModel

_PIPER_FRAMES = 1.9
"""Frames of a token, before rounding up.  A phone is 3.3 tokens, and a frame 11.6 ms."""
_KOKORO_FRAMES = 2.0
"""Frames of a token.  A phone is 1.6 tokens, and a frame 25 ms."""
_F0_HZ, _STYLE_ROWS = 140.0, 510
_MARKS = "^_$ ,.?!:;ˈˌː"


def made_piper(folder: Path, seed: int, config: PiperConfig | None = None) -> Voice:
    """A Piper voice of medium quality, with the sizes of `en_US-joe-medium`."""
    config = config or PiperConfig()
    torch.manual_seed(seed)
    network = Vits(config).requires_grad_(False)
    _draw(network)
    for name, parameter in network.named_parameters():
        if name.startswith("dp.") and name.endswith("proj.weight"):
            parameter.zero_()  # durations must not depend on the text
        if name == "dp.flows.0.m":
            parameter.fill_(-math.log(_PIPER_FRAMES))
    path = folder / "piper.safetensors"
    _save(network, path)
    letters = sorted({*_MARKS, *_letters()})
    symbols = {letter: (at,) for at, letter in enumerate(letters)}
    model = PiperModel(weights=path, config=config, symbols=symbols, is_lazy=False)
    return Voice(voice_id="piper", name="piper", model=model)


def made_kokoro(folder: Path, seed: int, config: KokoroConfig | None = None) -> Voice:
    """A Kokoro voice with the sizes of version 1.0."""
    config = config or KokoroConfig()
    torch.manual_seed(seed)
    network = Kokoro(config).requires_grad_(False)
    predictor = network.predictor
    predictor.duration_proj.weight.zero_()
    share = _KOKORO_FRAMES / config.most_frames
    predictor.duration_proj.bias.fill_(math.log(share / (1 - share)))
    predictor.F0_proj.bias = nn.Parameter(torch.full((1,), _F0_HZ), requires_grad=False)
    path = folder / "kokoro.safetensors"
    _save(network, path)
    styles = np.random.default_rng(seed).standard_normal((_STYLE_ROWS, 2 * config.style), np.float32)
    model = KokoroModel(weights=path, config=config, is_lazy=False)
    return Voice(
        voice_id="kokoro",
        name="kokoro",
        model=model,
        speaker=KokoroSpeaker(number=0, styles=styles * np.float32(0.25)),
    )


def real_voice(folder: Path) -> Voice:
    """The first voice of a converted folder, loaded when the engine opens."""
    return load_folder(folder, is_lazy=False)[0]


def _draw(network: nn.Module) -> None:
    for parameter in network.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.7 / max(1, parameter[0].numel()) ** 0.5)


def _save(network: nn.Module, path: Path) -> None:
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)


def _letters() -> str:
    parts = [*PIPER.vowels.values(), *PIPER.consonants.values(), *PIPER.words.values()]
    return "".join((*parts, PIPER.flap, PIPER.reduced, PIPER.syllabic))
