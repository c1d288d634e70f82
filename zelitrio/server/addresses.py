"""The TLS context and the URLs of a server's listening sockets."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import trio

from zelitrio.errors import SettingError
from zelitrio.settings import ServerSettings


def make_tls(settings: ServerSettings) -> ssl.SSLContext | None:
    """The TLS context, if a certificate is set.

    Raises:
        SettingError: certificate and key are not usable.
    """
    if settings.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        message = f"cannot use {settings.tls_cert} with {settings.tls_key}: {error}"
        raise SettingError(message, "tls_cert", "tls_key") from error
    return context


def urls_of(listeners: Sequence[trio.SocketListener], is_tls: bool) -> tuple[str, ...]:
    """The base URL of each listening socket."""
    scheme = "https" if is_tls else "http"
    urls = []
    for listener in listeners:
        host, port = listener.socket.getsockname()[:2]
        urls.append(f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}")
    return tuple(urls)
