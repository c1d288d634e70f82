"""The flow of one utterance in pieces, each coupling only as far as the next one needs it.

A coupling sees some frames on either side.  Its result up to a frame needs its input up to that many frames
later, so each coupling is that much ahead of the next.  It keeps the end of its input for the next piece.
With a piece of all couplings at once, four times as many frames on either side would be computed twice.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from zelitrio.networks.piper.config import PiperConfig
from zelitrio.networks.piper.flow import Flow


@attrs.define(eq=False, kw_only=True)
class _Reached:
    """How far one coupling has come."""

    until: int = 0
    """Its result is known up to this frame."""
    kept: Tensor | None = None
    """The end of its input, from `reach` frames before `until` on."""


@attrs.define(eq=False)
class FlowPieces:
    """One utterance's flow.

    Args:
        flow: of the voice.
        config: of the voice.
        length: of the utterance, in frames.
    """

    flow: Flow
    config: PiperConfig
    length: int
    _given: int = 0
    """Frames of the input that were given."""
    _reached: list[_Reached] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._reached = [_Reached() for _ in self.flow.couplings]

    @property
    def done(self) -> int:
        """Frames whose result is known."""
        return self._reached[-1].until

    def wanted(self, until: int) -> tuple[int, int]:
        """The frames of the input, first and end, that results up to `until` need next."""
        return self._given, min(self.length, until + self.config.flow_context)

    def advance(self, given: Tensor, speaker: Tensor | None) -> Tensor:
        """Take the next frames [1, frames, latent] of the input, and return the next of the result."""
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
