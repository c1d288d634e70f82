"""The interface of a model to the engine, besides its network: reading, layout, settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from zelitrio.networks import Facts, Network
from zelitrio.settings import VoiceSettings
from zelitrio.text import Limit, Utterance


class Tokens(Protocol):
    """An utterance as a model's tokens; each family adds its own data."""

    @property
    def words(self) -> NDArray[np.int64]:
        """[tokens] index of each token's word; -1 without a word."""

    @property
    def pauses_s(self) -> NDArray[np.float32]:
        """[tokens] requested seconds of each pause; NaN: the model chooses."""

    def __len__(self) -> int:
        """Number of tokens."""


class Model(Protocol):
    """One set of weights, and its family's way to read utterances and lay them out.

    Voices of a model share its weights, and the engine batches them.  Models are compared by identity.  The
    engine's thread calls all methods; after the start, another thread calls `load`.
    """

    @property
    def facts(self) -> Facts:
        """Its sizes, lengths and rates."""

    @property
    def limit(self) -> Limit:
        """Limits of an utterance."""

    @property
    def memory_bytes(self) -> int:
        """Approximate size of its weights on a device."""

    @property
    def is_lazy(self) -> bool:
        """Whether it is loaded for its first stream instead of at the engine's start."""

    def read(self, utterance: Utterance) -> Tokens:
        """Convert an utterance to tokens, the context's first."""

    def columns(
        self, reading: Any, speaker: Any, settings: VoiceSettings, seed: int
    ) -> Mapping[str, NDArray[Any]]:
        """The inputs of encode in its network's `encode_fields`.

        Args:
            reading: from `read`.
            speaker: `Voice.speaker`, in the family's own form.
            settings: how to speak.
            seed: seed of all random numbers.

        Returns:
            [tokens, *shape] of a field per token, and [*shape] of the others.
        """

    def durations(
        self, reading: Any, frames: NDArray[np.float32], *, speed: float, joins: bool, is_cut: bool
    ) -> NDArray[np.int64]:
        """Whole frames of every token, [tokens].

        Args:
            reading: from `read`.
            frames: [tokens] predicted frames at speed 1.
            speed: factor of the speed; requested pauses keep their length.
            joins: whether the previous utterance began the sentence; then there is no pause at the start.
            is_cut: whether the next utterance continues the sentence; then there is no pause at the end.
        """

    def places(self, durations: NDArray[np.int64]) -> NDArray[np.float32]:
        """[frames, place_features]: the position of each frame within its token."""

    def seam_frames(self, reading: Any, durations: NDArray[np.int64]) -> int:
        """Frames at the end of a cut utterance that the next one replaces."""

    def word_edges(self, reading: Any, durations: NDArray[np.int64]) -> Mapping[int, tuple[float, float]]:
        """The heard begin and end of each word with tokens, in frames, by the word's index."""

    def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> Network:
        """Load the weights onto a device, with memory for `slots` streams and a spare one.  Blocks.

        Raises:
            VoiceError: a file is missing or damaged, or a weight is not finite.
        """


def word_edges(words: NDArray[np.int64], durations: NDArray[np.int64]) -> dict[int, tuple[float, float]]:
    """First frame and end of each word by the durations of its tokens."""
    edges: dict[int, tuple[float, float]] = {}
    end = 0
    for word, duration in zip(words.tolist(), durations.tolist(), strict=True):
        begin, end = end, end + duration
        if word >= 0:
            edges[word] = edges.get(word, (begin, end))[0], end
    return edges
