"""A kind of network as the engine sees it: facts as data, and three calls over numbered slots.

A network keeps all that belongs to a stream in tensors of its own, indexed by the stream's slot.  The
engine decides which slots are computed together, and in which lengths.

- *encode* reads an utterance's tokens and predicts how long each is.
- *expand* sees a whole utterance laid out in frames.  An `ExpandingNetwork` has it, and a `frame_ladder`.
- *speak* makes the samples of a window of frames.

The engine calls them under `torch.inference_mode` and captures them as CUDA graphs.  So they wait for
nothing, take every shape from the shapes of their inputs, and index with no mask.  The rows of a batch
are independent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import attrs
from torch import Tensor

Inputs = Mapping[str, Tensor]
"""Inputs of a call by name, each with a row per stream."""
NO_TOKEN = -1
"""The token of a frame outside of its utterance."""


@attrs.frozen
class Field:
    """One named input of encode: its shape beyond the row, and beyond the token if it has one per token."""

    shape: tuple[int, ...] = ()
    per_token: bool = True
    is_integer: bool = False


@attrs.frozen(kw_only=True)
class Facts:
    """Facts of a model for the scheduler and the layout."""

    sample_rate_hz: int
    hop_samples: int
    """Samples in a frame."""
    token_ladder: tuple[int, ...]
    """Lengths that encode is captured in, in tokens.  The last is the most tokens of an utterance."""
    frame_ladder: tuple[int, ...] = ()
    """Lengths that expand is captured in, in frames.  Empty: there is no such step."""
    expand_frames: int = 0
    """Most frames of an expand of several utterances, on a GPU: with more it only takes longer."""
    first_frames: int
    """The shortest useful first window."""
    lag: int = 0
    """Frames by which samples trail the frames that go in."""
    context: int = 0
    """Frames that `speak` is shown on either side of its window."""
    place_features: int = 0
    """Numbers that say where in its token a frame stands."""
    pitch_lag: int = 0
    """Frames by which `lean` comes later than its frame."""
    warm_up: int = 0
    """Frames that are computed and not heard before the rest of a sentence."""

    @property
    def hop_s(self) -> float:
        """Seconds in a frame."""
        return self.hop_samples / self.sample_rate_hz

    @property
    def most_tokens(self) -> int:
        """The most tokens of an utterance."""
        return self.token_ladder[-1]


class Network(Protocol):
    """The weights of one model on a device, with memory for the streams' slots and one spare.

    Rows of a batch that belong to no stream use the spare slot, which is the last, with length 0.
    """

    @property
    def encode_fields(self) -> Mapping[str, Field]:
        """The inputs of `encode` beside `slot` and `length`."""

    def encode(self, inputs: Inputs) -> Tensor:
        """Read utterances, and keep what the other calls need at their slots.

        Args:
            inputs: `slot` [rows] and `length` [rows], in tokens; the named fields.

        Returns:
            [rows, 2, tokens] float32: frames of each token at speed 1, not rounded; ln f0 about the
            speaker's mean, or 0 if the network predicts none.
        """

    def speak(self, inputs: Inputs) -> Tensor:
        """Make the samples of a window; `first` 0 forgets the slot's past.

        Args:
            inputs: `slot`, `first`, `length` (frames) and `noise_at` [rows].  Of each frame of the window
                and its context: `tokens` [rows, n], NO_TOKEN outside of the utterance; `places` [rows, n,
                place_features]; `lean` [rows, n], added to ln f0.

        Returns:
            [rows, window * hop_samples] float32 in [-1, 1].  The first sample is of frame `first - lag`.
        """


@runtime_checkable
class ExpandingNetwork(Network, Protocol):
    """A network with a step between reading an utterance and its first window."""

    def expand(self, inputs: Inputs) -> Tensor:
        """Prepare utterances that are laid out in frames.

        Args:
            inputs: `slot`, `length` (frames) and `noise_at` [rows]; `tokens` [rows, frames].

        Returns:
            [rows, 2] float32: the first frame that is heard, and the end of the last.
        """
