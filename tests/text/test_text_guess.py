"""The guessed language of a text: reported only if certain."""

from __future__ import annotations

import pytest

from zelitrio.text import ForeignFrontEnd, LanguageGuess, explain, load_front_end, scripts_of, seems_other

TEXTS = {
    "en": "I would like to know when the next train is leaving, and if it is on time. Thank you.",
    "de": "Ich würde gerne wissen, wann der nächste Zug fährt und ob er auch pünktlich ist. Das ist gut.",
    "fr": "Je voudrais savoir si le prochain train est à l'heure, et sur quelle voie il part pour la ville.",
    "es": "Quisiera saber si el próximo tren llega a la hora y de qué vía sale, por favor. Es muy bueno.",
    "it": "Vorrei sapere se il prossimo treno è in orario e da che binario parte. Non ho molto tempo con me.",
    "pt": "Eu queria saber se o próximo comboio está na hora e de que linha sai, por favor. Não é para mim.",
    "nl": "Ik wil graag weten of de volgende trein op tijd is en van welk spoor hij gaat. Het is niet ver.",
    "pl": "Czy następny pociąg jest na czas i z którego toru odjeżdża? Nie wiem, jak to się robi, ale tak.",
    "sv": "Jag vill gärna veta om nästa tåg är i tid och från vilket spår det går. Det är inte för mig.",
    "tr": "Bir sonraki tren ne zaman ve bu bilet için ne kadar var? Ben çok geç kaldım ama daha gelmedi.",
}


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("read_as", ["en-US", "de", "fr"])
def test_a_text_in_another_language_is_named_and_one_in_its_own_is_not(language: str, read_as: str) -> None:
    found = seems_other(LanguageGuess(), TEXTS[language], read_as)
    assert found == (None if read_as.startswith(language) else language)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Schadenfreude",
        "He said: das ist gut, and we all went to the house that he had bought for his wife.",
        "Rio de Janeiro, Los Angeles, San Francisco, La Paz",
        "1 2 3 4 5 6 7 8 9",
        "Bonjour!",
        "Qwrt zxcv bnmh jklp wrtz fghj klmn",
    ],
)
def test_names_quotations_and_short_texts_are_not_named(text: str) -> None:
    assert seems_other(LanguageGuess(), text, "en") is None


def test_a_stream_is_judged_by_its_first_words_and_then_no_more() -> None:
    guess = LanguageGuess()
    for _ in range(5):
        assert seems_other(guess, TEXTS["en"], "en") is None
    assert guess.is_done
    assert seems_other(guess, TEXTS["de"], "en") is None


def test_words_in_a_script_of_another_language_are_skipped_and_told() -> None:
    reader = ForeignFrontEnd(pronounce=lambda words: list(words), scripts=scripts_of("de-DE"))
    told = explain(reader, "Das Wort Привет und Größe 漢字", language="de")
    assert [word.spoken for word in told.utterance.words] == ["Das", "Wort", "und", "Größe"]
    assert told.to_json()["skipped"] == [{"text": "Привет", "start": 9}, {"text": "漢字", "start": 26}]


def test_an_explanation_tells_a_text_in_another_language() -> None:
    told = explain(load_front_end(), TEXTS["de"]).to_json()
    assert told["language"] == "de"
    assert explain(load_front_end(), TEXTS["en"]).to_json()["language"] is None
