"""Parse the upgrade request of a realtime socket: voice, output format, options, credential.

All of this is known before the upgrade, so an invalid value can be answered with an HTTP status.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import attrs

from zelitrio.errors import RemoteError
from zelitrio.protocol.fields import clamp, describe
from zelitrio.protocol.marks import query_timestamps
from zelitrio.settings import MAX_SEED

MIN_INACTIVITY_S, MAX_INACTIVITY_S, DEFAULT_INACTIVITY_S = 1.0, 180.0, 20.0
DEFAULT_OUTPUT_FORMAT = "mp3_44100_128"
_PREFIX = "/v1/text-to-speech/"
_DIALOGUE = "/v1/text-to-dialogue/"
_TRUE, _FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off", ""})
NORMALISE_CHOICES = ("auto", "on", "off")


class Dialect(enum.Enum):
    """The two realtime endpoints; a value is the last part of a path."""

    SINGLE = "stream-input"
    MULTI = "multi-stream-input"


@attrs.frozen(kw_only=True)
class SocketRequest:
    """The upgrade request of a realtime socket."""

    dialect: Dialect
    voice_id: str
    """Empty in a dialogue, where messages name the voices."""
    is_dialogue: bool = False
    """Whether it is `text-to-dialogue` and not `text-to-speech`."""
    model_id: str | None = None
    """Unknown models count as the default one; some old clients send "Ellipsis"."""
    output_format: str = DEFAULT_OUTPUT_FORMAT
    """A name for `zelitrio.audio.parse_format`, which refuses unknown ones."""
    language_code: str | None = None
    inactivity_timeout_s: float = DEFAULT_INACTIVITY_S
    sync_alignment: bool = False
    auto_mode: bool = False
    enable_ssml_parsing: bool = False
    normalise: str = "auto"
    """`auto`, `on` or `off`: whether dates, money and so on are read as words."""
    seed: int | None = None
    credential: str | None = attrs.field(default=None, repr=False)
    """The API key from a header or the query, if any; the first message may have one too."""
    single_use_token: str | None = attrs.field(default=None, repr=False)
    timestamps: tuple[str, ...] = ()
    """Kinds of times besides character times: word, phone, viseme."""


def parse_socket_target(target: str, headers: Iterable[tuple[str, str]]) -> SocketRequest | None:
    """Read the target of a request line ("/v1/text-to-speech/VOICE/stream-input?...") and the headers.

    Unknown parameters are ignored; the last of repeated ones counts.  The credential is the first of:
    `xi-api-key` header, `Authorization` header, `authorization` in the query.

    Returns:
        None for other paths.

    Raises:
        RemoteError: `invalid_parameters`, with the name of the parameter.
    """
    path, _, query_text = target.partition("?")
    place = _dialect_and_voice(path)
    if place is None:
        return None
    dialect, voice_id, is_dialogue = place
    query = dict(parse_qsl(query_text.partition("#")[0], keep_blank_values=True, errors="replace"))
    normalise = query.get("apply_text_normalization", "auto").lower() or "auto"
    if normalise not in NORMALISE_CHOICES:
        raise _wrong("apply_text_normalization", "auto, on or off", normalise)
    return SocketRequest(
        dialect=dialect,
        voice_id=voice_id,
        is_dialogue=is_dialogue,
        model_id=query.get("model_id") or None,
        output_format=query.get("output_format") or DEFAULT_OUTPUT_FORMAT,
        language_code=query.get("language_code") or None,
        inactivity_timeout_s=_inactivity_s(query.get("inactivity_timeout")),
        sync_alignment=query_flag(query, "sync_alignment"),
        auto_mode=query_flag(query, "auto_mode"),
        enable_ssml_parsing=query_flag(query, "enable_ssml_parsing"),
        normalise=normalise,
        seed=_seed(query.get("seed")),
        timestamps=query_timestamps(query.get("timestamps", "")),
        credential=credential_of(headers, query.get("authorization")),
        single_use_token=query.get("single_use_token") or None,
    )


def credential_of(headers: Iterable[tuple[str, str]], query_authorization: str | None = None) -> str | None:
    """The API key of a request: from `xi-api-key`, `Authorization`, or the query, if any."""
    named = {name.lower(): value for name, value in headers}
    for value in (named.get("xi-api-key"), named.get("authorization"), query_authorization):
        if value is not None and (bare := bare_credential(value)):
            return bare
    return None


def bare_credential(value: str) -> str:
    """A key without surrounding spaces and without "Bearer "."""
    value = value.strip()
    scheme, _, rest = value.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value


def socket_url(base_url: str, request: SocketRequest) -> str:
    """The URL that `parse_socket_target` would read as `request`, without its credential.

    Args:
        base_url: "ws://host:port" or "wss://..."; http and https count as ws and wss; a path is kept as a
            prefix.
        request: the options for the query.
    """
    parts = urlsplit(base_url if "://" in base_url else f"ws://{base_url}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    query: dict[str, str] = {"output_format": request.output_format}
    for name, value in (
        ("model_id", request.model_id),
        ("language_code", request.language_code),
        ("seed", None if request.seed is None else str(request.seed)),
        ("single_use_token", request.single_use_token),
        ("timestamps", ",".join(request.timestamps) or None),
    ):
        if value is not None:
            query[name] = value
    for name, flag in (
        ("sync_alignment", request.sync_alignment),
        ("auto_mode", request.auto_mode),
        ("enable_ssml_parsing", request.enable_ssml_parsing),
    ):
        if flag:
            query[name] = "true"
    if request.normalise != "auto":
        query["apply_text_normalization"] = request.normalise
    query["inactivity_timeout"] = f"{request.inactivity_timeout_s:g}"
    place = _DIALOGUE if request.is_dialogue else f"{_PREFIX}{quote(request.voice_id, safe='')}/"
    path = f"{parts.path.rstrip('/')}{place}{request.dialect.value}"
    return f"{scheme}://{parts.netloc}{path}?{urlencode(query)}"


def _dialect_and_voice(path: str) -> tuple[Dialect, str, bool] | None:
    if path.startswith(_DIALOGUE):
        last = path[len(_DIALOGUE) :].rstrip("/")
        return next(((dialect, "", True) for dialect in Dialect if last == dialect.value), None)
    if not path.startswith(_PREFIX):
        return None
    voice, _, last = path[len(_PREFIX) :].rstrip("/").partition("/")
    voice_id = unquote(voice, errors="replace")
    for dialect in Dialect:
        if last == dialect.value and voice_id:
            return dialect, voice_id, False
    return None


def query_flag(query: Mapping[str, str], name: str) -> bool:
    """Read a boolean of a query, in upper or lower case: older Pipecat and LiveKit send "True" and "False".

    Raises:
        RemoteError: `invalid_parameters`: it is neither true nor false.
    """
    value = query.get(name, "false").strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise _wrong(name, "true or false", value)


def _inactivity_s(value: str | None) -> float:
    if not value:
        return DEFAULT_INACTIVITY_S
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if math.isnan(seconds):
        raise _wrong("inactivity_timeout", "a number of seconds from 1 to 180", value)
    # Clamped, not refused: old LiveKit sends 300.
    return clamp(seconds, MIN_INACTIVITY_S, MAX_INACTIVITY_S)


def _seed(value: str | None) -> int | None:
    if not value:
        return None
    # isdecimal also accepts digits of other scripts, which int() reads.
    if not value.isdecimal() or len(value) > 10 or int(value) > MAX_SEED:
        raise _wrong("seed", f"a whole number from 0 to {MAX_SEED}", value)
    return int(value)


def _wrong(name: str, expected: str, found: str) -> RemoteError:
    return RemoteError(
        "invalid_parameters", f"{name}: expected {expected}, found {describe(found)}", param=name
    )
