"""Servers with one fault each, on their own port and thread."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Behave = Callable[[socket.socket], None]
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


def answer(*parts: bytes, waits: bool = False) -> Behave:
    """Read a request, send this answer, and close; or keep the connection open."""

    def behave(peer: socket.socket) -> None:
        peer.recv(65536)
        for part in parts:
            peer.sendall(part)
        if waits:
            while peer.recv(65536):
                pass

    return behave


def http(status: str, body: bytes = b"", kind: str = "audio/pcm", length: int | None = None) -> bytes:
    """A whole answer; a `length` above the body's makes it a cut answer."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n".encode() + body


def text_frame(payload: bytes) -> bytes:
    """A text message of a server."""
    if len(payload) < 126:
        return bytes((0x81, len(payload))) + payload
    return struct.pack("!BBQ", 0x81, 127, len(payload)) + payload


def speak_and_close(*messages: bytes) -> Behave:
    """Accept a socket, wait for a message, send these messages and close the connection."""

    def behave(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(UPGRADED)
        peer.recv(65536)
        for message in messages:
            peer.sendall(text_frame(message))
        peer.shutdown(socket.SHUT_WR)
        # If closed with unread data, the connection would be reset and lose the messages.
        while peer.recv(65536):
            pass

    return behave


def flood(beginning: bytes, part: bytes) -> Behave:
    """Read a request, begin an answer, and repeat one part until the client has left."""

    def behave(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(beginning)
        while True:
            peer.sendall(part)

    return behave


@contextmanager
def tls_server(context: ssl.SSLContext) -> Iterator[int]:
    """A TLS server that sends nothing."""

    def behave(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as secure:
            while secure.recv(65536):
                pass

    with bad_server(behave) as port:
        yield port


@contextmanager
def bad_server(behave: Behave) -> Iterator[int]:
    """Run a server for the time of the block, and yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peers: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                peers.append(peer)
                threading.Thread(target=serve, args=(peer,), daemon=True).start()

        def serve(peer: socket.socket) -> None:
            with peer:
                try:
                    behave(peer)
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for peer in peers:
                peer.close()
            thread.join(5)
