"""The browser example of README, unchanged, in headless Chromium: the page plays the received audio.

It is deselected by default, because it needs Chromium and the extra `browser` (`just test-browser`).
"""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from conftest import KEY, Server
from sound import assert_speech, samples

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
OVER_HTTP = """
const answer = await fetch("http://localhost:8020/v1/text-to-speech/zeli-voice-1/stream", {
  method: "POST",
  headers: { "content-type": "application/json", "xi-api-key": key },
  body: JSON.stringify({ text: "Hello from a browser." }),
});
const audio = new Audio(URL.createObjectURL(await answer.blob()));
await audio.play();
"""
RECORD = """
window.played = [];
const connect = AudioNode.prototype.connect;
const recorders = new WeakMap();
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode) {
    if (!recorders.has(target)) {
      // Deprecated, and yet right here: it is there at once, where a worklet would miss the beginning.
      const recorder = this.context.createScriptProcessor(16384, 1, 1);
      recorder.onaudioprocess = ({ inputBuffer }) => window.played.push(...inputBuffer.getChannelData(0));
      connect.call(recorder, target);
      recorders.set(target, recorder);
    }
    connect.call(this, recorders.get(target));
  }
  return connect.call(this, target, ...rest);
};
"""
"""Runs before the page's own code: records everything that is connected to the loudspeaker."""


class Blank(BaseHTTPRequestHandler):
    """An empty page from another server."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>an application</title>")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def an_application() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Blank) as web:
        thread = Thread(target=partial(web.serve_forever, poll_interval=0.05))
        thread.start()
        try:
            yield f"http://localhost:{web.server_port}/"
        finally:
            web.shutdown()
            thread.join()


@pytest.fixture
def page() -> Iterator[Page]:
    """A page with another origin than the server."""
    # Imported here, because these tests are collected, though deselected, if playwright is not installed.
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program, f"expected one of {', '.join(PROGRAMS)}: apt-get install chromium"
    with sync_playwright() as playwright, an_application() as url:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=FLAGS)
        page = browser.new_page()
        page.add_init_script(RECORD)
        page.goto(url)
        yield page
        browser.close()


def examples(server: Server) -> list[str]:
    """The lines of README with the test's address."""
    section = README.split("**A browser**")[1].split("\n### ")[0]
    host = server.url.removeprefix("http://")
    return [
        code.replace("localhost:8020", host) for code in re.findall(r"```js\n(.*?)```", section, re.DOTALL)
    ]


def token(server: Server) -> str:
    answer = httpx.post(f"{server.url}/v1/single-use-token/tts_websocket", headers={"xi-api-key": KEY})
    return str(answer.raise_for_status().json()["token"])


def test_the_sound_of_a_socket_is_played_whole(server: Server, page: Page) -> None:
    (over_socket,) = examples(server)
    frames: list[dict[str, str | None]] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: frames.append(json.loads(frame))),
    )
    page.evaluate(
        f"token => {{ {over_socket}\nwindow.ended = () => context.currentTime > playedUntil + 1.5; }}",
        token(server),
    )
    page.wait_for_function("window.ended()", timeout=30_000)
    played = np.array(page.evaluate("window.played"), np.float32)
    sent = samples(b"".join(base64.b64decode(frame["audio"] or "") for frame in frames))
    assert_speech(sent, 0.8, 3.0)
    # A busy machine may leave gaps between frames; every sample must still be there, in order.
    # A frame's place is a sum of floats with an error near 1e-12, so a silent sample can be 1e-16.
    np.testing.assert_allclose(played[np.abs(played) > 1e-6], sent[sent != 0], atol=1e-5)


def test_an_answer_over_http_is_played_and_its_headers_can_be_read(server: Server, page: Page) -> None:
    over_http = OVER_HTTP.replace("http://localhost:8020", server.url)
    heard = page.evaluate(
        f"""async key => {{
          {over_http}
          const player = new AudioContext();
          const source = player.createMediaElementSource(audio);
          source.connect(player.destination);
          await new Promise((resolve) => (audio.onended = resolve));
          return {{ seconds: audio.currentTime, headers: Object.fromEntries(answer.headers) }};
        }}""",
        KEY,
    )
    assert 0.8 < heard["seconds"] < 3.0
    assert {"request-id", "character-cost", "tts-latency-ms", "server-timing"} <= set(heard["headers"])
