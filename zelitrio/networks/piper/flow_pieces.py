"""The flow of one utterance in pieces, each coupling only as far as the next one needs it.

A coupling sees some frames on either side, so its result up to a frame needs that many more frames of its
input.  Each coupling is that much ahead of the next, and keeps the end of its input for the next piece.
Pieces of all couplings together would compute four times as many frames on either side twice.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from zelitrio.networks.piper.config import PiperConfig
from zelitrio.networks.piper.flow import Flow


@attrs.define(eq=False, kw_only=True)
class _Reached:
    until: int = 0
    """Its result is known up to this frame."""
    kept: Tensor | None = None
    """The end of its input, from `reach` frames before `until` on."""


@attrs.define(eq=False)
class FlowPieces:
    """One utterance's flow.

    Args:
        flow: the voice's flow.
        config: the voice's sizes.
        length: frames of the utterance.
    """

    flow: Flow
    config: PiperConfig
    length: int
    _given: int = 0
    """Given input frames."""
    _reached: list[_Reached] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._reached = [_Reached() for _ in self.flow.couplings]

    @property
    def done(self) -> int:
        """Number of known result frames."""
        return self._reached[-1].until

    def wanted(self, until: int) -> tuple[int, int]:
        """First frame and end of the next input that results up to `until` need."""
        return self._given, min(self.length, until + self.config.flow_context)

    def advance(self, given: Tensor, speaker: Tensor | None) -> Tensor:
        """Take the next input frames [1, frames, latent]; return the next result frames [1, n, latent]."""
        self._given += given.shape[1]
        end, z = self._given, given
        reach = self.config.coupling_context
        for coupling, reached in zip(self.flow.couplings, self._reached, strict=True):
            begin = max(0, reached.until - reach)  # of what is kept
            whole = z if reached.kept is None else torch.cat((reached.kept, z), 1)
            until = end if end == self.length else max(reached.until, end - reach)
            found = coupling(whole.flip(-1), speaker, None)
            z = found[:, reached.until - begin : until - begin]
            reached.kept = whole[:, max(0, until - reach) - begin :]
            reached.until = end = until
        return z
