"""Characters cut in two: JSON writes an emoji as two UTF-16 halves, and a message may end after the first."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_HALF = re.compile("[\ud800-\udfff]")
_HIGH = re.compile("[\ud800-\udbff]\\Z")
_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")


def decode_with_halves(message: str) -> dict[str, Any] | None:
    """The object of a message with halves of characters in its `text`; None for any other message.

    orjson refuses halves.  Python's own parser takes them, and is used for such messages only.
    """
    if not _ESCAPED.search(message):
        return None
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("text"), str):
        return None
    try:
        # Everything but the text must be what orjson takes: NaN and halves are not.
        others = orjson.loads(json.dumps({name: found[name] for name in found if name != "text"}))
    except ValueError:
        return None
    return {**others, "text": found["text"]}


def join_halves(before: str, text: str) -> tuple[str, str]:
    """Join the halves of characters.

    Args:
        before: the half that was held back before.
        text: the next text; may begin or end with a half.

    Returns:
        The text with whole characters only, and what is to be held back of it.  A half without its other
        half becomes U+FFFD.
    """
    if not before and (text.isascii() or not _HALF.search(text)):
        return text, ""
    text = before + text
    held = ""
    if last := _HIGH.search(text):
        text, held = text[: last.start()], last[0]
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), held
