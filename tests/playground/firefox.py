"""Debian's Firefox without a window, driven over WebDriver BiDi."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    import websocket

PROGRAMS = ("firefox-esr", "firefox")
PREFERENCES = {
    "media.autoplay.default": 0,  # Sound without a click on the page.
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.active-protocols": 1,
    "toolkit.telemetry.server": "",
}
FOLDER = Path(__file__).parent
KEEP_FRAMES = """
const Native = WebSocket;
window.frames_ = [];
window.WebSocket = class extends Native {
  constructor(...named) {
    super(...named);
    this.addEventListener("message", ({ data }) => window.frames_.push(JSON.parse(data)));
  }
};
"""
PATIENCE_S = 60


def find_firefox() -> str | None:
    """The program's path, if it and PulseAudio are installed."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None) if shutil.which("pulseaudio") else None


@attrs.define(eq=False)
class FirefoxTab:
    """A tab of Firefox, with the calls that tests need."""

    _socket: websocket.WebSocket
    _context: str = ""
    _numbers: Iterator[int] = attrs.field(factory=count)

    def call(self, method: str, **params: Any) -> Any:
        """Send a command and return its result."""
        number = self._send(method, params)
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("method") == "network.responseStarted" and answer["params"]["isBlocked"]:
                self._let_in(answer["params"])
            if answer.get("id") == number:
                assert answer["type"] == "success", answer
                return answer["result"]

    def _send(self, method: str, params: dict[str, Any]) -> int:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        return number

    def _let_in(self, blocked: dict[str, Any]) -> None:
        """Remove the page's policy, because it refuses the recorder, a module of the test."""
        headers = [
            header
            for header in blocked["response"]["headers"]
            if header["name"].lower() != "content-security-policy"
        ]
        self._send("network.continueResponse", {"request": blocked["request"]["request"], "headers": headers})

    def open(self, url: str) -> None:
        """Open the page; record the samples that it plays and the messages that it receives."""
        self.call("session.new", capabilities={})
        self._context = self.call("browsingContext.getTree")["contexts"][0]["context"]
        recorder, listen = ((FOLDER / name).read_text("utf-8") for name in ("recorder.js", "listen.js"))
        record = f"() => {{ {KEEP_FRAMES} const RECORDER = {json.dumps(recorder)};\n{listen} }}"
        self.call("script.addPreloadScript", functionDeclaration=record)
        self.call("session.subscribe", events=["network.responseStarted"])
        page = {"type": "string", "pattern": url}
        self.call("network.addIntercept", phases=["responseStarted"], urlPatterns=[page])
        self.call("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        result = self.call(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then((value) => JSON.stringify(value ?? null))",
            target={"context": self._context},
            awaitPromise=True,
        )
        assert result["type"] == "success", result
        return json.loads(result["result"]["value"])

    def until(self, condition: str) -> None:
        """Wait for an expression to be true."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.evaluate(condition):
            assert time.monotonic() < deadline, (condition, self.evaluate("document.body.innerText"))
            time.sleep(0.05)

    def press(self, selector: str) -> None:
        """Click the middle of an element with the mouse."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{ block: 'center' }})")
        x, y = self.evaluate(
            f"(({{ x, y, width, height }}) => [Math.round(x + width / 2), Math.round(y + height / 2)])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        mouse = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        actions = [{"type": "pointer", "id": "mouse", "actions": mouse}]
        self.call("input.performActions", context=self._context, actions=actions)


@contextmanager
def null_loudspeaker(folder: Path) -> Iterator[dict[str, str]]:
    """Run a PulseAudio that drops all sound; yield the environment that connects Firefox to it.

    Firefox keeps an AudioContext suspended if there is no device.  Chromium has a fake one.
    """
    place = folder / "socket"
    command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]
    command += ["--disable-shm=yes", "-L", "module-null-sink"]
    command += ["-L", f"module-native-protocol-unix socket={place} auth-anonymous=1"]
    environment = {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not place.exists():
                assert process.poll() is None and time.monotonic() < deadline, "pulseaudio did not start"
                time.sleep(0.05)
            yield {**os.environ, "PULSE_SERVER": f"unix:{place}"}
        finally:
            process.terminate()


@contextmanager
def open_firefox(url: str) -> Iterator[FirefoxTab]:
    """A fresh profile with the page in its only tab."""
    # Imported here, because these tests are collected, though deselected, if the extra is not installed.
    import websocket

    program = find_firefox()
    assert program, (
        f"expected {' or '.join(PROGRAMS)}, and pulseaudio: apt-get install firefox-esr pulseaudio"
    )
    with (
        tempfile.TemporaryDirectory(prefix="zelitrio-pulse-") as folder,
        null_loudspeaker(Path(folder)) as environment,
        tempfile.TemporaryDirectory(prefix="zelitrio-firefox-", ignore_cleanup_errors=True) as profile,
    ):
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()
        ]
        (Path(profile) / "user.js").write_text("\n".join(lines), "utf-8")
        command = [program, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stderr is not None
                socket = websocket.create_connection(
                    f"{_address(process.stderr)}/session", timeout=PATIENCE_S, suppress_origin=True
                )
                tab = FirefoxTab(socket)
                tab.open(url)
                yield tab
                tab.call("browser.close")
                socket.close()
            finally:
                if process.poll() is None:
                    try:
                        process.wait(10)
                    except subprocess.TimeoutExpired:
                        process.kill()


def _address(stderr: IO[str]) -> str:
    said = []
    for line in stderr:
        said.append(line)
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
            return found[1]
    raise AssertionError(f"Firefox did not start: {''.join(said)}")
