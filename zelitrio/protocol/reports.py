"""Messages of this server's own extensions: reports of spoken text, and acknowledged flushes."""

from __future__ import annotations

import attrs
import orjson

_RARE = ("text_skipped", "text_language")
"""Keys that are omitted if empty."""


@attrs.frozen
class SpeechReport:
    """How much of a context was spoken.

    Attributes:
        text_spoken: the text up to the last word with completely sent, or played, audio.
        text_remaining: the rest of the client's text.
        audio_sent_ms: audio in the sent messages.
        text_skipped: the first text that the voice cannot speak, such as another script.
        text_language: the language that the text seems to be in, if the voice reads another one.
    """

    text_spoken: str
    text_remaining: str
    audio_sent_ms: int
    text_skipped: str = ""
    text_language: str | None = None


def report_keys(report: SpeechReport | None) -> str:
    """The keys of a report as JSON with a leading comma; empty without a report."""
    if report is None:
        return ""
    told = {key: value for key, value in attrs.asdict(report).items() if value or key not in _RARE}
    return "," + orjson.dumps(told).decode()[1:-1]


def report_message(report: SpeechReport, context_key: str) -> str:
    """The message with the report of an ended context."""
    return f'{{"is_over":true{report_keys(report)}{context_key}}}'


def flush_message(flush_id: str, context_key: str) -> str:
    """The message after all audio up to a flush."""
    return f'{{"flush_done":true,"flush_id":{orjson.dumps(flush_id).decode()}{context_key}}}'
