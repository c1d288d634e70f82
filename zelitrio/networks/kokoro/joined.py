"""An LSTM's two directions in one call, for a GPU, where the steps of a recurrence take most of the time.

A GPU runs both directions of one call at once.  In a padded batch the backward direction begins in the
padding and would bring its state into the row.  So the input has a flag for padding.  Its weight closes every
input gate, and the state stays 0 until the row begins.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zelitrio.networks.kokoro.layers import BothWays, KokoroSpan

_FLAGS = 8
"""Columns for one flag, because products are slow if the width is not a multiple of 8."""
_CLOSED = -100.0
"""Its sigmoid is 4e-44."""


class JoinedWays(nn.Module):
    """The same as the given `BothWays`."""

    def __init__(self, ways: BothWays) -> None:
        super().__init__()
        width, hidden = ways.ahead.input_size, ways.ahead.hidden_size
        device = ways.ahead.weight_ih_l0.device
        lstm = nn.LSTM(width + _FLAGS, hidden, batch_first=True, bidirectional=True, device=device)
        lstm.requires_grad_(False)
        for way, suffix in ((ways.ahead, ""), (ways.back, "_reverse")):
            into = getattr(lstm, f"weight_ih_l0{suffix}")
            into.zero_()
            into[:, :width] = way.weight_ih_l0
            into[:hidden, width] = _CLOSED  # the first gate is the input gate
            for name in ("weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
                getattr(lstm, name + suffix).copy_(getattr(way, name))
        self.lstm = lstm

    def forward(self, x: Tensor, span: KokoroSpan) -> Tensor:
        """`x` [batch, time, width] to [batch, time, 2 * hidden]; zeros outside the rows."""
        if span.mask is None:
            return self.lstm(F.pad(x, (0, _FLAGS)))[0]
        inside = span.mask.mT
        flags = F.pad(1 - inside, (0, _FLAGS - 1))
        return self.lstm(torch.cat((x, flags), -1))[0] * inside


@torch.no_grad()
def join_ways(network: nn.Module) -> None:
    """Replace every `BothWays` by a `JoinedWays`; the weights must not change any more."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, BothWays):
                setattr(module, name, JoinedWays(child))
