"""Check the origin of requests: which web pages may use this server.

A browser sends the page's origin with every WebSocket upgrade and with every request that could change
something.  A page cannot remove or change it; other programs seldom send it.  Without this check, any page
in a browser of this machine could use a loopback server without keys, also through a name of its own that
resolves to 127.0.0.1.  With keys the check is not needed: a browser adds no key by itself (there are no
cookies), so all origins are allowed, as at ElevenLabs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from zelitrio.errors import RemoteError
from zelitrio.server.accounting import request_id_of
from zelitrio.server.places import place_of
from zelitrio.server.refusals import vendor_error
from zelitrio.settings import ServerSettings

EXPOSED_HEADERS = (
    "request-id",
    "history-item-id",
    "character-cost",
    "current-concurrent-requests",
    "maximum-concurrent-requests",
    "tts-latency-ms",
    "server-timing",
    "retry-after",
    "x-clamped-settings",
)
"""Headers of an answer that a page may read, besides content type and length."""
PREFLIGHT_S = 7200
"""How long a browser may cache a preflight's answer; Chromium's own limit."""
_LOOPBACK = r"https?://([a-z0-9-]+\.)*(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?"
"""Origins of this machine's pages; clients such as websocket-client also send them."""


class Origins:
    """The allowed origins: all of them, or this machine's, those in the settings, and the server's own."""

    def __init__(self, settings: ServerSettings) -> None:
        named = settings.cors_origins
        if named is None:
            named = ("*",) if settings.api_key_hashes else ()
        # Browsers send hosts in lower case.
        escaped = [re.escape(origin.lower()) for origin in named]
        self.pattern = None if "*" in named else "|".join([_LOOPBACK, *escaped])
        """Matches an allowed origin completely; None: all are allowed."""
        # Only with keys, because any public name that resolves to this machine would be an own origin.
        self._own_too = bool(settings.api_key_hashes)
        self._hosts = None if settings.api_key_hashes or "*" in named else _hosts(settings.host, named)

    def check(self, headers: Iterable[tuple[str, str]], public_host: str = "") -> None:
        """Refuse a request from a page of another origin.

        Args:
            headers: of the request, names in lower case.
            public_host: this server's host, if a trusted proxy names it.

        Raises:
            RemoteError: `origin_not_allowed`.
        """
        if self.pattern is None and self._hosts is None:
            return
        named = dict(headers)
        self._check_host(named.get("host", ""))
        if self.pattern is None:
            return
        origin = named.get("origin", "").lower()
        # Clients such as websocket-client send the address that they connect to as their origin.
        own = {named.get("host", "").lower(), public_host.lower()} - {""}
        is_own = self._own_too and origin.partition("://")[2] in own
        if "origin" in named and not is_own and not re.fullmatch(self.pattern, origin):
            raise RemoteError(
                "origin_not_allowed",
                f"Pages of {origin[:100]} may not use this server; `--cors-origin` lets them.",
            )

    def _check_host(self, host: str) -> None:
        """Refuse a public name that resolves to this machine (DNS rebinding).

        In a browser a page of such a name has the server's own origin, so it sends no Origin with a GET.  An
        IP address cannot be rebound, and a name without a dot is not in public DNS.
        """
        if self._hosts is None:
            return
        name = host.lower().rpartition(":")[0] if re.search(r":\d*$", host) else host.lower()
        name = name.removesuffix(".")
        if "." not in name or name in self._hosts or name.endswith(".localhost") or _is_address(name):
            return
        raise RemoteError(
            "origin_not_allowed",
            f"host: expected this machine's name, found {name[:100]!r}; "
            f"`--cors-origin https://{name[:100]}` allows it.",
        )


def _hosts(own: Iterable[str], origins: Iterable[str]) -> frozenset[str]:
    named = (origin.lower().partition("://")[2].rpartition("@")[2] for origin in origins)
    return frozenset({*(name.lower() for name in own), *(re.sub(r":\d*$", "", name) for name in named)})


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


class OriginGuard:
    """ASGI middleware: refuse pages of other origins, and answer CORS requests of the allowed ones."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self._origins = origins
        self._app = CORSMiddleware(
            app,
            allow_origins=("*",) if origins.pattern is None else (),
            allow_origin_regex=origins.pattern,
            allow_methods=("*",),
            allow_headers=("*",),
            allow_private_network=True,
            expose_headers=EXPOSED_HEADERS,
            max_age=PREFLIGHT_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            if scope["type"] == "http":
                headers = [
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
                ]
                self._origins.check(headers, place_of(scope).host)
        except RemoteError as error:
            await vendor_error(error, request_id_of(scope))(scope, receive, send)
        else:
            await self._app(scope, receive, send)
