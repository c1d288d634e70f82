from __future__ import annotations

import attrs

from zelitrio.text import Utterance, Word, load_front_end, load_lexicon
from zelitrio.training.align import pronunciations, restressed
from zelitrio.training.alignment import AlignedWord, close_gaps, read_words


@attrs.frozen
class Phone:
    start: int
    duration: int


class Entry(list[Phone]):
    def __init__(self, name: str, *phones: tuple[int, int]) -> None:
        super().__init__(Phone(*phone) for phone in phones)
        self.name = name


KNOWN = {"whi": ("HH", "AY1"), "wyou": ("Y", "UW1"), "wyou(2)": ("Y", "AH0")}


def test_words_are_read_without_padding_and_silence() -> None:
    found = read_words(
        [
            Entry("<sil>", (0, 20)),
            Entry("whi", (20, 5), (25, 10)),
            Entry("<sil>", (35, 9)),
            Entry("wyou(2)", (44, 4), (48, 6)),
        ],
        KNOWN,
        ["whi", "wyou"],
        20,
    )
    assert found == [
        AlignedWord(("HH", "AY1"), (0, 5), 15),
        AlignedWord(("Y", "AH0"), (24, 28), 34),
    ]


def test_a_missing_word_or_phone_makes_an_alignment_invalid() -> None:
    assert read_words([Entry("whi", (0, 5), (5, 5))], KNOWN, ["whi", "wyou"], 0) is None
    assert read_words([Entry("whi", (0, 5))], KNOWN, ["whi"], 0) is None


def test_a_gap_too_short_for_a_pause_belongs_to_the_word_before() -> None:
    words = [AlignedWord(("HH", "AY1"), (0, 5), 10), AlignedWord(("Y", "UW1"), (14, 18), 20)]
    assert close_gaps(words)[0].end == 14
    apart = [words[0], AlignedWord(("Y", "UW1"), (15, 18), 20)]
    assert close_gaps(apart)[0].end == 10


def test_an_unstressed_function_word_is_offered_unstressed_in_all_its_forms() -> None:
    offered = pronunciations(Word("to", (0, 2), ("T", "AH0")), load_lexicon())
    assert offered[0] == ("T", "AH0")
    assert ("T", "UW0") in offered
    assert ("T", "UW1") not in offered


def test_stresses_follow_the_front_end_and_pronunciations_stay_as_said() -> None:
    front_end = load_front_end()
    read = front_end.utterance("Hello there.")
    flat = tuple(phone.replace("1", "2") for phone in read.words[0].phones)
    said = Utterance(
        "Hello there.",
        (attrs.evolve(read.words[0], phones=flat), attrs.evolve(read.words[1], phones=("D", "EH1", "R"))),
    )
    words = restressed(said, front_end).words
    assert words[0].phones == read.words[0].phones
    assert words[1].phones == ("D", "EH1", "R")
