"""Kokoro's voices: how they read an utterance and apply the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from zelitrio.networks import Facts, Kokoro, KokoroConfig, KokoroNetwork, Network, VoiceStatistics
from zelitrio.settings import VoiceSettings
from zelitrio.text import Limit, Utterance, Word
from zelitrio.voices.english_symbols import KOKORO, spell_word
from zelitrio.voices.kokoro_symbols import KOKORO_IDS, kokoro_ids
from zelitrio.voices.pacing import paced_durations
from zelitrio.voices.weights import load_network, read_tensors

_TOKEN_LADDER = (32, 64, 96, 128, 192, 256, 384)
_FRAME_LADDER = (64, 96, 128, 192, 256, 384, 512, 1024)
"""Narrow steps, because an LSTM's steps are sequential, and padding costs as much as speech."""
_EXPAND_FRAMES = 1024
"""25 s of audio in one step: enough for any GPU, and a new stream has to wait for it."""
_LAST_NASAL_FRAMES = 2.0
"""As `KokoroConfig.last_phone_frames`, of a nasal."""
_LONGEST_FRAMES = 50.0
_NASALS = frozenset(KOKORO_IDS[symbol] for symbol in "mnŋ")
_LEAST_WINDOW_S = 0.32
"""A window of 0.16 s takes longer than it lasts, on a CPU."""
_VOICELESS = frozenset(KOKORO_IDS[symbol] for symbol in " ˈˌ,.?!:;—")
"""Symbols that may lose their frames at a high speed."""


@attrs.frozen(kw_only=True, eq=False)
class KokoroSpeaker:
    """One of Kokoro's voices."""

    number: int
    """Its index among the model's voices; -1 for a mix."""
    styles: NDArray[np.float32]  # [510, 256], by the number of symbols


@attrs.frozen(kw_only=True, eq=False)
class KokoroTokens:
    """One utterance as Kokoro reads it."""

    ids: NDArray[np.int64]  # [tokens], a zero at each end
    words: NDArray[np.int64]  # [tokens], -1 for spaces and marks
    pauses_s: NDArray[np.float32]  # [tokens]
    least: tuple[int, ...]  # fewest frames of each token

    def __len__(self) -> int:
        return len(self.ids)


