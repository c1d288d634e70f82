"""A blocking client for one stream at a time: nothing between the socket and the clock."""

from __future__ import annotations

import socket
import time

from bench.heard import Heard, audio_of, stream_target
from bench.wire import CLOSE, PING, PONG, TEXT, FrameReader, close, frame, message, upgrade

TIMEOUT_S = 60.0


class OneSocket:
    """One `stream-input` socket, opened and greeted; say one text on it."""

    def __init__(self, host: str, port: int, voice_id: str, output_format: str) -> None:
        self.heard = Heard(output_format=output_format)
        self.socket = socket.create_connection((host, port), timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._frames = FrameReader()
        self.socket.sendall(upgrade(host, stream_target(voice_id, output_format)))
        while not self._frames.is_open:
            for _ in self._frames.feed(self._receive()):
                pass
        self.heard.opened_at = time.perf_counter()
        self.socket.sendall(message({"text": " "}))

    def release(self, text: str) -> None:
        """Send the whole text and the flush that releases it, in one message."""
        release = message({"text": text + " ", "flush": True})
        self.heard.released_at = time.perf_counter()
        self.socket.sendall(release)

    def end(self) -> None:
        """Say that no more text comes."""
        self.socket.sendall(message({"text": ""}))

    def wait_first(self) -> float:
        """Block until a frame of audio came; returns seconds since `release`."""
        while not self.heard.arrivals:
            self._take(self._receive())
            if self.heard.failure:
                raise SystemExit(f"the server refused: {self.heard.failure}")
        return self.heard.first_s

    def wait_end(self) -> Heard:
        """Block until the server closes; closes."""
        while data := self._receive():
            self._take(data)
        self.heard.ended_at = time.perf_counter()
        self.socket.close()
        return self.heard

    def _receive(self) -> bytes:
        return self.socket.recv(1 << 18)

    def _take(self, data: bytes) -> None:
        now = time.perf_counter()
        for opcode, payload in self._frames.feed(data):
            if opcode == TEXT:
                audio = audio_of(payload)
                if audio:
                    self.heard.add(now, audio)
                elif b'"error"' in payload:
                    self.heard.failure = payload.decode()
            elif opcode == PING:
                self.socket.sendall(frame(PONG, payload))
            elif opcode == CLOSE:
                self.socket.sendall(close())


def say(host: str, port: int, voice_id: str, text: str, output_format: str, settle_s: float = 0.0) -> Heard:
    """Open a socket, let it settle, say the text, hear it to its end."""
    one = OneSocket(host, port, voice_id, output_format)
    if settle_s:
        time.sleep(settle_s)
    one.release(text)
    one.end()
    return one.wait_end()
