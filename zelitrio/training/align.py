"""Second step: align each recording with the phones of its text."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import attrs
import orjson

from zelitrio.audio import decode_file
from zelitrio.text import (
    Break,
    FrontEnd,
    Lexicon,
    Phones,
    Utterance,
    Word,
    is_vowel,
    load_front_end,
    load_lexicon,
    without_stress,
)
from zelitrio.training.alignment import RATE_HZ, AlignedWord, Aligner
from zelitrio.training.corpus import Recording
from zelitrio.training.whole_file import whole_file


@attrs.frozen
class AlignedUtterance:
    """The words of one recording, with their times and pronunciations in it."""

    name: str
    utterance: Utterance
    """The text's utterance, with the pronunciations that were found."""
    words: tuple[AlignedWord, ...]


def pronunciations(word: Word, lexicon: Lexicon) -> list[Phones]:
    """Possible pronunciations of a word: the front end's first, then the dictionary's.

    If the front end gives a function word no stress, its other pronunciations have none either, so that
    stress means the same in training and in serving.
    """
    weak = all(phone[-1] in "0" for phone in word.phones if is_vowel(phone))
    variants = [word.phones]
    for phones in lexicon.find(word.spoken):
        said = tuple(f"{phone[:-1]}0" if is_vowel(phone) else phone for phone in phones) if weak else phones
        if said not in variants:
            variants.append(said)
    return variants


def restressed(utterance: Utterance, front_end: FrontEnd) -> Utterance:
    """Update the stresses of an utterance with a stored alignment, perhaps from an older front end.

    New stresses are taken if the phones are the same.  No phone changes.
    """
    today = front_end.utterance(utterance.source).words
    if [word.spoken for word in today] != [word.spoken for word in utterance.words]:
        return utterance
    words = tuple(
        attrs.evolve(said, phones=read.phones)
        if without_stress(read.phones) == without_stress(said.phones)
        else said
        for said, read in zip(utterance.words, today, strict=True)
    )
    return attrs.evolve(utterance, words=words)


def align_recordings(
    recordings: Sequence[Recording],
    work: Path,
    name: str,
    failed: Callable[[Recording], None],
    aligned: Callable[[int, int], None] = lambda done, of: None,
) -> None:
    """Align recordings of one speaker and write `work/align/<name>.json`, unless it exists.

    An interrupted alignment continues after the last aligned recording.

    Args:
        recordings: all recordings of the speaker.
        work: the work folder.
        name: the speaker's name.
        failed: called with each recording that cannot be aligned with its text.
        aligned: called after each recording with the number done and the total.
    """
    target = work / "align" / f"{name}.json"
    if target.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    known = {row["name"]: row for row in _read_partial(partial)}
    front_end, lexicon, aligner = load_front_end(), load_lexicon(), Aligner()
    rows: list[dict[str, Any]] = []
    with partial.open("ab") as lines:
        for number, recording in enumerate(recordings, 1):
            row = known.get(recording.name)
            if row is None:
                utterance = front_end.utterance(recording.text)
                offered = [pronunciations(word, lexicon) for word in utterance.words]
                found = aligner.align(decode_file(recording.path, RATE_HZ), offered) if offered else None
                row = {"name": recording.name} if found is None else _row(recording.name, utterance, found)
                lines.write(orjson.dumps(row) + b"\n")
                lines.flush()
            if "words" in row:
                rows.append(row)
            else:
                failed(recording)
            aligned(number, len(recordings))
    _write(target, rows)
    partial.unlink()


def forget_alignments(work: Path, name: str, recordings: Collection[str]) -> None:
    """Remove the recordings with these names from the file that `align_recordings` wrote."""
    target = work / "align" / f"{name}.json"
    rows = orjson.loads(target.read_bytes())
    _write(target, [row for row in rows if row["name"] not in recordings])


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with whole_file(path) as partial:
        partial.write_bytes(orjson.dumps(rows))


def _read_partial(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    found = path.read_bytes()
    whole = found[: found.rfind(b"\n") + 1]  # the last line may be incomplete
    os.truncate(path, len(whole))
    return [orjson.loads(line) for line in whole.splitlines()]


def _row(name: str, utterance: Utterance, found: Sequence[AlignedWord]) -> dict[str, Any]:
    words = [
        {
            "spoken": word.spoken,
            "span": word.span,
            "after": word.after.value,
            "phones": aligned.phones,
            "starts": aligned.starts,
            "end": aligned.end,
        }
        for word, aligned in zip(utterance.words, found, strict=True)
    ]
    return {"name": name, "text": utterance.source, "words": words}


def read_alignments(work: Path, speaker: str) -> list[AlignedUtterance]:
    """Read what `align_recordings` wrote."""
    aligned = []
    for row in orjson.loads((work / "align" / f"{speaker}.json").read_bytes()):
        words = tuple(
            Word(word["spoken"], tuple(word["span"]), tuple(word["phones"]), Break(word["after"]))
            for word in row["words"]
        )
        times = tuple(
            AlignedWord(tuple(word["phones"]), tuple(word["starts"]), word["end"]) for word in row["words"]
        )
        aligned.append(AlignedUtterance(row["name"], Utterance(row["text"], words), times))
    return aligned