@attrs.frozen(kw_only=True, eq=False)
class KokoroModel:
    """One set of Kokoro's weights.  Implements `zelitrio.voices.Model`."""

    weights: Path
    statistics: Mapping[int, Path] = attrs.field(factory=dict)
    """Measured statistics of each voice's generator, by the voice's number, for the streaming mode."""
    config: KokoroConfig = attrs.field(factory=KokoroConfig)
    is_lazy: bool = True
    memory_bytes: int = attrs.field(init=False)
    facts: Facts = attrs.field(init=False)
    limit: Limit = attrs.field(init=False)

    @memory_bytes.default
    def _memory_bytes(self) -> int:
        return self.weights.stat().st_size if self.weights.exists() else 0

    @facts.default
    def _facts(self) -> Facts:
        return Facts(
            sample_rate_hz=self.config.sample_rate_hz,
            hop_samples=self.config.hop_samples,
            token_ladder=_TOKEN_LADDER,
            frame_ladder=_FRAME_LADDER,
            expand_frames=_EXPAND_FRAMES,
            first_frames=3,
            least_window_s=_LEAST_WINDOW_S,
        )

    @limit.default
    def _limit(self) -> Limit:
        return Limit(tokens=_TOKEN_LADDER[-1] - 4, context_tokens=0, count=_count)

    def read(self, utterance: Utterance) -> KokoroTokens:
        """See `Model.read`."""
        words = utterance.read_words
        numbers, owners = kokoro_ids(words)
        ids, owners = [0, *numbers, 0], [-1, *owners, -1]
        pauses = [np.nan] * len(ids)
        if utterance.pause_s is not None:
            pauses[0] = utterance.pause_s
        for index, word in enumerate(words):
            if word.pause_s is not None:
                last = max(at for at, owner in enumerate(owners) if owner == index) if index in owners else 0
                pauses[min(last + 1, len(ids) - 1)] = word.pause_s
        return KokoroTokens(
            ids=np.array(ids, np.int64),
            words=np.array(owners, np.int64),
            pauses_s=np.array(pauses, np.float32),
            least=tuple(0 if number in _VOICELESS else 1 for number in ids),
        )

    def columns(
        self, reading: KokoroTokens, speaker: KokoroSpeaker, settings: VoiceSettings, seed: int
    ) -> Mapping[str, NDArray[Any]]:
        """See `Model.columns`.  Settings and seed have no effect, because Kokoro has no random inputs."""
        symbols = len(reading) - 2
        asked = ~np.isnan(reading.pauses_s)
        last = _phones(reading)[-1]
        return {
            "ids": reading.ids,
            "style": speaker.styles[min(max(symbols - 1, 0), len(speaker.styles) - 1)],
            "keeps": np.array((asked[0], asked[-2:].any()), np.float32),
            "voice": np.array(speaker.number, np.int64),
            "last": np.array(last, np.int64),
            "hush": asked.astype(np.float32),
        }

    def durations(
        self, reading: KokoroTokens, frames: NDArray[np.float32], *, speed: float, joins: bool, is_cut: bool
    ) -> NDArray[np.int64]:
        """See `Model.durations`.  At speed 1 each token is rounded by itself, as in training.

        Tokens before the first phone and after the last one do not become longer.  In longer ones the voice
        begins up to 160 ms earlier, and ends later, so speech at speed 0.7 was 4 % too long.
        """
        plain = [
            min(max(round(frame), 1), _LONGEST_FRAMES) if frame == frame else 1 for frame in frames.tolist()
        ]
        phones = _phones(reading)
        wanted = [
            frame / speed if phones[0] <= at <= phones[-1] else frame / max(speed, 1.0)
            for at, frame in enumerate(plain)
        ]
        for at, pause_s in enumerate(reading.pauses_s.tolist()):
            if pause_s == pause_s:  # not NaN: the pause was requested
                wanted[at] = max(pause_s / self.facts.hop_s, 1.0)
        room = _FRAME_LADDER[-1] - len(wanted)
        total = sum(wanted)
        if total > room:  # only after very long requested pauses or an invalid prediction
            wanted = [frame * room / total for frame in wanted]
        return paced_durations(wanted, reading.least)

    def places(self, durations: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Model.places`.  Kokoro has no such features: [frames, 0]."""
        return np.zeros((int(durations.sum()), 0), np.float32)

    def seam_frames(self, reading: KokoroTokens, durations: NDArray[np.int64]) -> int:
        """See `Model.seam_frames`.  Zero: each utterance is spoken to its end."""
        return 0

    def word_edges(
        self, reading: KokoroTokens, durations: NDArray[np.int64]
    ) -> Mapping[int, tuple[float, float]]:
        """See `Model.word_edges`.  Words are heard before their tokens' frames."""
        edges: dict[int, tuple[float, float]] = {}
        early = self.config.early_frames
        ends = np.cumsum(durations)
        for word in np.unique(reading.words[reading.words >= 0]).tolist():
            at = np.flatnonzero(reading.words == word)
            first, last = int(at[0]), int(at[-1])
            begin = max(0.0, float(ends[first] - durations[first]) - early)
            end = float(ends[last])
            if last + 1 < len(reading) and reading.ids[last + 1] != KOKORO_IDS[" "]:
                most = _LAST_NASAL_FRAMES if reading.ids[last] in _NASALS else self.config.last_phone_frames
                end = min(end, float(ends[last] - durations[last]) + most)
            edges[word] = begin, max(begin, end - early)
        return edges

    def network(self) -> Kokoro:
        """The network on the CPU in float32, in evaluation mode."""
        return load_network(self.weights, lambda: Kokoro(self.config))

    def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> Network:
        """See `Model.load`."""
        return KokoroNetwork(
            self.network(),
            device,
            dtype,
            slots,
            most_tokens=_TOKEN_LADDER[-1],
            most_frames=_FRAME_LADDER[-1],
            row_by_row=device.type == "cpu",
            statistics={number: _statistics(path) for number, path in self.statistics.items()},
        )


def mixed(parts: Sequence[tuple[KokoroSpeaker, float]]) -> KokoroSpeaker:
    """A voice with the weighted mean of other voices' style tables."""
    total = sum(weight for _, weight in parts)
    styles = sum(speaker.styles * np.float32(weight / total) for speaker, weight in parts)
    return KokoroSpeaker(number=-1, styles=np.asarray(styles, np.float32))


def _phones(reading: KokoroTokens) -> list[int]:
    """Indices of the tokens with a sound; only the end of the utterance if it has none."""
    return [at for at, number in enumerate(reading.ids) if number and number not in _VOICELESS] or [
        len(reading)
    ]


def _count(word: Word) -> int:
    return len(spell_word(word, KOKORO)) + 2


def _statistics(path: Path) -> VoiceStatistics:
    tensors = read_tensors(path)
    return VoiceStatistics(
        means=tensors["means"], squares=tensors["squares"], widths=tuple(tensors["widths"].tolist())
    )
