"""Read a `multipart/form-data` body (RFC 7578) of limited size."""

from __future__ import annotations

from email import policy
from email.parser import BytesParser

from zelitrio.errors import RemoteError


def read_form(content_type: str, body: bytes) -> dict[str, bytes]:
    """Return the fields of a body by name; of several with one name, the last.

    Raises:
        RemoteError: `invalid_parameters`: it is not `multipart/form-data`.
    """
    if not content_type.lower().startswith("multipart/form-data") or "boundary" not in content_type.lower():
        raise _wrong(f"found content-type {content_type[:64]!r}")
    head = b"content-type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    fields: dict[str, bytes] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields[name] = content
    if not fields:
        raise _wrong("found no field")
    return fields


def form_text(fields: dict[str, bytes], name: str) -> str | None:
    """Return a field as text, if present.

    Raises:
        RemoteError: `string_type`: it is not UTF-8.
    """
    value = fields.get(name)
    try:
        return None if value is None else value.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RemoteError("string_type", f"{name}: expected UTF-8 text", param=name) from None


def _wrong(found: str) -> RemoteError:
    return RemoteError("invalid_parameters", f"body: expected multipart/form-data with fields, {found}")
