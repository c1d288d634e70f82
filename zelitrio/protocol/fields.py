"""Read the fields of a JSON object from a peer, with errors that name the field, expected and found.

The same readers serve sockets and HTTP bodies.  Only the errors differ, so a reader gets a function that
makes them (`on_socket` or `in_body`).

msgspec was tried with all fields of a socket and typed errors.  It read a piece of text in 5 us (these: 9),
and a first message with settings in 7 us (31); an audio message costs the server 200 us.  It is not used: its
errors lack the found value, so 20 lines took their texts apart; HTTP bodies and three other sockets would
still need these readers; and the program would be 100 lines longer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import attrs
import orjson

from zelitrio.errors import RemoteError
from zelitrio.settings import VoiceSettings, range_of

MAX_SCHEDULE_LENGTH = 100
"""Clients send at most five.  The limit keeps a hostile peer from filling memory."""
DEFAULT_CHUNK_SCHEDULE: tuple[float, ...] = (120.0, 160.0, 250.0, 290.0)
MIN_CHUNK_CHARS, MAX_CHUNK_CHARS = 50.0, 500.0
_SETTINGS = attrs.fields_dict(VoiceSettings)
_RANGES = {
    name: range_of(VoiceSettings, name) for name, field in _SETTINGS.items() if "range" in field.metadata
}
MIN_SPEED, MAX_SPEED = _RANGES["speed"]


class Wording(Protocol):
    """Makes the error for an invalid field."""

    def __call__(self, kind: str, field: str, expected: str, found: object) -> RemoteError:
        """Make the error for `field` (a dotted path; "" is the whole message); `kind` is an OUTCOMES code."""


def on_socket(kind: str, field: str, expected: str, found: object) -> RemoteError:
    """The error for an invalid field of a socket message: always `invalid_input_message`."""
    where = f"{field}: " if field else ""
    return RemoteError(
        "invalid_input_message",
        f"Could not parse input message: {where}expected {expected}, found {describe(found)}.",
        param=field or None,
    )


def in_body(kind: str, field: str, expected: str, found: object) -> RemoteError:
    """The error for an invalid field of an HTTP body, with the code `kind` and status 422."""
    message = (
        "Field required" if kind == "missing" else f"Input should be {expected}, found {describe(found)}"
    )
    return RemoteError(kind, message, param=field or None)


def describe(value: object, max_chars: int = 40) -> str:
    """Describe any JSON value for an error message, briefly."""
    if isinstance(value, str):
        return repr(value) if len(value) <= max_chars else f"a string of {len(value)} characters"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)[:max_chars]


def decode_object(message: str | bytes, wording: Wording) -> dict[str, Any]:
    """Decode a message that must be a JSON object.

    orjson refuses NaN, infinities and nesting deeper than 1,024.

    Raises:
        RemoteError: it is not JSON, or not an object.
    """
    try:
        found = orjson.loads(message)
    except orjson.JSONDecodeError:
        raise wording("json_invalid", "", "a JSON object", "something that is not JSON") from None
    if not isinstance(found, dict):
        raise wording("dict_type", "", "a JSON object", found)
    return found


class Fields:
    """A JSON object that is read field by field.

    All readers return None for an absent or null field, and raise the error of `wording` for another type.

    Args:
        values: the object.
        wording: makes errors.
        prefix: prefix of field names in errors, such as "voice_settings.".
    """

    def __init__(self, values: Mapping[str, Any], wording: Wording, prefix: str = "") -> None:
        self._values = values
        self._wording = wording
        self._prefix = prefix

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return (name for name, value in self._values.items() if value is not None)

    def to_dict(self) -> dict[str, Any]:
        """All fields, without checks."""
        return dict(self._values)

    def error(self, kind: str, name: str, expected: str) -> RemoteError:
        """Make the error for a field of this object."""
        return self._wording(kind, self._prefix + name, expected, self._values.get(name))

    def text(self, name: str, *, max_chars: int | None = None) -> str | None:
        """A string."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.error("string_type", name, "a string")
        if max_chars is not None and len(value) > max_chars:
            raise self.error("string_too_long", name, f"a string of at most {max_chars} characters")
        return value

    def spoken(self, name: str) -> str:
        """A required string that is not blank."""
        text = self.text(name)
        if text is None:
            raise self.error("missing", name, "a string")
        if not text.strip():
            expected = "a string with at least 1 character that is not a space"
            raise self.error("string_too_short", name, expected)
        return text

    def flag(self, name: str) -> bool | None:
        """A boolean."""
        value = self._values.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise self.error("bool_type", name, "true or false")

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number, clamped to [low, high]."""
        value = self._values.get(name)
        if value is None:
            return None
        if not is_number(value):
            raise self.error("float_type", name, "a number")
        return clamp(value, low, high)

    def whole(self, name: str, low: int, high: int) -> int | None:
        """A whole number in [low, high]; others are errors, because a clamped one has another meaning."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON has only one type of number: 7.0 is 7
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error("int_type", name, f"a whole number from {low} to {high}")
        return value

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        """A string that is one of `allowed`."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise self.error("enum", name, " or ".join(repr(word) for word in allowed))
        return value

    def items(self, name: str) -> list[Any] | None:
        """A list."""
        value = self._values.get(name)
        if value is None or isinstance(value, list):
            return value
        raise self.error("list_type", name, "a list")

    def is_object(self, name: str) -> bool:
        """Whether a field is an object."""
        return isinstance(self._values.get(name), dict)

    def inner(self, name: str) -> Fields | None:
        """An object inside this one."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.error("dict_type", name, "an object")
        return Fields(value, self._wording, f"{self._prefix}{name}.")


