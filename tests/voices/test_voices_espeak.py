"""Other languages by espeak, in its own process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_voices_public import write_piper

from zelitrio.cli.app import run
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


@pytest.mark.parametrize(("voice", "code"), [("xx", 1), ("de-none", 1), ("de", 0), ("pt-br", 0)])
def test_a_voice_of_a_language_that_espeak_lacks_is_not_added(
    voice: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    side = write_piper(tmp_path / "source").with_name("en_US-tiny-medium.onnx.json")
    content = {**json.loads(side.read_text()), "espeak": {"voice": voice}, "language": {"code": "xx_YY"}}
    side.write_text(json.dumps(content))
    assert run(["voices", "add", str(tmp_path / "source"), "--into", str(tmp_path / "home")]) == code
    if code:
        expected = f"espeak.voice: expected a language that espeak has, found {voice}"
        assert capsys.readouterr().err.splitlines()[-1].endswith(expected)
