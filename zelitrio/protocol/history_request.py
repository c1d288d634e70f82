"""Parse requests for the audio of history items, in the vendor's format."""

from __future__ import annotations

import attrs

from zelitrio.protocol.fields import Fields, decode_object, in_body

MAX_DOWNLOADS = 100
DOWNLOAD_FORMATS = ("default", "wav")


@attrs.frozen(kw_only=True)
class DownloadRequest:
    """The items to send, and whether to convert them to WAV."""

    item_ids: tuple[str, ...]
    as_wav: bool


def parse_download_request(body: bytes) -> DownloadRequest:
    """Read a body; unknown fields are ignored.

    Raises:
        RemoteError: a field is missing or of a wrong type (a 422 code, `param` is the field).
    """
    fields = Fields(decode_object(body, in_body), in_body)
    ids = fields.items("history_item_ids")
    if ids is None:
        raise fields.error("missing", "history_item_ids", "a list of ids")
    if not 1 <= len(ids) <= MAX_DOWNLOADS or not all(isinstance(one, str) for one in ids):
        raise fields.error("list_type", "history_item_ids", f"a list of 1 to {MAX_DOWNLOADS} strings")
    as_wav = fields.choice("output_format", DOWNLOAD_FORMATS) == "wav"
    return DownloadRequest(item_ids=tuple(dict.fromkeys(str(one) for one in ids)), as_wav=as_wav)
