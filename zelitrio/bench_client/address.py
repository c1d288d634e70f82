"""The server to measure: its address, the protocol, and what each request asks for."""

from __future__ import annotations

import re
import ssl
from urllib.parse import urlsplit

import attrs

from zelitrio.errors import LocalError

TIMEOUT_S = 60.0
"""Default limit for one utterance, from connecting to its last audio."""
_TLS_SCHEMES = frozenset({"https", "wss"})
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443, "tcp": 10200}
_FORMAT = re.compile(r"wav|pcm_\d+|(ulaw|alaw)_\d+|(mp3|opus)_\d+_\d+")


@attrs.frozen(kw_only=True)
class Address:
    """The server to measure, and what each request asks for.

    Attributes:
        path: prefix of the protocol's own path, without a slash at its end.
        voice_id: empty: the server chooses, if the protocol allows that.
        output_format: a name of ElevenLabs' such as `pcm_24000`, or `wav`.
        protocol: a key of `PROTOCOLS`.
        tls: whether to connect with TLS.
        model: empty: the protocol's usual model.
        timeout_s: limit for one utterance, from connecting to its last audio.
    """

    host: str
    port: int
    voice_id: str = ""
    output_format: str = "pcm_24000"
    protocol: str = "elevenlabs-ws"
    path: str = ""
    tls: bool = False
    api_key: str = attrs.field(default="", repr=False)
    model: str = ""
    timeout_s: float = TIMEOUT_S

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def key_header(self) -> dict[str, str]:
        """ElevenLabs' header with the key; empty without a key."""
        return {"xi-api-key": self.api_key} if self.api_key else {}

    def ssl_context(self) -> ssl.SSLContext | None:
        """The context that verifies the server's certificate; None without TLS."""
        return ssl.create_default_context() if self.tls else None


def parse_address(
    url: str,
    *,
    protocol: str,
    voice_id: str = "",
    output_format: str = "pcm_24000",
    api_key: str = "",
    model: str = "",
    timeout_s: float = TIMEOUT_S,
) -> Address:
    """Read a server's URL.

    Args:
        url: scheme and host; a port and a path if this server needs them.  `/v1` at its end is ignored.
        protocol, voice_id, output_format, api_key, model, timeout_s: see `Address`.

    Raises:
        LocalError: the URL or the format is not valid.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise LocalError(f"--url: expected a URL, found {url!r}: {error}") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise LocalError(f"--url: expected http, https, ws, wss or tcp://HOST:PORT, found {url!r}")
    if not _FORMAT.fullmatch(output_format):
        raise LocalError(
            f"--format: expected wav, pcm_24000, mp3_44100_128 or the like, found {output_format!r}"
        )
    return Address(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        path=parts.path.rstrip("/").removesuffix("/v1"),
        tls=parts.scheme in _TLS_SCHEMES,
        protocol=protocol,
        voice_id=voice_id,
        output_format=output_format,
        api_key=api_key,
        model=model,
        timeout_s=timeout_s,
    )
