"""Second step: where each phone of each recording lies, by the serving front end's phones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

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
from zelitrio.training.corpus import Speaker, read_recordings


@attrs.frozen
class AlignedUtterance:
    """One recording: its words as they were said, and when."""

    name: str
    utterance: Utterance
    """With the pronunciations that were heard."""
    words: tuple[AlignedWord, ...]


def pronunciations(word: Word, lexicon: Lexicon) -> list[Phones]:
    """What a reader may have said for a word: the front end's choice first, then the dictionary's others.

    Where the front end says a function word without stress, its other forms are offered without stress
    too, so that stress in training means what it means in serving.
    """
    weak = all(phone[-1] in "0" for phone in word.phones if is_vowel(phone))
    variants = [word.phones]
    for phones in lexicon.find(word.spoken):
        said = tuple(f"{phone[:-1]}0" if is_vowel(phone) else phone for phone in phones) if weak else phones
        if said not in variants:
            variants.append(said)
    return variants


def restressed(utterance: Utterance, front_end: FrontEnd) -> Utterance:
    """The utterance with today's stresses: alignments outlive changes to the front end's weak forms.

    What was said stays; only where the front end now says the same phones with other stresses, those
    are taken.
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


def align_speaker(corpus: Path, work: Path, speaker: Speaker, report: Callable[[str], None] = print) -> None:
    """Align every recording of a speaker and write `work/align/<speaker>.json`; skip when it is there."""
    target = work / "align" / f"{speaker.name}.json"
    if target.is_file():
        return
    started_s = time.monotonic()
    front_end, lexicon, aligner = load_front_end(), load_lexicon(), Aligner()
    rows: list[dict[str, object]] = []
    failed = 0
    for recording in read_recordings(corpus / speaker.name):
        utterance = front_end.utterance(recording.text)
        offered = [pronunciations(word, lexicon) for word in utterance.words]
        found = aligner.align(decode_file(recording.path, RATE_HZ), offered) if offered else None
        if found is None:
            failed += 1
            report(f"{recording.path.name}: left out: no alignment of {recording.text!r}")
            continue
        rows.append(_row(recording.path.stem, utterance, found))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(orjson.dumps(rows))
    report(f"{speaker.name}: {len(rows)} aligned, {failed} left out, {time.monotonic() - started_s:.0f} s")


def _row(name: str, utterance: Utterance, found: Sequence[AlignedWord]) -> dict[str, object]:
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
    """What `align_speaker` wrote."""
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