def is_number(value: object) -> bool:
    """Whether a JSON value is a finite number; booleans are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def clamp(value: float, low: float, high: float) -> float:
    """The nearest value in [low, high]."""
    return min(max(float(value), low), high)


def read_voice_settings(fields: Fields, base: VoiceSettings, name: str = "voice_settings") -> VoiceSettings:
    """Read voice settings: clamp numbers, take absent keys from `base`, ignore unknown keys."""
    given = fields.inner(name)
    if given is None:
        return base
    changes: dict[str, Any] = {
        one: given.number(one, *_RANGES[one]) if one in _RANGES else given.flag(one)
        for one in given
        if one in _SETTINGS
    }
    return attrs.evolve(base, **changes)


def clamped(fields: Fields, name: str, low: float, high: float) -> tuple[str, ...]:
    """Name and used value of a number out of range, "speed=1.2"; empty if it is in range."""
    counted = fields.number(name, low, high)
    return () if counted == fields.number(name, -math.inf, math.inf) else (f"{name}={counted:g}",)


def clamped_settings(fields: Fields, name: str = "voice_settings") -> tuple[str, ...]:
    """All voice settings out of range, as `clamped` describes them."""
    given = fields.inner(name)
    if given is None:
        return ()
    return tuple(said for one, limits in _RANGES.items() for said in clamped(given, one, *limits))


def read_chunk_schedule(fields: Fields) -> tuple[float, ...] | None:
    """Read `chunk_length_schedule` in `generation_config` or `generator_config`, if present.

    Values are clamped to 50 to 500 characters.  ElevenLabs refuses others, but some clients send 40.  An
    empty list is the default schedule.
    """
    for key in ("generation_config", "generator_config"):
        config = fields.inner(key)
        values = config.items("chunk_length_schedule") if config is not None else None
        if config is None or values is None:
            continue
        if len(values) > MAX_SCHEDULE_LENGTH or not all(map(is_number, values)):
            raise config.error(
                "list_type", "chunk_length_schedule", f"a list of at most {MAX_SCHEDULE_LENGTH} numbers"
            )
        return tuple(clamp(value, MIN_CHUNK_CHARS, MAX_CHUNK_CHARS) for value in values) or (
            DEFAULT_CHUNK_SCHEDULE
        )
    return None
