"""A blocking client of one stream, so that nothing is between the socket and the clock."""

from __future__ import annotations

import select
import socket
import struct
import time

from zelitrio.bench_client import ReceivedSpeech, audio_of, wire

TIMEOUT_S = 60.0
READ_BYTES = 1 << 18


class OneSocket:
    """One socket that is open and greeted.

    Args:
        host, port: the server's address.
        target: path and query, `stream_target` or `multi_target`.
        output_format: the format named in the target.
        receive_bytes: size of the system's receive buffer; None: the system's default.
    """

    def __init__(
        self, host: str, port: int, target: str, output_format: str, receive_bytes: int | None = None
    ) -> None:
        self.heard = ReceivedSpeech(output_format=output_format)
        self.socket = socket.socket()
        if receive_bytes is not None:  # it bounds the window only if set before connecting
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(TIMEOUT_S)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.final_at: float | None = None
        self._has_closed = False
        self._frames = wire.FrameReader()
        self.socket.sendall(wire.upgrade(host, target))
        while not self._frames.is_open:
            for _ in self._frames.feed(self._receive()):
                pass
        self.heard.opened_at = time.perf_counter()
        self.socket.sendall(wire.message({"text": " "}))

    def release(self, text: str) -> None:
        """Send the whole text and the flush that releases it, in one message."""
        release = wire.message({"text": text + " ", "flush": True})
        self.heard.released_at = time.perf_counter()
        self.socket.sendall(release)

    def send(self, **fields: object) -> None:
        """Send a message."""
        self.socket.sendall(wire.message(fields))

    def end(self) -> None:
        """End the text."""
        self.send(text="")

    def wait_first(self) -> float:
        """Block until a frame of audio comes; return the seconds since `release`."""
        while not self.heard.arrivals:
            self._take(self._receive())
            if self.heard.failure:
                raise wire.WireError(f"the server refused: {self.heard.failure}")
        return self.heard.first_s

    def listen(self, seconds: float) -> None:
        """Receive messages for a while."""
        until = time.perf_counter() + seconds
        while (left_s := until - time.perf_counter()) > 0:
            if select.select([self.socket], [], [], left_s)[0]:
                self._take(self._receive())

    def wait_final(self) -> float:
        """Block until a context ends; return the time of its last message."""
        while self.final_at is None:
            self._take(self._receive())
        return self.final_at

    def close(self) -> None:
        """Send the close frame."""
        self._has_closed = True
        self.socket.sendall(wire.close())

    def vanish(self) -> None:
        """Reset the connection without a close frame, as after a crash of the client."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def wait_end(self) -> ReceivedSpeech:
        """Block until the server closes, then close."""
        try:
            while data := self.socket.recv(READ_BYTES):
                self._take(data)
        except ConnectionResetError:
            # A server that has already closed may answer our close frame with a reset.
            if not self._has_closed:
                raise
        self.heard.ended_at = time.perf_counter()
        self.socket.close()
        return self.heard

    def _receive(self) -> bytes:
        """Receive bytes.

        Raises:
            WireError: the peer has closed.
        """
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise wire.WireError(
                f"expected more messages, the server closed ({self.heard.failure or 'no reason'})"
            )
        return data

    def _take(self, data: bytes) -> None:
        now = time.perf_counter()
        for opcode, payload in self._frames.feed(data):
            if opcode == wire.TEXT:
                audio = audio_of(payload)
                if audio:
                    self.heard.add(now, audio)
                elif b'"error"' in payload:
                    self.heard.failure = payload.decode()
                elif b'"isFinal":true' in payload:
                    self.final_at = now
            elif opcode == wire.PING:
                self.socket.sendall(wire.frame(wire.PONG, payload))
            elif opcode == wire.CLOSE and not self._has_closed:
                self.close()
