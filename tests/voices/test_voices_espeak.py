"""Other languages by espeak, in its own process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from zelitrio.errors import LocalError
from zelitrio.text import load_front_end
from zelitrio.voices.espeak import SHARED, Espeak
from zelitrio.voices.espeak_reading import (
    kokoro_by_espeak,
    piper_by_espeak,
)
from zelitrio.voices.kokoro_symbols import KOKORO_IDS

pytest.importorskip("espeakng_loader", reason="the extra `espeak` is not installed")


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    SHARED.close()


def test_german_in_pipers_symbols_word_by_word() -> None:
    words = (
        piper_by_espeak("de", "de").reader(load_front_end()).utterance("Guten Tag, ich habe 25 Katzen.").words
    )
    assert [word.spoken for word in words] == ["Guten", "Tag", "ich", "habe", "25", "Katzen"]
    assert words[0].symbols == "ɡˈuːtən"
    assert " " in (words[4].symbols or "")  # one number, two words: times are of the number


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "¿Cómo estás? Hoy es un buen día."),
        ("fr", "Bonjour, je m'appelle Siwis."),
        ("it", "Ciao, come stai oggi?"),
        ("pt-br", "Bom dia, tudo bem com você?"),
        ("hi", "नमस्ते, आप कैसे हैं?"),
    ],
)
def test_kokoros_languages_leave_no_symbol_that_it_does_not_know(language: str, text: str) -> None:
    words = kokoro_by_espeak(language, language).reader(load_front_end()).utterance(text).words
    assert words
    symbols = "".join(word.symbols or "" for word in words)
    assert {symbol for symbol in symbols if symbol not in KOKORO_IDS} == set()


def test_a_language_that_espeak_does_not_know_is_named() -> None:
    with pytest.raises(LocalError, match="no voice xx-none"):
        SHARED.phonemes("xx-none", ["a"], ties=False)


def test_a_process_that_was_killed_is_started_again() -> None:
    espeak = Espeak()
    first = espeak.phonemes("de", ["Tag"], ties=False)
    assert espeak._child is not None
    espeak._child.kill()
    espeak._child.wait()
    assert espeak.phonemes("de", ["Tag"], ties=False) == first
    espeak.close()
