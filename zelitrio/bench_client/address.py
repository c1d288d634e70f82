"""The server to measure: its address, the protocol, and what each request asks for."""

from __future__ import annotations

import re
import ssl
from functools import cache
from urllib.parse import urlsplit

import attrs

from zelitrio.bench_client import ranges
from zelitrio.errors import LocalError

TIMEOUT_S = 60.0
"""Default limit for one utterance, from connecting to its last audio."""
_TLS_SCHEMES = frozenset({"https", "wss"})
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443, "tcp": 10200}
_FORMAT = re.compile(r"wav|(?:pcm|ulaw|alaw)_(\d+)|(?:mp3|opus)_(\d+)_(\d+)", re.ASCII)
RATES_HZ = range(1_000, 400_000)
"""Sample rates that a server may name."""
_KBPS = range(1, 1_000)
_PATH = re.compile(r"[!-~]*")


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
        """Host and port in the form of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def key_header(self) -> dict[str, str]:
        """ElevenLabs' header with the key; empty without a key."""
        return {"xi-api-key": self.api_key} if self.api_key else {}

    def ssl_context(self) -> ssl.SSLContext | None:
        """The context that verifies the server's certificate; None without TLS."""
        return _verifying() if self.tls else None


@cache
def _verifying() -> ssl.SSLContext:
    # Made once: reading the system's certificates takes longer than many answers.
    return ssl.create_default_context()


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
        LocalError: one of them is not valid.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise LocalError(f"--url: expected a URL, found {url!r}: {error}") from error
    if "@" in parts.netloc:
        raise LocalError("--url: expected no user name or password; --api-key takes a key")
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise LocalError(f"--url: expected http, https, ws, wss or tcp://HOST:PORT, found {url!r}")
    if parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
        raise LocalError(f"--url: expected an address and a path, without ? # or spaces, found {url!r}")
    _check_host(parts.hostname, url)
    if not _is_format(output_format):
        raise LocalError(
            f"--format: expected wav, pcm_24000, mp3_44100_128 or the like, found {output_format!r}"
        )
    for flag, value in (("voice", voice_id), ("model", model), ("api-key", api_key)):
        ranges.check_text(flag, value, is_ascii=flag == "api-key")
    ranges.TIMEOUT_S.check("timeout-s", timeout_s)
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


def _check_host(host: str, url: str) -> None:
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise LocalError(f"--url: expected a host name, found {url!r}") from error


def _is_format(name: str) -> bool:
    found = _FORMAT.fullmatch(name)
    if found is None:
        return False
    plain, coded, kbps = found.groups()
    rate = plain or coded
    return (rate is None or int(rate) in RATES_HZ) and (kbps is None or int(kbps) in _KBPS)
