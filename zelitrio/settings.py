"""What can be set, one frozen class per room, importing nothing heavy.

`zelitrio.cli` fills these from flags and environment; a room is handed its settings and never
reads the environment itself.  A value out of range raises `LocalError` that names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from zelitrio.errors import LocalError

KIB = 1024
MIB = 1024 * KIB


def _between(low: float, high: float) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise LocalError(f"{attribute.name}: expected {low} to {high}, found {value!r}")

    return check


def _one_of(*allowed: str) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value not in allowed:
            raise LocalError(f"{attribute.name}: expected one of {', '.join(allowed)}, found {value!r}")

    return check


def _origins(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    for origin in value or ():
        if origin not in ("*", "null") and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/?#\s,*]+", origin):
            raise LocalError(
                f"{attribute.name}: expected an origin such as https://example.com, or *, found {origin!r}"
            )


@attrs.frozen(kw_only=True)
class VoiceSettings:
    """How to speak, in the vendor's terms.  What each one does is written in README, "Voice settings"."""

    stability: float = attrs.field(default=0.5, validator=_between(0, 1))
    similarity_boost: float = attrs.field(default=0.75, validator=_between(0, 1))
    style: float = attrs.field(default=0.0, validator=_between(0, 1))
    use_speaker_boost: bool = True
    speed: float = attrs.field(default=1.0, validator=_between(0.7, 1.2))


@attrs.frozen(kw_only=True)
class EngineSettings:
    """Where and how the networks run."""

    device: str = "auto"
    """`auto` (CUDA when there is one), `cpu`, `cuda` or `cuda:N`."""
    dtype: str = attrs.field(default="float32", validator=_one_of("float32", "bfloat16", "float16"))
    graphs: bool = True
    """Capture CUDA graphs at start; no effect on a CPU."""
    max_batch: int = attrs.field(default=64, validator=_between(1, 1024))
    """Windows in one step; also the largest captured batch."""
    max_streams: int = attrs.field(default=512, validator=_between(1, 100_000))
    """Streams open at once; one more is refused with CapacityError."""
    cpu_threads: int = attrs.field(default=0, validator=_between(0, 256))
    """Threads torch may use on a CPU; 0 chooses by the number of cores."""
    credit_s: float = attrs.field(default=2.0, validator=_between(0.1, 60))
    """Seconds of audio a stream may have waiting unread before the engine passes it over."""


@attrs.frozen(kw_only=True)
class SessionSettings:
    """What one conversation may do, and how its audio is cut."""

    max_contexts: int = attrs.field(default=5, validator=_between(1, 1000))
    auth_timeout_s: float = attrs.field(default=10.0, validator=_between(0.1, 600))
    first_packet_ms: int = attrs.field(default=40, validator=_between(10, 1000))
    max_packet_ms: int = attrs.field(default=1000, validator=_between(20, 2000))


@attrs.frozen(kw_only=True)
class ServerSettings:
    """One port and who may use it."""

    host: str = "127.0.0.1"
    port: int = attrs.field(default=8020, validator=_between(0, 65535))
    api_key_hashes: frozenset[str] = frozenset()
    """SHA-256 of each key, in hex.  Empty: no key is asked for, and only loopback may be bound."""
    cors_origins: tuple[str, ...] | None = attrs.field(default=None, validator=_origins)
    """Web pages that may come in besides this machine's own, "*" for all of them ("null" is a page from a
    file).  None: all of them if a key is asked for, else no others."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    head_timeout_s: float = attrs.field(default=5.0, validator=_between(0.05, 600))
    max_head_bytes: int = attrs.field(default=16 * KIB, validator=_between(256, MIB))
    max_body_bytes: int = attrs.field(default=MIB, validator=_between(KIB, 1024 * MIB))
    max_message_bytes: int = attrs.field(default=MIB, validator=_between(KIB, 64 * MIB))
    max_connections: int = attrs.field(default=2000, validator=_between(1, 100_000))
    write_timeout_s: float = attrs.field(default=10.0, validator=_between(0.05, 600))
    keep_alive_s: float = attrs.field(default=20.0, validator=_between(0.05, 600))
    drain_s: float = attrs.field(default=30.0, validator=_between(0, 3600))
