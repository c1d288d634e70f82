"""Piper's flow: from the latent that the text predicts to the decoder's latent."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zelitrio.networks.piper.config import PiperConfig
from zelitrio.networks.piper.layers import TimeConv, masked


class GatedLayers(nn.Module):
    """Gated convolutions with residual and skip connections (WaveNet)."""

    def __init__(self, config: PiperConfig) -> None:
        super().__init__()
        width, layers, kernel = config.hidden, config.coupling_layers, config.coupling_kernel
        self._width = width
        self.in_layers = nn.ModuleList(TimeConv(width, 2 * width, kernel) for _ in range(layers))
        self.res_skip_layers = nn.ModuleList(
            TimeConv(width, width if layer == layers - 1 else 2 * width) for layer in range(layers)
        )
        self.cond_layer = TimeConv(config.speaker_width, 2 * width * layers) if config.speaker_width else None

    def forward(self, x: Tensor, speaker: Tensor | None, mask: Tensor | None) -> Tensor:
        """`x` [batch, frames, hidden]."""
        added: list[Tensor] | None = None
        if self.cond_layer is not None and speaker is not None:
            added = list(self.cond_layer(speaker).split(2 * self._width, -1))
        total: Tensor | None = None
        for layer, (into, out) in enumerate(zip(self.in_layers, self.res_skip_layers, strict=True)):
            gates = into(x)
            if added is not None:
                gates = gates + added[layer]
            value, gate = gates.split(self._width, -1)
            parts = out(torch.tanh(value) * torch.sigmoid(gate))
            if layer < len(self.in_layers) - 1:
                rest, parts = parts.split(self._width, -1)
                x = masked(x + rest, mask)
            total = parts if total is None else total + parts
        assert total is not None
        return masked(total, mask)


class Coupling(nn.Module):
    """A coupling layer: one half of the channels is shifted by a function of the other half."""

    def __init__(self, config: PiperConfig) -> None:
        super().__init__()
        half = config.latent // 2
        self.pre = TimeConv(half, config.hidden)
        self.enc = GatedLayers(config)
        self.post = TimeConv(config.hidden, half)

    def forward(self, z: Tensor, speaker: Tensor | None, mask: Tensor | None) -> Tensor:
        """The inverse: `z` [batch, frames, latent]."""
        kept, shifted = z.chunk(2, -1)
        shift = self.post(self.enc(masked(self.pre(kept), mask), speaker, mask))
        return torch.cat((kept, masked(shifted - shift, mask)), -1)


class Flow(nn.Module):
    """The inverse of all coupling layers."""

    def __init__(self, config: PiperConfig) -> None:
        super().__init__()
        self._order = [str(2 * at) for at in reversed(range(config.couplings))]
        self.flows = nn.ModuleDict({name: Coupling(config) for name in sorted(self._order)})

    @property
    def couplings(self) -> list[nn.Module]:
        """The couplings in the order in which they are undone; each takes its input flipped."""
        return [self.flows[name] for name in self._order]

    def forward(self, z: Tensor, speaker: Tensor | None, mask: Tensor | None) -> Tensor:
        """The text's latent `z` [batch, frames, latent] to the decoder's latent."""
        for coupling in self.couplings:
            z = coupling(z.flip(-1), speaker, mask)
        return z
