"""Find when each phone begins, by pocketsphinx' forced alignment.

Pocketsphinx aligns words first and phones in a second pass.  Each word is added to its dictionary under a
name made from the word's phones, so that it uses our phones.  The other pronunciations are added too, and
pocketsphinx chooses the spoken one.

The second pass sometimes fails because its beam ends in the wrong state, and succeeds with another padding.
So several paddings and noise floors are tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from zelitrio.text import Phones, without_stress

RATE_HZ = 16_000
FRAMES_PER_S = 100
_PADDINGS: tuple[tuple[float, float], ...] = (
    # seconds of padding at both ends, amplitude of the noise in it
    (0.25, 3e-4),
    (0.10, 3e-4),
    (0.40, 1e-3),
    (0.00, 0.0),
    (0.15, 1e-4),
    (0.30, 2e-3),
    (0.55, 5e-4),
)
_MIN_SILENCE_FRAMES = 5
"""A shorter silence is a stop's closure or an inaccuracy of the aligner, not a pause."""


@attrs.frozen
class AlignedWord:
    """One word with the times of its phones."""

    phones: Phones
    """The pronunciation that fits best, with its stress digits."""
    starts: tuple[int, ...]
    """First frame of each phone; 100 frames a second, counted from the recording's first sample."""
    end: int
    """The frame after the last phone's last."""


class Aligner:
    """Aligns recordings with their words.  Not thread-safe; takes about 0.1 s for a recording of 4 s."""

    def __init__(self) -> None:
        # Imported here: pocketsphinx belongs to the extra `train`.
        import pocketsphinx

        self._decoder = pocketsphinx.Decoder(
            hmm=pocketsphinx.get_model_path("en-us/en-us"),
            lm=None,
            dict=None,
            samprate=float(RATE_HZ),
            loglevel="FATAL",
            # The lattice's best path may end in another state than the search, and then the second pass
            # fails: 12 of 24 long sentences aligned at the first padding with it, all 24 without it.
            bestpath=False,
        )
        self._known: dict[str, Phones] = {}

    def align(
        self, pcm: npt.NDArray[np.float32], words: Sequence[Sequence[Phones]]
    ) -> list[AlignedWord] | None:
        """Align one recording.

        Args:
            pcm: float32 [samples] at 16 kHz.
            words: for each word its possible pronunciations, the expected one first.

        Returns:
            One `AlignedWord` per word, without gaps except for pauses; None if no alignment was found.
        """
        names = [self._name(variants) for variants in words]
        loud = pcm * (0.5 / max(1e-6, float(np.abs(pcm).max(initial=0.0))))
        for seed, (pad_s, noise) in enumerate(_PADDINGS):
            found = self._try(loud, names, pad_s, noise, seed)
            if found is not None:
                return found
        return None

    def _name(self, variants: Sequence[Phones]) -> str:
        """The name of these pronunciations in pocketsphinx's dictionary, added at first use."""
        name = "w" + "/".join("_".join(phones) for phones in variants)
        if name not in self._known:
            plain: list[Phones] = []
            for phones in variants:
                bare = without_stress(phones)
                if bare in plain:
                    continue
                entry = name if not plain else f"{name}({len(plain) + 1})"
                self._decoder.add_word(entry, " ".join(bare), True)
                self._known[entry] = phones
                plain.append(bare)
        return name

    def _try(
        self, pcm: npt.NDArray[np.float32], names: list[str], pad_s: float, noise: float, seed: int
    ) -> list[AlignedWord] | None:
        pad = int(pad_s * FRAMES_PER_S) * (RATE_HZ // FRAMES_PER_S)
        padded = np.pad(pcm, pad)
        if noise:
            padded = padded + np.random.default_rng(seed).normal(0, noise, len(padded)).astype(np.float32)
        raw = np.clip(padded * 32767, -32768, 32767).astype("<i2").tobytes()
        try:
            self._decoder.set_align_text(" ".join(names))
            self._run(raw)
            self._decoder.set_alignment()
            self._run(raw)
            alignment = self._decoder.get_alignment()
        except RuntimeError:
            return None  # "Failed to stop utterance processing": the beam lost the last state
        if alignment is None:
            return None
        return read_words(alignment, self._known, names, pad // (RATE_HZ // FRAMES_PER_S))

    def _run(self, raw: bytes) -> None:
        self._decoder.start_utt()
        try:
            self._decoder.process_raw(raw, full_utt=True)
        finally:
            self._decoder.end_utt()


def read_words(
    alignment: Iterable[Any], known: Mapping[str, Phones], names: Sequence[str], pad: int
) -> list[AlignedWord] | None:
    """Convert a decoder's alignment to `AlignedWord`s.

    Args:
        alignment: entries with `name`, each an iterable of phones with `start` and `duration` in frames.
        known: pronunciations by dictionary entry; every other entry is silence.
        names: the dictionary entries of the words to align.
        pad: frames of padding before the recording.

    Returns:
        The words; None if a word is missing or its phones are not those of its pronunciation.
    """
    words: list[AlignedWord] = []
    for entry in alignment:
        if entry.name not in known:
            continue  # <sil>, <s>, noise
        phones = list(entry)
        if len(phones) != len(known[entry.name]):
            return None
        end = phones[-1].start + phones[-1].duration - pad
        words.append(AlignedWord(known[entry.name], tuple(phone.start - pad for phone in phones), end))
    return close_gaps(words) if len(words) == len(names) else None


def close_gaps(words: Sequence[AlignedWord]) -> list[AlignedWord]:
    """Extend each word over a following silence that is too short to be a pause."""
    closed: list[AlignedWord] = []
    for word, following in zip(words, [*words[1:], None], strict=True):
        end = word.end
        if following is not None and 0 < following.starts[0] - end < _MIN_SILENCE_FRAMES:
            end = following.starts[0]
        closed.append(attrs.evolve(word, end=end))
    return closed
