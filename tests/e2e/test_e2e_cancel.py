"""The report of a cancelled context agrees with the audio that its client got."""

from __future__ import annotations

import base64
import json
import random
import threading
from typing import Any

import attrs
import pytest
import websocket
from conftest import KEY, VOICE, Server

TEXTS = (
    "The train to the coast leaves at nine, and the next one follows half an hour later. ",
    "Yes, of course. I have found three flights for you, and the first one leaves tomorrow. ",
    "Please hold on for a moment while I look that up in our files; it will not take long. ",
)
CANCELS = 12
PATHS = {
    "multi": f"/v1/text-to-speech/{VOICE}/multi-stream-input?auto_mode=true",
    "dialogue": "/v1/text-to-dialogue/multi-stream-input?sync_alignment=true",
}
BYTES_PER_MS = 48


@attrs.define(eq=False)
class Client:
    """One socket; every context has the same seed, so a text always gives the same audio."""

    kind: str
    ws: websocket.WebSocket
    contexts: int = 0

    def say(self, text: str, **more: Any) -> str:
        self.contexts += 1
        context = f"turn-{self.contexts}"
        if self.kind == "dialogue":
            said: dict[str, Any] = {"voices": [VOICE], "inputs": [{"text": text, "voice_id": VOICE}]}
        else:
            said = {"text": text}
        self.send(context, **said, **more, flush=True)
        return context

    def send(self, context: str, **fields: Any) -> None:
        self.ws.send(json.dumps({"context_id": context, **fields}))

    def until_final(self, context: str) -> list[dict[str, Any]]:
        frames: list[dict[str, Any]] = []
        while not frames or not (frames[-1].get("isFinal") or frames[-1].get("is_final")):
            frames.append(json.loads(self.ws.recv()))
            assert "error" not in frames[-1], frames[-1]
            assert context in (frames[-1].get("contextId"), frames[-1].get("context_id"))
        return frames


def connected(server: Server, kind: str) -> Client:
    url = f"{server.ws_url}{PATHS[kind]}&output_format=pcm_24000&seed=7"
    return Client(kind, websocket.create_connection(url, header={"xi-api-key": KEY}, timeout=20))


def audio_ms(frame: dict[str, Any]) -> float:
    return len(base64.b64decode(frame.get("audio") or "")) / BYTES_PER_MS


def word_ends(client: Client, text: str) -> tuple[list[float], float]:
    """The end of each word and of the whole text, in ms of the context's audio."""
    context = client.say(text, timestamps=["word"])
    client.send(context, close_context=True)
    ends: list[float] = []
    before_ms = 0.0
    for frame in client.until_final(context):
        told = frame.get("words", {"start_times_ms": [], "durations_ms": []})
        ends += [
            before_ms + start + length
            for start, length in zip(told["start_times_ms"], told["durations_ms"], strict=True)
        ]
        before_ms += audio_ms(frame)
    assert len(ends) == len(text.split())
    return ends, before_ms


def cancelled(client: Client, chance: random.Random, text: str) -> tuple[dict[str, Any], float]:
    """Cancel a context at a random time; return its report, and the received audio in ms."""
    context = client.say(text)
    delay = threading.Timer(chance.uniform(0, 0.12), client.send, (context,), {"cancel": True})
    delay.start()
    frames = client.until_final(context)
    delay.join()
    report = frames[-1]
    if "text_spoken" not in report:  # the context ended before the cancel
        report = json.loads(client.ws.recv())
        assert report["is_over"] is True
    return report, sum(map(audio_ms, frames))


def disagreements(server: Server, kind: str, count: int, seed: int) -> tuple[list[str], int]:
    """Cancel `count` contexts; return the wrong reports, and the number of those in mid-text."""
    chance = random.Random(seed)
    client = connected(server, kind)
    ends = {text: word_ends(client, text) for text in TEXTS}
    wrong: list[str] = []
    in_mid_text = 0
    for _ in range(count):
        text = chance.choice(TEXTS)
        report, got_ms = cancelled(client, chance, text)
        heard = sum(end <= got_ms + 1 for end in ends[text][0])
        told = len(report["text_spoken"].split())
        agree = (
            report["text_spoken"] + report["text_remaining"] == text
            and abs(report["audio_sent_ms"] - got_ms) <= 1
            and told == heard
        )
        if not agree:
            wrong.append(f"{got_ms:.0f} ms came, {heard} words ended by then, {told} were told: {report}")
        in_mid_text += 0 < told < len(text.split())
    client.ws.close()
    return wrong, in_mid_text


@pytest.mark.parametrize("kind", PATHS)
def test_the_report_of_every_cancel_agrees_with_the_audio_that_came(server: Server, kind: str) -> None:
    wrong, in_mid_text = disagreements(server, kind, CANCELS, seed=7)
    assert not wrong and in_mid_text
