"""A page in Chromium, and the questions that tests ask about it."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, WebSocket

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SOUND_FLAG = "--autoplay-policy=no-user-gesture-required"
FOLDER = Path(__file__).parent
PATIENCE_S = 40


@contextmanager
def open_browser(*flags: str) -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    # Imported here, because these tests are collected, though deselected, if playwright is not installed.
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program, f"expected one of {', '.join(PROGRAMS)}: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=[*FLAGS, *flags])
        yield browser
        browser.close()


def audio_in(frames: list[dict[str, Any]]) -> bytes:
    """All audio of a socket's frames."""
    return b"".join(base64.b64decode(frame.get("audio") or "") for frame in frames)


@attrs.define(eq=False)
class Tab:
    """The playground in a tab, with all messages of its sockets.

    Attributes:
        requests: addresses that the page requested, its sockets included.
        sockets: the frames of each socket, in order.
        complaints: errors of the page's code and console.
    """

    page: Page
    url: str
    requests: list[str] = attrs.field(factory=list)
    sockets: list[list[dict[str, Any]]] = attrs.field(factory=list)
    complaints: list[str] = attrs.field(factory=list)

    def listen(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self._listen_to(socket))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type == "error" else None,
        )

    def _listen_to(self, socket: WebSocket) -> None:
        frames: list[dict[str, Any]] = []
        self.sockets.append(frames)
        self.requests.append(socket.url)
        socket.on("framereceived", lambda frame: frames.append(json.loads(frame)))

    def until(self, condition: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait for an expression to become true; the page's policy forbids playwright's own way."""
        deadline = time.monotonic() + timeout_s
        while not self.page.evaluate(condition):
            assert time.monotonic() < deadline, f"{condition}: {self.page.inner_text('main')}"
            self.page.wait_for_timeout(50)

    def open(self) -> Tab:
        self.page.goto(self.url)
        self.until("document.querySelector('#state').textContent !== 'Loading'")
        return self

    @property
    def state(self) -> str:
        return self.page.inner_text("#state")

    @property
    def trouble(self) -> str:
        return self.page.inner_text("#trouble") if self.page.is_visible("#trouble") else ""

    def wait_state(self, start: str) -> str:
        self.until(f"document.querySelector('#state').textContent.startsWith({json.dumps(start)})")
        return self.state

    def wait_trouble(self) -> str:
        self.until("!document.querySelector('#trouble').hidden")
        return self.trouble

    def choose(self, way: str) -> None:
        self.page.check(f"[name=way][value={way}]", force=True)

    def view(self, name: str) -> None:
        self.page.check(f"[name=view][value={name}]", force=True)

    def figure(self, name: str) -> str:
        """A figure of this run, as the page shows it."""
        return self.page.inner_text(f"#figures div:has(dt:text-is('{name}')) dd")

    def write(self, text: str) -> None:
        self.page.fill("#text", text)

    def set_range(self, name: str, value: float) -> None:
        self.page.evaluate(
            """([id, value]) => {
                 const input = document.getElementById(id);
                 input.value = value;
                 input.dispatchEvent(new Event("input", { bubbles: true }));
               }""",
            [name, value],
        )

    def sent(self, number: int = -1) -> bytes:
        """All audio that came over a socket."""
        return audio_in(self.sockets[number])

    def played(self) -> tuple[int, np.ndarray]:
        """The frame of the first recorded sample, and all samples as 16-bit numbers."""
        self.page.wait_for_timeout(100)  # The last samples are on their way from the audio thread.
        taken = self.page.evaluate("window.takeSamples()")
        return taken["frame"], np.array(taken["samples"], np.float64)

    def export(self) -> dict[str, Any]:
        """The JSON file that the page exports."""
        with self.page.expect_download() as offered:
            self.page.click("#export")
        return json.loads(Path(offered.value.path()).read_text(encoding="utf-8"))


@contextmanager
def open_tab(browser: Browser, url: str, *, record: bool = False, **options: Any) -> Iterator[Tab]:
    """A separate tab that shares nothing with other tabs.

    Args:
        browser: the browser.
        url: the server's URL.
        record: whether the played samples are recorded.
        options: of the browser's context, such as the size of its window.
    """
    # The recorder is a module of the test, which the page's policy refuses.
    context = browser.new_context(bypass_csp=record, **options)
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE_S / 2)
    tab = Tab(page, f"{url}/")
    tab.listen()
    if record:
        recorder, listen = ((FOLDER / name).read_text("utf-8") for name in ("recorder.js", "listen.js"))
        page.add_init_script(f"const RECORDER = {json.dumps(recorder)};\n{listen}")
    yield tab.open()
    context.close()
