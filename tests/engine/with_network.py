"""A model with a network of the test, to fail or to observe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import torch
from torch import Tensor

from zelitrio.networks import (
    ExpandingNetwork,
    Inputs,
    Network,
)
from zelitrio.networks.family import Field


@attrs.define(eq=False)
class Watched:
    """A network that calls a function of the test before each call."""

    network: Network
    before: Callable[[str, Inputs], None]

    @property
    def encode_fields(self) -> Mapping[str, Field]:
        return self.network.encode_fields

    def encode(self, inputs: Inputs) -> Tensor:
        self.before("encode", inputs)
        return self.network.encode(inputs)

    def expand(self, inputs: Inputs) -> Tensor:
        assert isinstance(self.network, ExpandingNetwork)
        self.before("expand", inputs)
        return self.network.expand(inputs)

    def speak(self, inputs: Inputs) -> Tensor:
        self.before("speak", inputs)
        return self.network.speak(inputs)


class WatchedModel:
    """A model with a watched network; a subclass can replace more of it.

    Args:
        model: the wrapped model.
        before: called before each call of the network, with the call's name and inputs.
    """

    def __init__(self, model: Any, before: Callable[[str, Inputs], None]) -> None:
        self._model, self._before = model, before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> Network:
        return Watched(self._model.load(device, dtype, slots), self._before)
