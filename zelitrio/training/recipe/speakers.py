"""The corpus of the natural voices: a folder of recordings for each speaker, and facts about each speaker.

An unknown speaker gets safe defaults.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from zelitrio.errors import LocalError
from zelitrio.training.align import align_recordings
from zelitrio.training.corpus import Recording, Speaker, read_recordings
from zelitrio.training.prepare import prepare_recordings
from zelitrio.training.shards import is_whole

SPEAKERS: Mapping[str, Speaker] = {
    speaker.name: speaker
    for speaker in (
        Speaker(
            name="kathleen",
            f0_floor_hz=90.0,
            f0_ceil_hz=400.0,
            noise_cut=3.0,
            licence="CC0-1.0",
            thorough_f0=True,
        ),
        Speaker(
            name="lj",
            f0_floor_hz=100.0,
            f0_ceil_hz=480.0,
            band_hz=10_500.0,
            noise_cut=3.0,
            licence="public domain",
            thorough_f0=True,
        ),
        Speaker(
            name="bdl",
            f0_floor_hz=65.0,
            f0_ceil_hz=280.0,
            band_hz=7_600.0,
            noise_cut=2.0,
            licence="CMU ARCTIC",
        ),
        Speaker(
            name="slt",
            f0_floor_hz=100.0,
            f0_ceil_hz=320.0,
            band_hz=7_600.0,
            noise_cut=1.0,
            licence="CMU ARCTIC",
        ),
    )
}
"""In the order of the speakers' numbers in the natural model."""


def speaker_named(name: str) -> Speaker:
    """The known facts about a speaker, or safe defaults."""
    return SPEAKERS.get(name, Speaker(name=name))


def find_speakers(corpus: Path) -> list[Speaker]:
    """Find the speakers in a corpus folder; known ones come first, in their fixed order.

    Raises:
        LocalError: no folder in it has a `metadata.csv`.
    """
    found = {folder.parent.name for folder in corpus.glob("*/metadata.csv")}
    if not found:
        raise LocalError(f"{corpus}: expected folders with a metadata.csv, found none")
    ordered = [name for name in SPEAKERS if name in found] + sorted(found - set(SPEAKERS))
    return [speaker_named(name) for name in ordered]


def speakers_of(work: Path, corpus: Path) -> list[str]:
    """Names of the corpus's speakers that are prepared and aligned, in their fixed order."""
    return [
        speaker.name
        for speaker in find_speakers(corpus)
        if is_whole(work / "features" / speaker.name) and (work / "align" / f"{speaker.name}.json").is_file()
    ]


def prepare_speaker(
    corpus: Path, work: Path, speaker: Speaker, report: Callable[[str], None] = print
) -> None:
    """Prepare every recording of a speaker; see `prepare_recordings`.

    Raises:
        LocalError: the folder's metadata or a recording cannot be read.
    """
    recordings = read_recordings(corpus / speaker.name)
    prepare_recordings(recordings, work, speaker, report=report)


def align_speaker(corpus: Path, work: Path, speaker: Speaker, report: Callable[[str], None] = print) -> None:
    """Align every recording of a speaker; see `align_recordings`."""
    started_s = time.monotonic()
    failed: list[Recording] = []
    recordings = read_recordings(corpus / speaker.name)
    align_recordings(recordings, work, speaker.name, failed.append)
    for recording in failed:
        report(f"{recording.path.name}: left out: no alignment of {recording.text!r}")
    done = len(recordings) - len(failed)
    report(f"{speaker.name}: {done} aligned, {len(failed)} left out, {time.monotonic() - started_s:.0f} s")
