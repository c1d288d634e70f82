"""A server that was suspended speaks the text that arrived meanwhile."""

from __future__ import annotations

import base64
import json
import os
import signal
import time

import pytest
import websocket
from conftest import KEY, VOICE, Server

STOPPED_S = 4.0


@pytest.mark.parametrize("path", ["stream-input", "multi-stream-input"])
def test_text_sent_while_the_server_was_stopped_is_spoken(server: Server, path: str) -> None:
    query = "output_format=pcm_24000&inactivity_timeout=2"
    ws = websocket.create_connection(
        f"{server.ws_url}/v1/text-to-speech/{VOICE}/{path}?{query}", header={"xi-api-key": KEY}, timeout=20
    )
    context = {} if path == "stream-input" else {"context_id": "a"}
    ws.send(json.dumps({"text": " ", **context}))
    time.sleep(1)  # the limit counts
    os.kill(server.pid, signal.SIGSTOP)
    try:
        time.sleep(0.2)
        ws.send(json.dumps({"text": "Are you still there? ", **context}))
        time.sleep(STOPPED_S / 2)
        ws.send(json.dumps({"flush": True, **context}))
        time.sleep(STOPPED_S / 2)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    end = {"text": ""} if not context else {"close_context": True, **context}
    ws.send(json.dumps(end))
    audio = b""
    while not (message := json.loads(ws.recv())).get("isFinal"):
        assert "error" not in message
        audio += base64.b64decode(message["audio"])
    assert len(audio) / 48_000 > 0.8
    ws.close()
