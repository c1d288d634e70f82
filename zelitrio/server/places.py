"""The public address of this server, as a client sees it through a proxy.

A proxy may change scheme, host and path of a request.  `--root-path` names the proxy's path prefix.  The
headers `x-forwarded-proto`, `-host` and `-prefix` count only from a trusted proxy, because any client can
send them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import attrs
from starlette.types import ASGIApp, Receive, Scope, Send

from zelitrio.server.head import RequestHead
from zelitrio.settings import ServerSettings

PLACE = "zelitrio.place"
_ABSOLUTE = re.compile(r"https?://[^/?]*", re.IGNORECASE)
"""The absolute form of a request's target, as in requests to proxies (RFC 9112, section 3.2.2)."""
_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+){1,16}")
_SAID = ("proto", "host", "prefix")
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


@attrs.frozen
class Place:
    """The public address of this server for one request.

    Attributes:
        scheme: http or https.
        host: host, with the port if there is one.
        prefix: put before every path: empty, or such as "/tts".
    """

    scheme: str
    host: str
    prefix: str

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"{self.scheme}://{self.host}{self.prefix}"


class Places:
    """Finds the public address for each request."""

    def __init__(self, settings: ServerSettings) -> None:
        self._root_path = settings.root_path
        self._trusts_all = "*" in settings.trusted_proxies
        self._trusted: list[IPv4Network | IPv6Network] = [
            ip_network(one) for one in settings.trusted_proxies if one != "*"
        ]

    @property
    def trusts_some(self) -> bool:
        """Whether any peer's address is trusted."""
        return bool(self._trusted)

    def trusts(self, address: str | None) -> bool:
        """Whether a peer is a trusted proxy."""
        if self._trusts_all or not self._trusted or address is None:
            return self._trusts_all
        peer = ip_address(address.partition("%")[0])
        if isinstance(peer, IPv6Address) and peer.ipv4_mapped is not None:
            peer = peer.ipv4_mapped
        return any(peer in network for network in self._trusted)

    def find(self, headers: Mapping[str, str], peer: str | None, scheme: str) -> Place:
        """The public address for a request.

        Args:
            headers: of the request, names in lower case.
            peer: IP address of the peer; None: unknown.
            scheme: of the connection.
        """
        host = headers.get("host", "")
        prefix = self._root_path
        if self.trusts(peer):
            # With several proxies, the first value is the one that the client used.
            said = {name: headers.get(f"x-forwarded-{name}", "").partition(",")[0].strip() for name in _SAID}
            scheme = _SCHEMES.get(said["proto"].lower(), scheme)
            host = said["host"] if _HOST.fullmatch(said["host"]) else host
            given = said["prefix"].rstrip("/")
            prefix = given if _PREFIX.fullmatch(given) else prefix
        return Place(scheme, host if _HOST.fullmatch(host) else "localhost", prefix)

    def path_within(self, path: str, place: Place) -> str:
        """Convert a request's path to a route's path: without prefix, repeated slashes, and slash at the end.

        Some proxies remove the prefix, so it may be missing.
        """
        if "//" in path:
            path = re.sub("/{2,}", "/", _ABSOLUTE.sub("", path, count=1))
        for prefix in {place.prefix, self._root_path} - {""}:
            if path == prefix or path.startswith(prefix + "/"):
                path = path.removeprefix(prefix)
                break
        return path.rstrip("/") or "/"

    def head_within(self, head: RequestHead, place: Place) -> RequestHead:
        """The head of a socket's request with the path converted by `path_within`."""
        path, mark, query = head.target.partition("?")
        return attrs.evolve(head, target=self.path_within(path, place) + mark + query)


class Placing:
    """ASGI middleware: find each request's public address, and convert its path by `path_within`."""

    def __init__(self, app: ASGIApp, places: Places) -> None:
        self._app = app
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            headers: dict[str, str] = {}
            for name, value in scope["headers"]:
                headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
            peer = scope.get("client")
            place = self._places.find(headers, peer[0] if peer else None, scope["scheme"])
            scope[PLACE] = place
            scope["path"] = self._places.path_within(scope["path"], place)
        await self._app(scope, receive, send)


def place_of(scope: Mapping[str, Any]) -> Place:
    """The public address for the request that is being answered."""
    place = scope[PLACE]
    assert isinstance(place, Place)
    return place
