"""The protocols in which a server can be measured, by their names on the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Protocol

import attrs

from zelitrio.bench_client.address import Address
from zelitrio.bench_client.contexts import ContextSpeaker
from zelitrio.bench_client.conversation import say
from zelitrio.bench_client.http_speech import (
    HttpSpeaker,
    MakeRequest,
    ask_elevenlabs,
    ask_openai,
    ask_piper,
    ask_riva,
)
from zelitrio.bench_client.received import ReceivedSpeech
from zelitrio.bench_client.wyoming_speech import WyomingSpeaker
from zelitrio.errors import LocalError


class Speaker(Protocol):
    """A client that speaks one utterance after another, in one protocol."""

    async def say(self, text: str) -> ReceivedSpeech:
        """Speak one utterance and wait for its end; a failure is in the result, not raised."""

    def close(self) -> None:
        """Close the connection, if one is open; does not wait."""


@attrs.frozen
class OneShotSpeaker:
    """A speaker that keeps no connection between utterances."""

    _say: Callable[[str], Awaitable[ReceivedSpeech]]

    async def say(self, text: str) -> ReceivedSpeech:
        """See Speaker."""
        return await self._say(text)

    def close(self) -> None:
        """See Speaker."""


def _http(ask: MakeRequest, address: Address) -> Speaker:
    return OneShotSpeaker(HttpSpeaker(address, ask).say)


PROTOCOLS: Mapping[str, Callable[[Address], Speaker]] = {
    "elevenlabs-ws": lambda address: OneShotSpeaker(partial(say, address)),
    "elevenlabs-multi": ContextSpeaker,
    "elevenlabs-http": partial(_http, ask_elevenlabs),
    "openai": partial(_http, ask_openai),
    "wyoming": lambda address: OneShotSpeaker(WyomingSpeaker(address).say),
    "piper-http": lambda address: OneShotSpeaker(HttpSpeaker(address, ask_piper, is_wav=True).say),
    "riva-like": partial(_http, ask_riva),
}


SOCKETS = ("elevenlabs-ws", "elevenlabs-multi")


def open_speaker(address: Address) -> Speaker:
    """Make a speaker for the address's protocol; it connects when it speaks.

    Raises:
        LocalError: no such protocol, or it has no such format.
    """
    make = PROTOCOLS.get(address.protocol)
    if make is None:
        raise LocalError(f"--protocol: expected one of {', '.join(PROTOCOLS)}, found {address.protocol!r}")
    if address.output_format == "wav" and address.protocol in SOCKETS:
        raise LocalError(
            f"--format: expected pcm_24000 or the like, found wav, which {address.protocol} lacks"
        )
    return make(address)
