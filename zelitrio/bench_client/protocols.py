"""The protocols that a server can be measured in, by the names of the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Protocol

import attrs

from zelitrio.bench_client.address import Address
from zelitrio.bench_client.contexts import ContextSpeaker
from zelitrio.bench_client.conversation import say
from zelitrio.bench_client.heard import Heard
from zelitrio.bench_client.http_speech import (
    Ask,
    HttpSpeaker,
    ask_elevenlabs,
    ask_openai,
    ask_piper,
    ask_riva,
)
from zelitrio.bench_client.wyoming_speech import WyomingSpeaker
from zelitrio.errors import LocalError


class Speaker(Protocol):
    """One client: it says one utterance after another."""

    async def say(self, text: str) -> Heard:
        """One utterance, heard to its end; never raises for what the server does."""

    def close(self) -> None:
        """Give back what it holds."""


@attrs.frozen
class Once:
    """A client that keeps nothing between two utterances."""

    _say: Callable[[str], Awaitable[Heard]]

    async def say(self, text: str) -> Heard:
        """See Speaker."""
        return await self._say(text)

    def close(self) -> None:
        """See Speaker."""


def _http(ask: Ask, address: Address) -> Speaker:
    return Once(HttpSpeaker(address, ask).say)


PROTOCOLS: Mapping[str, Callable[[Address], Speaker]] = {
    "elevenlabs-ws": lambda address: Once(partial(say, address)),
    "elevenlabs-multi": ContextSpeaker,
    "elevenlabs-http": partial(_http, ask_elevenlabs),
    "openai": partial(_http, ask_openai),
    "wyoming": lambda address: Once(WyomingSpeaker(address).say),
    "piper-http": lambda address: Once(HttpSpeaker(address, ask_piper, is_wav=True).say),
    "riva-like": partial(_http, ask_riva),
}


def open_speaker(address: Address) -> Speaker:
    """A client for the address's protocol; it connects when it speaks.

    Raises:
        LocalError: no such protocol.
    """
    make = PROTOCOLS.get(address.protocol)
    if make is None:
        raise LocalError(f"--protocol: expected one of {', '.join(PROTOCOLS)}, found {address.protocol!r}")
    return make(address)
