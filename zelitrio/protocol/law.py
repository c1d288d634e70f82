"""The state table of contexts: the legal moves in each state, and the reactions.

    ABSENT --text, settings--> OPEN --close--> CLOSING --final frame--> ABSENT
                                                  |                        ^
                                                  +--room needed--> EVICTED+

All dialects use it; they differ in the moves of a message.  Flush, keep-alive and close for a context that
does not exist do nothing.  At ElevenLabs they open one that is never closed
(https://github.com/pipecat-ai/pipecat/pull/4126).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from zelitrio.protocol.messages import ClientMessage
from zelitrio.protocol.target import Dialect


class ContextState(enum.Enum):
    """The state of a context."""

    ABSENT = "absent"
    OPEN = "open"
    CLOSING = "closing"
    EVICTED = "evicted"


class Move(enum.Enum):
    """The effect of a message on one context."""

    SAY = "say"
    """Text, or settings, which open a context."""
    URGE = "urge"
    """A flush or trigger without text."""
    KEEP = "keep"
    """A keep-alive."""
    CLOSE = "close"
    CANCEL = "cancel"


class Step(enum.Enum):
    """The reaction of the connection to a move."""

    OPEN = "open"
    GO_ON = "go on"
    END = "end"
    CANCEL = "cancel"
    RECALL = "recall"
    NOTHING = "nothing"
    REFUSE = "refuse"


LAW: Mapping[tuple[ContextState, Move], Step] = MappingProxyType(
    {
        (ContextState.ABSENT, Move.SAY): Step.OPEN,
        (ContextState.ABSENT, Move.URGE): Step.NOTHING,
        (ContextState.ABSENT, Move.KEEP): Step.NOTHING,
        (ContextState.ABSENT, Move.CLOSE): Step.RECALL,
        (ContextState.ABSENT, Move.CANCEL): Step.RECALL,
        (ContextState.OPEN, Move.SAY): Step.GO_ON,
        (ContextState.OPEN, Move.URGE): Step.GO_ON,
        (ContextState.OPEN, Move.KEEP): Step.GO_ON,
        (ContextState.OPEN, Move.CLOSE): Step.END,
        (ContextState.OPEN, Move.CANCEL): Step.CANCEL,
        # An id can be used again after its final frame.  Earlier text is refused: ignoring it would lose it
        # silently, and a new context would cut the old one's last words.
        (ContextState.CLOSING, Move.SAY): Step.REFUSE,
        (ContextState.CLOSING, Move.URGE): Step.NOTHING,
        (ContextState.CLOSING, Move.KEEP): Step.NOTHING,
        (ContextState.CLOSING, Move.CLOSE): Step.NOTHING,
        (ContextState.CLOSING, Move.CANCEL): Step.CANCEL,
        (ContextState.EVICTED, Move.SAY): Step.REFUSE,
        (ContextState.EVICTED, Move.URGE): Step.NOTHING,
        (ContextState.EVICTED, Move.KEEP): Step.NOTHING,
        (ContextState.EVICTED, Move.CLOSE): Step.NOTHING,
        (ContextState.EVICTED, Move.CANCEL): Step.NOTHING,
    }
)


def moves_of(message: ClientMessage, dialect: Dialect) -> list[Move]:
    """The moves of a message, in order.

    The dialects differ in `{"text": ""}`: it ends `stream-input`, and is a keep-alive on
    `multi-stream-input`.  With `flush` in the same message it is a flush on both.
    """
    if dialect is Dialect.SINGLE and message.text == "" and not (message.flush or message.cancel):
        return [Move.CLOSE]
    moves = []
    if message.text or message.has_settings:
        moves.append(Move.SAY)
    elif message.flush or message.trigger:
        moves.append(Move.URGE)
    elif not (message.close_context or message.cancel):
        moves.append(Move.KEEP)
    if message.close_context:
        moves.append(Move.CLOSE)
    if message.cancel:
        moves.append(Move.CANCEL)
    return moves
