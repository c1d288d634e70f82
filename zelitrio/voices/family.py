"""A model as the engine sees it, besides its network: how it reads, and the meaning of settings."""

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
    """An utterance as a model reads it; each family adds columns of its own."""

    @property
    def words(self) -> NDArray[np.int64]:
        """[tokens] index of each token's word among those read, -1 for a token of none."""

    @property
    def pauses_s(self) -> NDArray[np.float32]:
        """[tokens] seconds asked for; nan where the model chooses."""

    def __len__(self) -> int:
        """Tokens."""


class Model(Protocol):
    """One set of weights and all that its family knows about them.

    Voices of one model share its weights, and the engine speaks them in one batch.  Models are compared
    by identity.  The engine's thread calls everything except `load`; `load` blocks on a disk.
    """

    @property
    def facts(self) -> Facts:
        """Its sizes."""

    @property
    def limit(self) -> Limit:
        """How much text it reads at once."""

    @property
    def memory_bytes(self) -> int:
        """About what its weights take on a device."""

    @property
    def is_lazy(self) -> bool:
        """Whether it is loaded for the first stream that wants it, and not when the engine opens."""

    def read(self, utterance: Utterance) -> Tokens:
        """The utterance's tokens, those of its context first."""

    def columns(
        self, reading: Any, speaker: Any, settings: VoiceSettings, seed: int
    ) -> Mapping[str, NDArray[Any]]:
        """Every input that its network's `encode_fields` names.

        Args:
            reading: from `read`.
            speaker: the voice's, whatever its family means by it.
            settings: how to speak.
            seed: decides all that is drawn.

        Returns:
            [tokens, *shape] of a field per token, and [*shape] of the others.
        """

    def durations(
        self, reading: Any, frames: NDArray[np.float32], *, speed: float, joins: bool, is_cut: bool
    ) -> NDArray[np.int64]:
        """Whole frames of every token, from what the network predicted at speed 1.

        Args:
            reading: from `read`.
            frames: [tokens].
            speed: how much faster to speak; pauses that were asked for keep their length.
            joins: no pause at the start: the sentence began in the utterance before.
            is_cut: no pause at the end: the sentence continues in the next.
        """

    def places(self, durations: NDArray[np.int64]) -> NDArray[np.float32]:
        """[frames, place_features]: where in its token each frame stands."""

    def seam_frames(self, reading: Any, durations: NDArray[np.int64]) -> int:
        """Frames at the end of a cut utterance that the next one renders."""

    def word_edges(self, reading: Any, durations: NDArray[np.int64]) -> Mapping[int, tuple[float, float]]:
        """Where each word that has tokens is heard: first frame and end, as its labels should say."""

    def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> Network:
        """Bring the weights to a device, with memory for that many streams.  Blocks.

        Raises:
            VoiceError: a file is missing, damaged, or holds weights that are no numbers.
        """


def word_edges(words: NDArray[np.int64], durations: NDArray[np.int64]) -> dict[int, tuple[float, float]]:
    """Word edges where the labels are the durations' own."""
    edges: dict[int, tuple[float, float]] = {}
    end = 0
    for word, duration in zip(words.tolist(), durations.tolist(), strict=True):
        begin, end = end, end + duration
        if word >= 0:
            edges[word] = edges.get(word, (begin, end))[0], end
    return edges
