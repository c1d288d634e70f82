"""Fields of a JSON body: each defines its reader and its JSON schema.

    @attrs.frozen(kw_only=True)
    class Order:
        text: str = spoken()
        seed: int | None = whole(0, 10)

`read_body(Order, fields)` reads one, `schema_of(Order)` describes it.  A null field counts as absent, so all
but the required ones may be null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from zelitrio.protocol.fields import Fields, read_voice_settings
from zelitrio.settings import VoiceSettings

Request = TypeVar("Request")
Schema = dict[str, Any]
TEXT: Schema = {"type": "string", "pattern": r"\S"}
"""A text that is not blank."""


def read_by(
    read: Callable[[Fields, str], Any],
    schema: Mapping[str, Any],
    help: str = "",
    *,
    name: str | None = None,
    default: Any = None,
    is_required: bool = False,
) -> Any:
    """Define a field that `read` takes from a body.

    Args:
        read: gets the fields and the name; returns None for an absent field.
        schema: the schema of its values, without null.
        help: a description for people.
        name: name in the body; None: that of the attribute.
        default: value of an absent field, or a function that makes it.
        is_required: whether a body must have it.
    """
    said = {**schema, **({"description": help} if help else {})}
    if isinstance(default, bool | int | float | str):
        said["default"] = default
    metadata = {"read": read, "schema": said, "name": name, "is_required": is_required}
    if is_required:
        return attrs.field(metadata=metadata)
    return attrs.field(metadata=metadata, default=attrs.Factory(default) if callable(default) else default)


def spoken(*, name: str | None = None) -> Any:
    """A required text to speak."""
    return read_by(Fields.spoken, TEXT, name=name, is_required=True)


def string(help: str = "", *, name: str | None = None, default: str | None = None) -> Any:
    """A string; an empty one counts as absent."""

    def read(fields: Fields, name: str) -> str | None:
        return fields.text(name) or None

    return read_by(read, {"type": "string"}, help, name=name, default=default)


def boolean(help: str = "", *, name: str | None = None, default: bool = False) -> Any:
    """A boolean."""
    return read_by(Fields.flag, {"type": "boolean"}, help, name=name, default=default)


def whole(low: int, high: int, *, name: str | None = None, default: int | None = None) -> Any:
    """A whole number in a range."""

    def read(fields: Fields, name: str) -> int | None:
        return fields.whole(name, low, high)

    return read_by(read, {"type": "integer", "minimum": low, "maximum": high}, name=name, default=default)


def one_of(allowed: Sequence[str], *, name: str | None = None) -> Any:
    """One of a few words; the default is the first one."""

    def read(fields: Fields, name: str) -> str | None:
        return fields.choice(name, allowed)

    return read_by(read, {"enum": [*allowed]}, name=name, default=allowed[0])


def settings(name: str) -> Any:
    """Voice settings over the defaults.  Numbers out of range are clamped, so the schema gives no range."""

    def read(fields: Fields, name: str) -> VoiceSettings:
        return read_voice_settings(fields, VoiceSettings(), name)

    properties = {
        one.name: {
            "type": ["boolean" if isinstance(one.default, bool) else "number", "null"],
            "description": one.metadata["help"],
            "default": one.default,
        }
        for one in attrs.fields(VoiceSettings)
    }
    return read_by(read, {"type": "object", "properties": properties}, name=name, default=VoiceSettings)


def read_body(request: type[Request], fields: Fields, **known: Any) -> Request:
    """Read a body, its required fields first.

    Args:
        request: an attrs class of such fields.
        fields: the body's fields; unknown ones are ignored.
        known: attributes that are not read.
    """
    found = [field for field in attrs.fields(request) if "read" in field.metadata]  # type: ignore[arg-type]
    for field in sorted(found, key=lambda field: not field.metadata["is_required"]):
        value = field.metadata["read"](fields, field.metadata["name"] or field.name)
        if value is not None:
            known[field.name] = value
    return request(**known)


def schema_of(request: type[Any], names: Sequence[str] | None = None, required: Sequence[str] = ()) -> Schema:
    """Describe a body.

    Args:
        request: an attrs class of such fields.
        names: the possible attributes; None: all.
        required: names in the body that are required besides those that always are.
    """
    properties, needed = {}, [*required]
    for field in attrs.fields(request):
        said = field.metadata
        if "schema" in said and (names is None or field.name in names):
            name = said["name"] or field.name
            needed += [name] if said["is_required"] else []
            properties[name] = said["schema"] if name in needed else or_null(said["schema"])
    return {"type": "object", "properties": properties, "required": needed}


def or_null(schema: Mapping[str, Any]) -> Schema:
    """A schema of the same values and null."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return dict(schema)
