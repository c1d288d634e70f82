"""The real server over a device that computes nothing; `bench.free_device` starts it.

Everything but the networks' arithmetic is real: engine thread, scheduler, layout, sockets, encoders.  The
voice's model is a public `Model` with a network that returns ready results.  This file imports nothing of
`bench`, so that it also runs with another tree of the package.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Any

import attrs
import numpy as np
import torch
import trio
from torch import Tensor

from zelitrio.engine import Device, open_engine
from zelitrio.networks import Field, Inputs
from zelitrio.server import configure_logging, raise_descriptor_limit, serve, settle_garbage
from zelitrio.settings import EngineSettings, ServerSettings, SessionSettings
from zelitrio.text import load_front_end
from zelitrio.voices import Catalogue, load_builtin

VOICE_ID = "free"
TOKEN_S = 0.08
"""Length of a phone: the average of the built-in voices."""
NOISE_SEED = 7


@attrs.define(eq=False)
class FreeNetwork:
    """A network with ready results: every token has the same length, every window the same samples.

    Args:
        encode_fields: the fields of the network that it replaces.
        token_frames: frames of each token.
        hop_samples: samples of a frame.
    """

    encode_fields: Any
    token_frames: float
    hop_samples: int
    _encoded: dict[tuple[int, int], Tensor] = attrs.field(factory=dict, init=False)
    _spoken: dict[tuple[int, int], Tensor] = attrs.field(factory=dict, init=False)

    def encode(self, inputs: Inputs) -> Tensor:
        """See `Network.encode`."""
        phones = inputs["phones"]
        shape = (phones.shape[0], phones.shape[1])
        if shape not in self._encoded:
            ready = torch.zeros(shape[0], 2, shape[1])
            ready[:, 0] = self.token_frames
            self._encoded[shape] = ready
        return self._encoded[shape]

    def speak(self, inputs: Inputs) -> Tensor:
        """See `Network.speak`."""
        tokens = inputs["tokens"]
        shape = (tokens.shape[0], tokens.shape[1])
        if shape not in self._spoken:
            self._spoken[shape] = _sound(shape[0], shape[1] * self.hop_samples)
        return self._spoken[shape]


def _sound(rows: int, samples: int) -> Tensor:
    """A voiced sound with some noise.  Codecs take as long for it as for speech."""
    chance = np.random.default_rng(NOISE_SEED)
    at = np.arange(samples) / 24_000
    tone = sum(np.sin(2 * np.pi * 130 * k * at) / k for k in range(1, 20))
    pcm = 0.1 * tone + 0.01 * chance.standard_normal(samples)
    return torch.from_numpy(np.tile(pcm.astype(np.float32), (rows, 1)))


class FreeModel:
    """The built-in voice's model with a network that computes nothing."""

    def __init__(self, model: Any) -> None:
        self._model = model
        device = torch.device("cpu")
        self._fields: dict[str, Field] = dict(model.load(device, torch.float32, 1).encode_fields)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> FreeNetwork:
        """See `Model.load`."""
        facts = self._model.facts
        return FreeNetwork(self._fields, TOKEN_S / facts.hop_s, facts.hop_samples)


async def run(max_streams: int) -> None:
    """Serve until a signal comes."""
    voice = load_builtin().default
    free: Any = FreeModel(voice.model)
    catalogue = Catalogue([attrs.evolve(voice, voice_id=VOICE_ID, name=VOICE_ID, model=free)])
    device = Device(device=torch.device("cpu"), is_wide=True)
    engine_settings = EngineSettings(device="cpu", max_streams=max_streams)
    settings = ServerSettings(port=0, drain_s=0, max_connections=2 * max_streams)
    async with (
        open_engine(catalogue, engine_settings, device=device) as engine,
        trio.open_nursery() as nursery,
    ):
        serving = partial(serve, engine, load_front_end(), settings, SessionSettings(), handle_signals=True)
        urls = await nursery.start(serving)
        settle_garbage()  # as `zelitrio serve` does
        print(f"ready at {urls[0]}", flush=True)


if __name__ == "__main__":
    made = argparse.ArgumentParser()
    made.add_argument("--max-streams", type=int, default=1200)
    said = made.parse_args()
    configure_logging()
    raise_descriptor_limit()
    sys.setswitchinterval(0.0005)
    trio.run(run, said.max_streams)
