"""Every setting, once: its type, range, default and help.

A room gets one frozen class and never reads the environment.  `zelitrio serve` turns each field into a flag
(`--max-streams`), an environment variable (`ZELITRIO_MAX_STREAMS`) and a name in the TOML file
(`max_streams`).  A value out of range raises `SettingError` with the setting's name.
"""

from __future__ import annotations

import hashlib
import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import attrs

from zelitrio.errors import SettingError

KIB = 1024
MIB = 1024 * KIB
MAX_SEED = 2**32 - 1


def _check_range(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    low, high = attribute.metadata["range"]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise SettingError(f"expected {low} to {high}, found {value!r}", attribute.name)


def _check_choice(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    allowed = attribute.metadata["choices"]
    if value not in allowed:
        raise SettingError(f"expected one of {', '.join(allowed)}, found {value!r}", attribute.name)


def _check_device(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", value):
        raise SettingError(f"expected auto, cpu, cuda or cuda:N, found {value!r}", attribute.name)


def _check_origins(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    for origin in value or ():
        if origin not in ("*", "null") and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/?#\s,*]+", origin):
            message = f"expected an origin such as https://example.com, or *, found {origin!r}"
            raise SettingError(message, attribute.name)


def _check_hosts(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, tuple) or not value or not all(value):
        raise SettingError(f"expected addresses or names, found {value!r}", attribute.name)


def _check_networks(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    for network in value:
        try:
            network == "*" or ip_network(network)
        except ValueError:
            message = f"expected an address or a network such as 10.0.0.0/8, or *, found {network!r}"
            raise SettingError(message, attribute.name) from None


def _check_collector(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", value):
        raise SettingError(f"expected a URL such as http://localhost:4318, found {value!r}", attribute.name)


def _check_prefix(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value and not re.fullmatch(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+", value):
        raise SettingError(f"expected a path such as /tts, found {value!r}", attribute.name)


def _as_prefix(value: str) -> str:
    """Write "tts" and "/tts/" as "/tts".  Other characters are left for the check."""
    if not re.fullmatch(r"[A-Za-z0-9._~/-]*", value):
        return value
    return re.sub("/+", "/", f"/{value}").rstrip("/")


def _check_hashes(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    # The value is not shown, because it may be a key in clear.
    if not all(re.fullmatch("[0-9a-fA-F]{64}", digest) for digest in value):
        raise SettingError("expected 64 hex digits, the SHA-256 of a key", attribute.name)


def _check_file(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not value.is_file():
        raise SettingError(f"{value}: expected a file in PEM form, found none", attribute.name)


def _plain(default: Any, help_text: str, check: Any = None) -> Any:
    return attrs.field(default=default, validator=check, metadata={"help": help_text})


def _number(default: float, low: float, high: float, help_text: str, unit: str = "") -> Any:
    metadata = {"help": f"{help_text} ({low} to {high}{unit and ' '}{unit})", "range": (low, high)}
    return attrs.field(default=default, validator=_check_range, metadata=metadata)


def _choice(default: str, choices: tuple[str, ...], help_text: str) -> Any:
    metadata = {"help": f"{help_text}: {', '.join(choices)}", "choices": choices}
    return attrs.field(default=default, validator=_check_choice, metadata=metadata)


@attrs.frozen(kw_only=True)
class VoiceSettings:
    """How to speak, in ElevenLabs' terms."""

    stability: float = _number(0.5, 0, 1, "1 reads a text the same way every time; lower varies more")
    similarity_boost: float = _number(0.75, 0, 1, "Accepted for compatibility, without effect")
    style: float = _number(0.0, 0, 1, "Higher widens the melody and raises the level a little")
    use_speaker_boost: bool = _plain(True, "Accepted for compatibility, without effect")
    speed: float = _number(1.0, 0.7, 1.2, "Speaking rate")


@attrs.frozen(kw_only=True)
class EngineSettings:
    """Where and how the networks run."""

    device: str = _plain("auto", "auto (CUDA if there is a GPU), cpu, cuda or cuda:N", _check_device)
    dtype: str = _choice("float32", ("float32", "bfloat16", "float16"), "Number format of the networks")
    graphs: bool = _plain(True, "Capture CUDA graphs at start; no effect on a CPU")
    max_batch: int = _number(64, 1, 1024, "Windows computed in one step")
    max_streams: int = _number(512, 1, 100_000, "Simultaneous streams; the server refuses more")
    cpu_threads: int = _number(0, 0, 256, "Threads for computing on a CPU; 0 chooses by the cores")
    credit_s: float = _number(2.0, 0.1, 60, "Unread audio of a stream before the engine pauses it", "s")
    max_voice_memory_mb: int = _number(
        4096, 1, 1_000_000, "Limit of weights loaded on demand; above it unused voices are unloaded", "MB"
    )


@attrs.frozen(kw_only=True)
class SessionSettings:
    """Limits of one conversation, and how its audio is cut."""

    max_contexts: int = _number(5, 1, 1000, "Open contexts on a multi-context socket")
    auth_timeout_s: float = _number(10.0, 0.1, 600, "Wait for a socket's first message with a key", "s")
    code_blocks: str = _choice("read", ("read", "skip"), "How to treat fenced code in a text")
    reasoning_blocks: str = _choice(
        "skip", ("skip", "read"), "How to treat think blocks (reasoning) in a text"
    )
    first_packet_ms: int = _number(40, 10, 1000, "Audio in the first packet", "ms")
    max_packet_ms: int = _number(1000, 20, 2000, "Longest audio in one packet", "ms")


@attrs.frozen(kw_only=True)
class ServerSettings:
    """One port and who may use it."""

    host: tuple[str, ...] = _plain(
        ("127.0.0.1",),
        "Address to bind; repeat for more. :: is every address, IPv6 and IPv4. Other machines reach the "
        "server only if a key is set",
        _check_hosts,
    )
    port: int = _number(8020, 0, 65535, "Port to bind; 0 takes a free one")
    api_key_hashes: frozenset[str] = _plain(
        frozenset(),
        "SHA-256 in hex of a key that clients may use; without keys the server asks for none",
        _check_hashes,
    )
    cors_origins: tuple[str, ...] | None = _plain(
        None,
        "Origin of web pages that may use the server, such as https://example.com; * for all, null for "
        "pages from a file. Without one: all if there is a key, else pages of this machine",
        _check_origins,
    )
    open_lists: bool = _plain(
        False,
        "Answer lists of models and voices in OpenAI's form without a key, for Open WebUI, which sends none",
    )
    root_path: str = attrs.field(
        default="",
        converter=_as_prefix,
        validator=_check_prefix,
        metadata={
            "help": "Path in front of every address behind a proxy, such as /tts; served with and without it"
        },
    )
    trusted_proxies: tuple[str, ...] = _plain(
        (),
        "Address or network of a trusted proxy: its x-forwarded-proto, -host and -prefix apply; * for all",
        _check_networks,
    )
    tls_cert: Path | None = _plain(
        None, "Certificate chain, PEM; with tls_key the port speaks https and wss", _check_file
    )
    tls_key: Path | None = _plain(None, "Private key of the certificate, PEM", _check_file)
    state_dir: Path | None = _plain(
        None,
        "Folder of the keys of zelitrio keys and their usage, or none [default: the platform's]",
    )
    history: bool = _plain(
        False, "Store texts and audio in the state folder for /v1/history; a key reads only its own items"
    )
    history_days: int = _number(30, 1, 3650, "Age at which an item of the history is deleted", "days")
    history_mb: int = _number(
        1000, 1, 1_000_000, "Largest size of the history; above it the oldest items are deleted", "MB"
    )
    agent_port: int = _number(0, 0, 65535, "Port of HAProxy's agent check, which reports the load; 0: none")
    wyoming_port: int = _number(0, 0, 65535, "Port for Home Assistant (Wyoming, without keys); 0: none")
    wyoming_host: str = _plain(
        "127.0.0.1", "Address to bind for Wyoming; every machine that reaches it may use it"
    )
    wyoming_announce: bool = _plain(False, "Let Home Assistant find the Wyoming port; needs zeroconf")
    vapi_hmac_secret: str | None = attrs.field(
        default=None, repr=False, metadata={"help": "Secret with which Vapi signs its requests (HMAC-SHA256)"}
    )
    log_format: str = _choice(
        "auto", ("auto", "json", "console"), "Form of log lines; auto is console on a terminal"
    )
    log_level: str = _choice("info", ("debug", "info", "warning", "error"), "Lowest level of log lines")
    log_text: bool = _plain(False, "Write texts of clients to the log")
    trace_endpoint: str | None = _plain(
        None,
        "URL of an OpenTelemetry collector (OTLP over HTTP), such as http://localhost:4318; needs the extra "
        "otel",
        _check_collector,
    )
    trace_sample: float = _number(0.1, 0, 1, "Share of requests traced; a client's traceparent has priority")
    max_connections: int = _number(2000, 1, 100_000, "Simultaneous connections")
    head_timeout_s: float = _number(5.0, 0.05, 600, "Wait for a whole request head", "s")
    write_timeout_s: float = _number(10.0, 0.05, 600, "Wait for a client that does not read", "s")
    http_idle_s: float = _number(20.0, 0.05, 600, "How long an idle HTTP connection stays open", "s")
    ping_s: float = _number(
        20.0, 0.05, 600, "Time between pings of a WebSocket, and the wait for each answer", "s"
    )
    drain_s: float = _number(30.0, 0, 3600, "Time to finish speech after the signal to stop", "s")
    max_head_bytes: int = _number(16 * KIB, 256, MIB, "Longest request head", "bytes")
    max_body_bytes: int = _number(MIB, KIB, 1024 * MIB, "Longest request body", "bytes")
    max_message_bytes: int = _number(MIB, KIB, 64 * MIB, "Longest WebSocket message", "bytes")

    def __attrs_post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingError("expected both or neither", "tls_cert", "tls_key")

    def check_exposure(self, address: str, *, has_key: bool) -> None:
        """Refuse an address that other machines can reach, unless there is a key.

        Raises:
            SettingError: there is no key, and the address is not loopback.
        """
        if not has_key and not is_loopback(address):
            raise SettingError(
                f"without an API key only loopback is served, found {', '.join(self.host)}; "
                "run `zelitrio keys create`, or give --api-key, ZELITRIO_API_KEYS or --key-file",
                "host",
            )


@attrs.frozen(kw_only=True)
class StartSettings:
    """Keys, voices and pronunciations that a server reads once, at its start."""

    api_keys: tuple[str, ...] = attrs.field(
        default=(),
        repr=False,
        metadata={
            "help": "Key that clients may use; repeat for more. ZELITRIO_API_KEYS: separate keys by commas"
        },
    )
    key_file: Path | None = _plain(None, "File of allowed keys: on each line the SHA-256 of a key in hex")
    voices: tuple[Path, ...] = _plain((), "Folder with more voices; repeat for more")
    preload: bool = _plain(False, "Load public voices at start, not at their first use")
    lexicon: tuple[Path, ...] = _plain(
        (), "File of pronunciations, a table or PLS; repeat for more, the most important first"
    )


def hash_key(key: str) -> str:
    """Return the SHA-256 of a key in hex.  A server stores only that; a random key needs no salt."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address or host name."""
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return address == "localhost"


def range_of(settings: type[Any], name: str) -> tuple[float, float]:
    """Return the smallest and the largest value of a number."""
    low, high = attrs.fields_dict(settings)[name].metadata["range"]
    return low, high
