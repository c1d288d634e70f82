"""Join surrogate pairs: JSON may escape an emoji as two UTF-16 halves, and a message may end between them."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_HALF = re.compile("[\ud800-\udfff]")
_HIGH = re.compile("[\ud800-\udbff]\\Z")
_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")


def decode_with_halves(message: str) -> dict[str, Any] | None:
    """Decode a message with unpaired surrogates (halves) in its `text`; None for any other message.

    orjson refuses them.  Python's own parser accepts them and is used only for such messages.
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
        # All other fields must be valid for orjson: no NaN, no halves.
        others = orjson.loads(json.dumps({name: found[name] for name in found if name != "text"}))
    except ValueError:
        return None
    return {**others, "text": found["text"]}


def join_halves(before: str, text: str) -> tuple[str, str]:
    """Join the halves of characters.

    Args:
        before: the half that the last call returned, or "".
        text: the next text, which may begin or end with a half.

    Returns:
        The text with whole characters, and a half at its end for the next call.  A half without its other
        half becomes U+FFFD.
    """
    if not before and (text.isascii() or not _HALF.search(text)):
        return text, ""
    text = before + text
    held = ""
    if last := _HIGH.search(text):
        text, held = text[: last.start()], last[0]
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), held
