"""A client for realtime speech: send text as it comes, receive audio as it is made.

    async with open_client("ws://127.0.0.1:8020", api_key="...") as client:
        await client.send_text("Hello there. ")
        await client.end()
        async for part in client:
            file.write(part.audio)

`open_client` opens a `Client`.  `open_multi_client` is the same for a socket with several contexts.
"""

from __future__ import annotations

from zelitrio.client.client import Client, ClientAudio, open_client
from zelitrio.client.multi import ClientFailure, ClientFinal, MultiClient, open_multi_client

__all__ = [
    "Client",
    "ClientAudio",
    "ClientFailure",
    "ClientFinal",
    "MultiClient",
    "open_client",
    "open_multi_client",
]
