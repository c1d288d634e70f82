"""Reasoning, fenced code and performance tags, wherever the stream is cut."""

from __future__ import annotations

import pytest

from zelitrio.text import Reading, SkippedParts, StreamReader, load_front_end

_THINKING = "<think>Let me see.\n\nShe wants 5.</think>\nIt is five."
_CODE = "Run this:\n```python\nprint('hi')\n```\nDone."


def _said(chunks: list[str], unheard: SkippedParts | None = None, model_id: str | None = None) -> str:
    reader = StreamReader(load_front_end(), Reading(model_id=model_id), skipped=unheard or SkippedParts())
    read = [utterance for chunk in chunks for utterance in reader.read(chunk)]
    return " ".join(word.spoken for utterance in read for word in utterance.words)


def _at_spaces(text: str) -> list[list[str]]:
    """The text whole, and cut after each white space in turn."""
    return [[text]] + [[text[:at], text[at:]] for at in range(1, len(text)) if text[at - 1].isspace()]


@pytest.mark.parametrize("chunks", _at_spaces(_THINKING))
def test_reasoning_is_not_spoken(chunks: list[str]) -> None:
    assert _said(chunks) == "it is five"


@pytest.mark.parametrize("chunks", _at_spaces(_CODE))
def test_fenced_code_is_read_without_its_fence_or_skipped(chunks: list[str]) -> None:
    assert _said(chunks) == "run this print hi done"
    assert _said(chunks, SkippedParts(code=True)) == "run this done"


def test_open_reasoning_is_silent_and_a_tag_inside_a_sentence_does_not_count() -> None:
    assert _said(["<think>Hm. ", "And on. "]) == ""
    assert _said(["The <think> tag is used."]) == "the tag is used"
    assert _said([_THINKING], SkippedParts(reasoning=False)) == "let me see she wants five it is five"


@pytest.mark.parametrize("model_id", ["eleven_v3", "eleven_v3_preview", "ELEVEN_V3"])
def test_performance_tags_are_silent_for_models_that_have_them(model_id: str) -> None:
    text = "[happy] Hello, [laughs softly] you. [1] See [this](https://a.io)."
    assert _said([text], model_id=model_id) == "hello you see this"
    assert _said([text], model_id="eleven_flash_v2_5") == "happy hello laughs softly you see this"


def test_an_utterance_keeps_the_characters_that_are_not_spoken() -> None:
    reader = StreamReader(load_front_end(), Reading())
    (utterance,) = reader.read(_THINKING)
    assert utterance.source == _THINKING
    assert [_THINKING[slice(*word.span)] for word in utterance.words] == ["It", "is", "five"]
