"""Parse requests for the audio of history items, in ElevenLabs' format."""

from __future__ import annotations

import attrs

from zelitrio.protocol.body import one_of, read_body, read_by
from zelitrio.protocol.fields import Fields, decode_object, in_body

MAX_DOWNLOADS = 100


def _ids(fields: Fields, name: str) -> tuple[str, ...]:
    ids = fields.items(name)
    if ids is None:
        raise fields.error("missing", name, "a list of ids")
    if not 1 <= len(ids) <= MAX_DOWNLOADS or not all(isinstance(one, str) for one in ids):
        raise fields.error("list_type", name, f"a list of 1 to {MAX_DOWNLOADS} strings")
    return tuple(dict.fromkeys(str(one) for one in ids))


@attrs.frozen(kw_only=True)
class DownloadRequest:
    """The items to send, each once, and their format."""

    item_ids: tuple[str, ...] = read_by(
        _ids,
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_DOWNLOADS},
        name="history_item_ids",
        is_required=True,
    )
    output_format: str = one_of(("default", "wav"))
    """default: as each was spoken."""


def parse_download_request(body: bytes) -> DownloadRequest:
    """Read a body; unknown fields are ignored.

    Raises:
        RemoteError: a field is missing or of a wrong type (a 422 code, `param` is the field).
    """
    return read_body(DownloadRequest, Fields(decode_object(body, in_body), in_body))
