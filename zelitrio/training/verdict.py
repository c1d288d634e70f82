"""Evaluate a finished voice: its similarity to the recordings, and its intelligibility."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from zelitrio.training.acoustic_data import AcousticData, Example
from zelitrio.training.hearing import Listen, SpeechScores, missing_ears
from zelitrio.training.prepare import MeasurePitch
from zelitrio.training.samples import SENTENCES, say
from zelitrio.training.similarity import Distance, distance, print_of
from zelitrio.voices import Voice

Pcm = npt.NDArray[np.float32]


@attrs.frozen
class Verdict:
    """The new voice and the nearest built-in speaker, each compared with the held-out recordings."""

    held_out: int
    voice: Distance
    base: Distance
    spread_db: float
    """Distance in long-term spectrum between the speaker's other recordings and the held-out ones."""
    pitch_hz: float
    """Mean pitch of the held-out recordings."""
    spoken: SpeechScores
    natural: SpeechScores

    @property
    def recognisable(self) -> bool:
        """Whether the voice's spectrum and pitch are nearer to the recordings than the built-in speaker's."""
        nearer = self.voice.spectrum_db < self.base.spectrum_db
        if math.isnan(self.pitch_hz):  # the recordings have no pitch to compare with
            return nearer
        return nearer and abs(self.voice.semitones) <= max(0.5, abs(self.base.semitones))

    def lines(self) -> list[str]:
        """The verdict as lines of text for the user."""
        mine, theirs = self.voice, self.base
        lines = [
            f"long-term spectrum against {self.held_out} held-out recordings: the voice "
            f"{mine.spectrum_db:.1f} dB away, the built-in speaker {theirs.spectrum_db:.1f} dB, the "
            f"speaker's own other recordings {self.spread_db:.1f} dB",
            self._of_pitch(),
        ]
        if self.spoken.word_error is not None and self.natural.word_error is not None:
            lines.append(
                f"word error, pocketsphinx: the voice {self.spoken.word_error:.1%} of {self.spoken.words} "
                f"words, the recordings {self.natural.word_error:.1%} of {self.natural.words}"
            )
        if self.spoken.overall is not None and self.natural.overall is not None:
            lines.append(
                f"DNSMOS, of 5: the voice {self.spoken.overall:.2f} overall and {self.spoken.p808:.2f} P808, "
                f"the recordings {self.natural.overall:.2f} and {self.natural.p808:.2f}"
            )
        if not self.recognisable:
            lines.append("not yet nearer to the recordings than the built-in speaker: train for longer")
        if missing := missing_ears():
            lines.append(
                f"not measured: {' and '.join(missing)} are not installed: "
                "python -m pip install 'zelitrio[train,bench]'"
            )
        return lines

    def _of_pitch(self) -> str:
        """Describe the pitch, which is nan if the recordings have no voiced frame."""
        if math.isnan(self.pitch_hz):
            return "mean pitch: not compared: the held-out recordings have no voiced frames"
        mine, theirs = (
            "says nothing voiced" if math.isnan(one.semitones) else f"{one.semitones:+.1f} semitones"
            for one in (self.voice, self.base)
        )
        heard = f"the recordings {self.pitch_hz:.0f} Hz"
        return f"mean pitch: {heard}, the voice {mine}, the built-in speaker {theirs}"


def judge(voice: Voice, base: Voice, data: AcousticData, measure: MeasurePitch, listen: Listen) -> Verdict:
    """Compare a voice, and the built-in one, with held-out recordings of the same texts.

    It takes about the duration of the speech on one CPU core, at most a minute.
    """
    held, pool = data.held[0], data.train[0]
    facts = held[0].shard.facts
    texts = [example.entry.text for example in held]
    natural = [_sound(example) for example in held]
    others = [_sound(example) for example in pool[:: max(1, len(pool) // len(held))][: len(held)]]
    spoken = say(voice, texts)
    target = print_of(natural, facts, measure)
    prints = [print_of([pcm for _, pcm in said], facts, measure) for said in (spoken, say(base, texts))]
    mine, theirs = (distance(one, target, facts.band_hz) for one in prints)
    return Verdict(
        held_out=len(held),
        voice=mine,
        base=theirs,
        spread_db=distance(print_of(others, facts, measure), target, facts.band_hz).spectrum_db,
        pitch_hz=target.pitch_hz,
        spoken=listen([*spoken, *say(voice, SENTENCES)]),
        natural=listen([(_words(example), pcm) for example, pcm in zip(held, natural, strict=True)]),
    )


def _words(example: Example) -> Sequence[str]:
    return tuple(word.spoken for word in example.aligned.utterance.words)


def _sound(example: Example) -> Pcm:
    return example.shard.pcm(example.entry.first_frame, example.entry.frames)
