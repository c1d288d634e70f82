"""The interface of a network to the engine: facts as data, and two or three calls over numbered slots.

A network keeps the memory of all streams in its own tensors, indexed by the stream's slot.  The engine
decides which slots are computed together, and in which lengths.

- *encode* reads an utterance's tokens and predicts their lengths.
- *expand* sees a whole utterance laid out in frames.  Only an `ExpandingNetwork` has it.
- *speak* computes the samples of a window of frames.

The engine calls them under `torch.inference_mode` and captures them as CUDA graphs.  So they must not wait
for the device, all shapes must follow from the inputs' shapes, and boolean masks must not be indices.  The
rows of a batch are independent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import attrs
from torch import Tensor

Inputs = Mapping[str, Tensor]
"""Inputs of a call by name, [rows, ...] each."""
NO_TOKEN = -1
"""The token of a frame outside of the utterance."""


@attrs.frozen
class Field:
    """One input of encode: its shape without rows, and without tokens if it is `per_token`."""

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
    """Lengths of the captured encodes, in tokens; the last is the most tokens of an utterance."""
    frame_ladder: tuple[int, ...] = ()
    """Lengths of the captured expands, in frames; empty without expand."""
    expand_frames: int = 0
    """Most frames of an expand of several utterances on a GPU; more are not faster per frame."""
    first_frames: int
    """Length of the shortest useful first window."""
    lag: int = 0
    """Frames by which samples come later than input frames."""
    context: int = 0
    """Frames on each side of a window that `speak` gets."""
    place_features: int = 0
    """Features of a frame's position within its token."""
    pitch_lag: int = 0
    """Frames by which `lean` comes later than its frame."""
    least_window_s: float = 0.0
    """Seconds of the shortest window after the first on a CPU.  Shorter ones mostly compute frames on either
    side of them."""
    keeps_state: bool = False
    """Whether a window after an expand needs the window before it, so that windows begin with silence."""
    warm_up: int = 0
    """Unheard frames that are computed before the rest of a continued sentence."""

    @property
    def hop_s(self) -> float:
        """Seconds in a frame."""
        return self.hop_samples / self.sample_rate_hz

    @property
    def most_tokens(self) -> int:
        """The most tokens of an utterance."""
        return self.token_ladder[-1]


class Network(Protocol):
    """The weights of one model on a device, with memory for the slots and a spare slot.

    The spare slot is the last one.  Unused rows of a batch use it, with length 0.
    """

    @property
    def encode_fields(self) -> Mapping[str, Field]:
        """The inputs of `encode` besides `slot` and `length`."""

    def encode(self, inputs: Inputs) -> Tensor:
        """Read utterances, and store in their slots what the other calls need.

        Args:
            inputs: `slot` [rows] and `length` [rows], in tokens; the named fields.

        Returns:
            [rows, 2, tokens] float32: frames of each token at speed 1, not rounded; ln f0 relative to the
            speaker's mean, or 0 if the network predicts none.
        """

    def speak(self, inputs: Inputs) -> Tensor:
        """Compute the samples of a window.  With `first` 0 the slot's state is reset.

        Args:
            inputs: `slot`, `first` (frame), `length` (frames of the utterance) and `noise_at` [rows].  For
                each frame of the window and its context: `tokens` [rows, n], NO_TOKEN outside of the
                utterance; `places` [rows, n, place_features]; `lean` [rows, n], added to ln f0.

        Returns:
            [rows, window * hop_samples] float32 in [-1, 1].  The first sample is of frame `first - lag`.
        """


@runtime_checkable
class ExpandingNetwork(Network, Protocol):
    """A network with a third call, between the encode of an utterance and its first window.

    The first window begins at the first frame that is heard, except with `Facts.keeps_state`.
    """

    def expand(self, inputs: Inputs) -> Tensor:
        """Prepare utterances that are laid out in frames.

        Args:
            inputs: `slot`, `length` (frames) and `noise_at` [rows]; `tokens` [rows, frames].

        Returns:
            [rows, 2] float32: the first heard frame, and the end of the last heard frame.
        """
