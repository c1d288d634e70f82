"""Connect to a server by TCP or TLS, with a stream that detects its end."""

from __future__ import annotations

import ssl
from urllib.parse import SplitResult

import trio

from zelitrio.errors import LocalError, RemoteError


async def connect(
    target: SplitResult, ssl_context: ssl.SSLContext | None, deadline: float
) -> trio.abc.Stream:
    """Open a stream to the host of a ws or wss URL; the TLS handshake is done when it returns.

    Raises:
        RemoteError: `connection_failed`: no server, an untrusted certificate, or no answer before `deadline`
            on Trio's clock.
        LocalError: the URL is not the URL of a WebSocket.
    """
    try:
        host, port = target.hostname, target.port
    except ValueError as error:
        raise LocalError(f"url: {error}") from None
    if host is None or target.scheme not in ("ws", "wss"):
        raise LocalError(f"url: expected ws://HOST or wss://HOST, found {target.geturl()!r}")
    try:
        with trio.fail_at(deadline):
            if target.scheme == "ws":
                return await trio.open_tcp_stream(host, port or 80)
            secure = await trio.open_ssl_over_tcp_stream(
                host, port or 443, ssl_context=ssl_context, https_compatible=True
            )
            try:
                await secure.do_handshake()
            except BaseException:
                await trio.aclose_forcefully(secure)
                raise
            return secure
    except trio.TooSlowError:
        why: object = "no answer in time"
    except trio.BrokenResourceError as error:
        why = error.__cause__ or error
    except OSError as error:
        why = error
    raise RemoteError("connection_failed", f"{target.netloc}: could not connect: {why}")


class WatchedStream(trio.abc.Stream):
    """A stream with an event for its end, which trio-websocket's opening handshake does not notice.

    Attributes:
        ended: set when the peer has hung up, or the stream was closed.
    """

    def __init__(self, inner: trio.abc.Stream) -> None:
        self._inner = inner
        self.ended = trio.Event()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """See the wrapped stream."""
        await self._inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """See the wrapped stream."""
        await self._inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """See the wrapped stream."""
        try:
            data = await self._inner.receive_some(max_bytes)
        except trio.BrokenResourceError:
            self.ended.set()
            raise
        if not data:
            self.ended.set()
        return data

    async def aclose(self) -> None:
        """See the wrapped stream."""
        self.ended.set()
        await self._inner.aclose()
