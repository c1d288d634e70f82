"""Piper's voices: how they read an utterance and apply the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from zelitrio.networks import Facts, Network, PiperConfig, PiperEnd, PiperNetwork, Vits
from zelitrio.settings import VoiceSettings
from zelitrio.text import Break, Limit, Utterance, Word
from zelitrio.voices.english_symbols import PIPER, spell_word
from zelitrio.voices.pacing import paced_durations
from zelitrio.voices.weights import load_network

_TOKEN_LADDER = (64, 128, 256, 448)
_FRAME_LADDER = (128, 256, 512, 1024, 2048)
_EXPAND_FRAMES = 4096
_EDGE_TOKENS = 8
"""Tokens at both ends of an utterance, and room for a mark."""
_BEGIN, _PAD, _END = "^", "_", "$"
_MARKS = {
    Break.COMMA: ",",
    Break.COLON: ":",
    Break.DASH: ",",
    Break.STOP: ".",
    Break.QUESTION: "?",
    Break.EXCLAIM: "!",
    Break.PARAGRAPH: ".",
}
_SILENT = frozenset("_^$ ,.?!:;ˈˌː")
"""Symbols that may lose their frames at a high speed."""
_TRAILING_FRAMES = 5
"""Silence after the last phone, 58 ms; Piper's own is 117 to 228 ms."""
_AFTER_FRAMES, _AFTER_HISS_FRAMES = 2, 4
"""Frames that are heard after the last phone.  Hisses sound up to 3 frames longer than their symbols."""
_EARLY_FRAMES = 2.0
"""Frames by which the sound of a word before a pause falls earlier than its symbols end."""
_HISSES = frozenset("szʃʒʂʐɕʑ")
_SOFT = frozenset("bcdfghkpqtuvxðɟɡɢɣʔɾθβɸχʈɖ")
"""A last phone of these may be silent long before its symbols end."""
_LEADING_FRAMES = 4
_LEAST_WINDOW_S = 0.64
"""On a CPU, eight streams at once made 10.0 s of audio per second of processor time with windows from 0.16 s
on, 10.9 with 0.32 s, and 11.5 with 0.64 s; first audio came as early."""
_LONGEST_FRAMES = 86
"""One second: the limit for a token."""


@attrs.frozen(kw_only=True, eq=False)
class PiperTokens:
    """One utterance as a Piper voice reads it."""

    ids: NDArray[np.int64]  # [tokens]
    words: NDArray[np.int64]  # [tokens], -1 for pads, spaces and marks
    pauses_s: NDArray[np.float32]  # [tokens]
    least: tuple[int, ...]  # fewest frames of each token
    final: int
    """Index of the first of the tokens that end the utterance: its mark, a pad, the end."""
    ends: tuple[int, int, int, int]
    """How it ends, as the network's field `ends` has it."""
    pausing: frozenset[int]
    """The words before a mark or the end."""

    def __len__(self) -> int:
        return len(self.ids)


