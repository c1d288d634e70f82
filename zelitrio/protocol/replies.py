"""Events of protocols that speak replies one after the other on one connection (Wyoming, jambonz)."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from zelitrio.errors import RemoteError


@attrs.frozen(kw_only=True)
class BeginReply:
    """Open a reply.  Its text follows, then `EndReply`.

    Attributes:
        voice: id or name of a voice, if the peer names one.
        language: code of the language for choosing a voice without a name.
        is_ssml: whether the text has SSML tags.
        is_streamed: whether the text comes in pieces.
    """

    voice: str | None = None
    language: str | None = None
    is_ssml: bool = False
    is_streamed: bool = True


@attrs.frozen
class ReplyText:
    """Speak a piece of text; it may end inside a word."""

    text: str


@attrs.frozen
class RefuseReply:
    """End the reply with an error: a field of the peer's message is invalid."""

    error: RemoteError


@attrs.frozen
class EndReply:
    """Speak the rest of the reply; no more text comes."""


ReplyEvent: TypeAlias = "BeginReply | ReplyText | RefuseReply | EndReply"
