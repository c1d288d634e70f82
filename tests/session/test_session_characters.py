"""Word times spread over characters: each character gets one time, in order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from zelitrio.session.characters import align_characters
from zelitrio.text import load_front_end

PIECES = st.sampled_from(["Dr.", "$5", "1/2", "don't", "...", "?!", " ", "x²", "你好", "<b>"])
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map("".join))


@settings(max_examples=75, deadline=None)
@given(TEXTS, st.lists(st.integers(0, 400), min_size=40, max_size=40))
def test_every_character_is_placed_once_and_in_order(text: str, lengths: list[int]) -> None:
    utterance = load_front_end().utterance(text)
    times, now = [], 0
    for length in (lengths * (1 + len(utterance.words) // len(lengths)))[: len(utterance.words)]:
        times.append((now, now + length))
        now += length + length % 7
    source, spoken = align_characters(utterance, times)
    assert "".join(source.chars) == text
    assert spoken.chars[0] == " "
    for each in (source, spoken):
        assert len(each.chars) == len(each.starts_ms) == len(each.durations_ms)
        assert list(each.starts_ms) == sorted(each.starts_ms)
        assert all(duration >= 0 for duration in each.durations_ms)


def test_an_alignment_shares_each_words_time_among_its_characters() -> None:
    utterance = load_front_end().utterance("Hi, $20!")
    times = [(10, 110), (200, 300), (300, 500)]
    source, spoken = align_characters(utterance, times)
    assert source.chars == ("H", "i", ",", " ", "$", "2", "0", "!")
    assert source.starts_ms == (10, 60, 110, 155, 200, 300, 400, 500)
    assert source.durations_ms == (50, 50, 45, 45, 100, 100, 100, 0)
    assert "".join(spoken.chars) == " hi, twenty dollars!"
    assert spoken.starts_ms[0] == 0 and spoken.starts_ms[1] == 10


def test_an_empty_utterance_has_an_alignment_of_zeros() -> None:
    utterance = load_front_end().utterance("...")
    source, spoken = align_characters(utterance, [])
    assert source.starts_ms == (0, 0, 0) and source.durations_ms == (0, 0, 0)
    assert spoken.chars == (" ",)