@attrs.frozen(kw_only=True, eq=False)
class PiperModel:
    """One Piper voice.  Implements `zelitrio.voices.Model`."""

    weights: Path
    config: PiperConfig
    symbols: Mapping[str, tuple[int, ...]]
    """The ids of each symbol."""
    noise_scale: float = 0.667
    noise_w: float = 0.8
    length_scale: float = 1.0
    gain: float = 1.0
    spell: Callable[[Word], str] = attrs.field(default=lambda word: spell_word(word, PIPER))
    """Returns a word's symbols."""
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
            first_frames=8,
            least_window_s=_LEAST_WINDOW_S,
        )

    @limit.default
    def _limit(self) -> Limit:
        return Limit(tokens=_TOKEN_LADDER[-1] - _EDGE_TOKENS, context_tokens=0, count=self._count)

    def _count(self, word: Word) -> int:
        return 2 * len(self.spell(word)) + 4

    def read(self, utterance: Utterance) -> PiperTokens:
        """See `Model.read`."""
        ids: list[int] = [*self.symbols[_BEGIN], *self.symbols[_PAD]]
        owners, pauses, least = [-1] * len(ids), [np.nan] * len(ids), [0] * len(ids)
        if utterance.pause_s is not None:
            pauses[0] = utterance.pause_s

        def add(symbol: str, owner: int, pause_s: float | None = None) -> None:
            # Unknown symbols are dropped, as in Piper.
            for number in self.symbols.get(symbol, ()):
                ids.append(number)
                owners.append(owner)
                pauses.append(np.nan if pause_s is None else pause_s)
                least.append(0 if symbol in _SILENT else 1)
                ids.extend(self.symbols[_PAD])
                rest = len(ids) - len(owners)
                owners.extend([-1] * rest)
                pauses.extend([np.nan] * rest)
                least.extend([0] * rest)

        words = utterance.read_words
        final, last, pausing = len(ids), "", set[int]()
        for index, word in enumerate(words):
            for symbol in self.spell(word):
                add(symbol, index)
                last = symbol if symbol not in _SILENT else last
            final = len(ids)
            is_last = index == len(words) - 1
            after = Break.STOP if is_last and word.after is Break.NONE else word.after
            mark = _MARKS.get(after, "," if word.pause_s else None)
            if mark is not None:
                add(mark, -1, word.pause_s)
                pausing.add(index)
            if not is_last:
                add(" ", -1)
        ids += self.symbols[_END]
        rest = len(ids) - len(owners)
        how = PiperEnd.FOUND if last in _SOFT else PiperEnd.TOLD
        has_pause = any(pause_s == pause_s for pause_s in pauses[final:])  # not NaN: it was requested
        if utterance.is_cut or has_pause or not last:
            how = PiperEnd.KEPT
        heard = _AFTER_HISS_FRAMES if last in _HISSES else _AFTER_FRAMES
        return PiperTokens(
            ids=np.array(ids, np.int64),
            words=np.array(owners + [-1] * rest, np.int64),
            pauses_s=np.array(pauses + [np.nan] * rest, np.float32),
            least=(*least, *[0] * rest),
            final=final,
            ends=(how, final - len(self.symbols[_PAD]), final, heard),
            pausing=frozenset(pausing),
        )

    def columns(
        self, reading: PiperTokens, speaker: int, settings: VoiceSettings, seed: int
    ) -> Mapping[str, NDArray[Any]]:
        """See `Model.columns`.  `stability` scales the voice's noises: 0.5 keeps them, 1 removes them."""
        variation = min(1.5, 2 * (1 - settings.stability))
        draws = np.random.Generator(np.random.PCG64(seed)).standard_normal((len(reading), 2))
        return {
            "ids": reading.ids,
            "draws": draws * (self.noise_w * variation),
            "noise_scale": np.array(self.noise_scale * variation, np.float32),
            "speaker": np.array(speaker, np.int64),
            "ends": np.array(reading.ends, np.int64),
        }

    def durations(
        self, reading: PiperTokens, frames: NDArray[np.float32], *, speed: float, joins: bool, is_cut: bool
    ) -> NDArray[np.int64]:
        """See `Model.durations`."""
        hop_s = self.facts.hop_s
        wanted = [min(max(float(np.ceil(frame * self.length_scale)), 0.0), _LONGEST_FRAMES) / speed
                  if frame == frame else 1.0 for frame in frames.tolist()]  # fmt: skip
        first = int(np.argmax(reading.words >= 0)) if (reading.words >= 0).any() else 0
        _cap(wanted, range(first), 1.0 if joins else _LEADING_FRAMES)
        _cap(wanted, range(reading.final, len(wanted)), 1.0 if is_cut else _TRAILING_FRAMES)
        for at, pause_s in enumerate(reading.pauses_s.tolist()):
            if pause_s == pause_s:  # not NaN: the pause was requested
                wanted[at] = pause_s / hop_s
        room = _FRAME_LADDER[-1] - len(wanted)
        total = sum(wanted)
        if total > room:  # only after very long requested pauses or an invalid prediction
            wanted = [frame * room / total for frame in wanted]
        return paced_durations(wanted, reading.least)

    def places(self, durations: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Model.places`.  Piper has no such features: [frames, 0]."""
        return np.zeros((int(durations.sum()), 0), np.float32)

    def seam_frames(self, reading: PiperTokens, durations: NDArray[np.int64]) -> int:
        """See `Model.seam_frames`.  Zero: each utterance is spoken to its end."""
        return 0

    def word_edges(
        self, reading: PiperTokens, durations: NDArray[np.int64]
    ) -> Mapping[int, tuple[float, float]]:
        """See `Model.word_edges`.  The frames of a pad are shared by both neighbours.

        A word before a pause ends `_EARLY_FRAMES` earlier, but not before its last symbol begins.
        """
        edges: dict[int, tuple[float, float]] = {}
        ends = np.cumsum(durations)
        for word in np.unique(reading.words[reading.words >= 0]).tolist():
            at = np.flatnonzero(reading.words == word)
            begin, last = int(at[0]), int(at[-1])
            before = durations[begin - 1] / 2 if begin else 0.0
            after = durations[last + 1] / 2 if last + 1 < len(durations) else 0.0
            end = float(ends[last] + after)
            if word in reading.pausing:
                end = max(float(ends[last] - durations[last]), end - _EARLY_FRAMES)
            edges[word] = float(ends[begin] - durations[begin] - before), end
        return edges

    def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> Network:
        """See `Model.load`."""
        return PiperNetwork(
            load_network(self.weights, lambda: Vits(self.config)),
            device,
            dtype,
            slots,
            most_tokens=_TOKEN_LADDER[-1],
            most_frames=_FRAME_LADDER[-1],
            row_by_row=device.type == "cpu",
            gain=self.gain,
        )


def _cap(wanted: list[float], tokens: Sequence[int], most: float) -> None:
    total = sum(wanted[at] for at in tokens)
    if total > most:
        for at in tokens:
            wanted[at] *= most / total
