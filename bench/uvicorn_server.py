"""The baseline: uvicorn and websockets send the same bytes at the same pace and do nothing else.

There is no protocol, text, encoder or base64: the message is prepared once.  `bench.scripted` starts it.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from typing import TYPE_CHECKING

import pybase64
import uvicorn

if TYPE_CHECKING:  # the process must import nothing else than uvicorn
    from starlette.types import Receive, Scope, Send

AUDIO_HEAD, AUDIO_TAIL = '{"audio":"', '","isFinal":null,"normalizedAlignment":null,"alignment":null}'
FINAL = '{"audio":null,"isFinal":true,"normalizedAlignment":null,"alignment":null}'


class Repeater:
    """An ASGI application: after a flush it sends `blocks` messages, one every `every_s`."""

    def __init__(self, block_ms: float, every_s: float, blocks: int) -> None:
        audio = pybase64.b64encode_as_string(bytes(round(24 * block_ms) * 2))
        self.message = AUDIO_HEAD + audio + AUDIO_TAIL
        self.every_s, self.blocks = every_s, blocks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.accept"})
        while '"flush"' not in (await receive()).get("text", '"flush"'):
            pass
        loop = asyncio.get_running_loop()
        due = loop.time()
        for _ in range(self.blocks):
            due += self.every_s
            await asyncio.sleep(due - loop.time())
            await send({"type": "websocket.send", "text": self.message})
        await send({"type": "websocket.send", "text": FINAL})
        await send({"type": "websocket.close", "code": 1000})


if __name__ == "__main__":
    made = argparse.ArgumentParser()
    for name in ("--block-ms", "--every-s"):
        made.add_argument(name, type=float, required=True)
    made.add_argument("--blocks", type=int, required=True)
    said = made.parse_args()
    app = Repeater(said.block_ms, said.every_s, said.blocks)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(f"ready at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        app, log_level="error", lifespan="off", ws="websockets", ws_per_message_deflate=False
    )
    uvicorn.Server(config).run(sockets=[listener])
