"""Events of a peer that has texts spoken one after the other on one connection."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from zelitrio.errors import RemoteError


@attrs.frozen(kw_only=True)
class BeginReply:
    """Open a reply.  Its text follows, then `EndReply`.

    Attributes:
        voice: id or name of a voice; None: the peer names none.
        language: of a voice, if none is named.
        is_ssml: whether the text has tags.
        is_streamed: whether the text comes while it is written.
    """

    voice: str | None = None
    language: str | None = None
    is_ssml: bool = False
    is_streamed: bool = True


@attrs.frozen
class ReplyText:
    """Speak a piece of text; it need not end at a word."""

    text: str


@attrs.frozen
class RefuseReply:
    """End the reply with an error: a field of the peer's message is wrong."""

    error: RemoteError


@attrs.frozen
class EndReply:
    """Speak what there is; no more text comes."""


ReplyEvent: TypeAlias = "BeginReply | ReplyText | RefuseReply | EndReply"
