"""Check a folder of recordings before training.

It reads each file, and its text with the front end, but aligns nothing, in about 50 ms per recording.  Each
problem is reported with its line in the table.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np

from zelitrio.errors import LocalError
from zelitrio.text import FrontEnd, Lexicon, load_front_end, load_lexicon
from zelitrio.training.corpus import Recording, Speaker
from zelitrio.training.metadata import Line, Problem, find_file, read_table
from zelitrio.training.sound_facts import LONGEST_S, SoundFacts, measure_sound
from zelitrio.training.strangers import strangers
from zelitrio.training.text_fit import pace_fault, text_fault

LOWEST_RATE_HZ = 16_000
SHORTEST_S = 0.5
SILENT_DB = -60.0
CLIPPED_NOTED, CLIPPED_OUT = 0.0005, 0.01
NOISY_DB = 20.0
APART = 0.6
CANCELLED_DB = 6.0
TELEPHONE_HZ = 4_200.0
ROOM_NOISE_DB = (15.0, 45.0)
"""Noise with a signal-to-noise ratio in this range is a room's, and is removed from the features."""


@attrs.frozen(eq=False)
class UsableRecording:
    """A recording for training."""

    line: Line
    path: Path
    facts: SoundFacts

    @property
    def recording(self) -> Recording:
        """The recording for the other steps."""
        return Recording(self.path, self.line.text, self.line.number)


@attrs.frozen(eq=False)
class CheckedFolder:
    """The result of checking a folder."""

    usable: tuple[UsableRecording, ...]
    problems: tuple[Problem, ...]
    """In the order of the table's lines."""

    @property
    def speech_s(self) -> float:
        """Seconds of speech without pauses in the usable recordings."""
        return sum(one.facts.speech_s for one in self.usable)

    def speaker(self, name: str) -> Speaker:
        """The speaker's facts, measured over the usable recordings."""
        pitches = [one.facts.pitch_hz for one in self.usable if np.isfinite(one.facts.pitch_hz)]
        middle_hz = float(np.median(pitches)) if pitches else 150.0
        apart_db = float(np.median([one.facts.level_db - one.facts.noise_db for one in self.usable]))
        return Speaker(
            name=name,
            f0_floor_hz=max(50.0, 0.55 * middle_hz),
            f0_ceil_hz=min(600.0, 2.2 * middle_hz),
            band_hz=float(np.median([one.facts.band_hz for one in self.usable])),
            noise_cut=3.0 if ROOM_NOISE_DB[0] < apart_db < ROOM_NOISE_DB[1] else 0.0,
            thorough_f0=True,
        )


def check_recordings(
    folder: Path, looked_at: Callable[[int, int], None] = lambda done, of: None
) -> CheckedFolder:
    """Check a folder with a `metadata.csv`.

    Args:
        folder: has the table and the recordings.
        looked_at: called after each file with the number checked and the total.

    Raises:
        LocalError: the table cannot be read.
    """
    lines, problems = read_table(folder)
    front_end, lexicon = load_front_end(), load_lexicon()
    usable: list[UsableRecording] = []
    for number, line in enumerate(lines, 1):
        found, notes = _look(folder, line, front_end, lexicon)
        problems += [Problem(line.number, line.file, what, left_out) for what, left_out in notes]
        if found is not None:
            usable.append(found)
        looked_at(number, len(lines))
    for index, what in strangers([one.facts for one in usable]):
        line = usable[index].line
        problems.append(Problem(line.number, line.file, what, left_out=False))
    return CheckedFolder(tuple(usable), tuple(sorted(problems, key=lambda problem: problem.line)))


def _look(
    folder: Path, line: Line, front_end: FrontEnd, lexicon: Lexicon
) -> tuple[UsableRecording | None, list[tuple[str, bool]]]:
    """Check one line.

    Returns the recording if usable, and its problems, each with whether the recording is left out.
    """
    path = find_file(folder, line.file)
    if path is None:
        return None, [("expected a recording, found no such file", True)]
    utterance = front_end.utterance(line.text)
    fault = text_fault(utterance, lexicon)
    if fault is not None:
        return None, [(fault, True)]
    try:
        facts = measure_sound(path)
    except LocalError as error:
        return None, [(str(error).removeprefix(f"{path}: "), True)]
    fault = sound_fault(facts) or pace_fault(utterance, facts.speech_s)
    if fault is not None:
        return None, [(fault, True)]
    return UsableRecording(line, path, facts), [(note, False) for note in sound_notes(facts)]


def sound_fault(facts: SoundFacts) -> str | None:
    """Why a recording's sound is unusable, if it is."""
    if facts.rate_hz < LOWEST_RATE_HZ:
        return f"{facts.rate_hz} Hz, expected at least {LOWEST_RATE_HZ} Hz"
    if facts.seconds > LONGEST_S:
        return f"{facts.seconds:.0f} s long, expected at most {LONGEST_S:.0f} s: cut it into sentences"
    if facts.seconds < SHORTEST_S:
        return f"{facts.seconds:.2f} s long, expected at least {SHORTEST_S} s"
    if facts.level_db < SILENT_DB:
        lost = facts.channels > 1 and facts.peak > 0.01
        return "left and right cancel each other" if lost else f"silent: its peak is {facts.peak:.4f}"
    if facts.clipped > CLIPPED_OUT:
        return f"clipped: {facts.clipped:.1%} of its samples are clipped, expected under {CLIPPED_OUT:.0%}"
    return None


def sound_notes(facts: SoundFacts) -> list[str]:
    """Problems of a usable recording's sound."""
    notes = []
    if facts.channels > 1:
        notes.append(f"{facts.channels} channels, mixed to one")
    if facts.apart > APART:
        notes.append("the levels of the two channels are unrelated, as with two speakers")
    if facts.cancelled_db > CANCELLED_DB:
        notes.append(f"{facts.cancelled_db:.0f} dB are lost because left and right cancel each other")
    if facts.clipped > CLIPPED_NOTED:
        notes.append(f"{facts.clipped:.2%} of its samples are clipped")
    if facts.level_db - facts.noise_db < NOISY_DB and facts.speech_s < 0.9 * facts.seconds:
        notes.append(f"noisy: the speech is {facts.level_db - facts.noise_db:.0f} dB above its pauses")
    if facts.band_hz < TELEPHONE_HZ:
        notes.append(f"nothing above {facts.band_hz:.0f} Hz, as over a telephone")
    return notes
