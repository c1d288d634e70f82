"""Where a server may listen, and how its addresses are written."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence

import trio

from zelitrio.errors import LocalError
from zelitrio.settings import ServerSettings


async def check_reachable(settings: ServerSettings) -> None:
    """Refuse to serve others without a key.

    Raises:
        LocalError: no key is set and the host is not this machine's own loopback.
    """
    if settings.api_key_hashes:
        return
    found = await trio.socket.getaddrinfo(settings.host, settings.port, type=trio.socket.SOCK_STREAM)
    for *_, address in found:
        if not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
            raise LocalError(
                f"host: expected 127.0.0.1 or another loopback address, found {settings.host!r}; "
                "serving others needs an API key"
            )


def make_tls(settings: ServerSettings) -> ssl.SSLContext | None:
    """The TLS context, if a certificate is set.

    Raises:
        LocalError: only one of certificate and key is set, or they cannot be used.
    """
    if settings.tls_cert is None and settings.tls_key is None:
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        raise LocalError("tls: expected both tls_cert and tls_key, found one")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise LocalError(f"tls: cannot use {settings.tls_cert} with {settings.tls_key}: {error}") from error
    return context


def urls_of(listeners: Sequence[trio.SocketListener], is_tls: bool) -> tuple[str, ...]:
    """The base URL of each listening socket."""
    scheme = "https" if is_tls else "http"
    urls = []
    for listener in listeners:
        host, port = listener.socket.getsockname()[:2]
        urls.append(f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}")
    return tuple(urls)
