"""Endpoints for the history of a key under `/v1/history`, in ElevenLabs' format.

https://elevenlabs.io/docs/api-reference/history/list
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import orjson
import trio
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from zelitrio.accounts import History, HistoryItem, HistoryQuery
from zelitrio.audio import FORMATS, AudioFormat, to_wav, with_true_sizes
from zelitrio.errors import LocalError, RemoteError
from zelitrio.protocol import parse_download_request
from zelitrio.server.json_answer import to_json
from zelitrio.server.operation import Endpoints, operation
from zelitrio.server.query import PageToken, Text, Whole, Word, wrong
from zelitrio.server.quiet_log import get_log
from zelitrio.server.requests import authorize, read_body
from zelitrio.server.telephony import linear_format

MAX_UNIX_S = 253_402_300_799
MAX_DOWNLOAD_BYTES = 256 * 1024 * 1024
_EXTENSIONS = {"m4a": "m4a", "opus": "ogg"}
_SIZE = Whole("page_size", 1, 1000, default=100)
_AFTER = PageToken("start_after_history_item_id")
_VOICE, _MODEL, _SEARCH = Text("voice_id"), Text("model_id"), Text("search")
_SINCE = Whole("date_after_unix", 0, MAX_UNIX_S, default=0)
_BEFORE = Whole("date_before_unix", 0, MAX_UNIX_S, default=MAX_UNIX_S)
_DIRECTION = Word("sort_direction", ("asc", "desc"))
_SOURCE = Word("source", ("TTS", "STS"))
_FILTERS = (_SIZE, _AFTER, _VOICE, _MODEL, _SEARCH, _BEFORE, _SINCE, _DIRECTION, _SOURCE)
_ITEM = "/v1/history/{history_item_id}"
log = get_log()


def item_json(item: HistoryItem) -> dict[str, Any]:
    """An item in the vendor's format."""
    return {
        "history_item_id": item.item_id,
        "request_id": item.request_id,
        "voice_id": item.voice_id,
        "model_id": item.model_id,
        "voice_name": item.voice_name,
        "voice_category": "premade",
        "text": item.text,
        "date_unix": int(item.created_at_s),
        "character_count_change_from": 0,
        "character_count_change_to": len(item.text),
        "content_type": _format_of(item).content_type,
        "state": "created",
        "settings": orjson.loads(item.settings),
        "feedback": None,
        "share_link_id": None,
        "source": "TTS",
        "alignments": None,
        "dialogue": None,
        "output_format": item.format,
    }


def page_json(items: list[HistoryItem], *, has_more: bool) -> dict[str, Any]:
    """A page of items in the vendor's format."""
    return {
        "history": [item_json(item) for item in items],
        "last_history_item_id": items[-1].item_id if items else None,
        "has_more": has_more,
        "scanned_until": int(items[-1].created_at_s) if items else None,
    }


def read_history_query(query: QueryParams) -> HistoryQuery:
    """Read filters, order and page.  Unknown parameters are ignored.

    Raises:
        RemoteError: `invalid_parameters`, with the name of the parameter.
    """
    return HistoryQuery(
        size=_SIZE.read(query),
        after=_AFTER.read(query),
        voice_id=_VOICE.read(query),
        model_id=_MODEL.read(query),
        search=_SEARCH.read(query),
        since_s=_SINCE.read(query),
        before_s=_BEFORE.read(query),
        oldest_first=_DIRECTION.read(query) == "asc",
    )


class HistoryEndpoints(Endpoints):
    """The endpoints under `/v1/history`; without `--history` each answers 404."""

    @operation("GET", "/v1/history", *_FILTERS, errors=("404", "500"))
    async def list_history(self, request: Request) -> Response:
        """What this key had spoken, the newest first, in pages; only with `--history`."""
        key, history = self._open(request)
        query = read_history_query(request.query_params)
        if _SOURCE.read(request.query_params) == "STS":
            return to_json(page_json([], has_more=False))
        with _explained():
            page = await history.page(key, query)
        if page is None:
            raise wrong(_AFTER.name, "an item", query.after or "")
        return to_json(page_json(page[0], has_more=page[1]))

    @operation("GET", _ITEM, errors=("500",))
    async def get_history_item(self, request: Request) -> Response:
        """One item of the history, without its audio."""
        key, history = self._open(request)
        with _explained():
            item = await history.find(key, _item_id(request))
        if item is None:
            raise _not_found(_item_id(request))
        return to_json(item_json(item))

    @operation("GET", f"{_ITEM}/audio", errors=("500",))
    async def get_history_audio(self, request: Request) -> Response:
        """The audio of one item, in the format that it was spoken in."""
        key, history = self._open(request)
        sound = await _sound(history, key, _item_id(request), as_wav=False)
        return Response(sound.data, media_type=sound.content_type)

    @operation("DELETE", _ITEM, errors=("500",))
    async def delete_history_item(self, request: Request) -> Response:
        """Delete one item with its audio."""
        key, history = self._open(request)
        with _explained():
            is_deleted = await history.remove(key, _item_id(request))
        if not is_deleted:
            raise _not_found(_item_id(request))
        return to_json({"status": "ok"})

    @operation("POST", "/v1/history/download", body="DownloadRequest")
    async def download_history(self, request: Request) -> Response:
        """The audio of one item, or of several in a ZIP file."""
        key, history = self._open(request)
        wanted = parse_download_request(await read_body(self._state, request))
        sounds: dict[str, _Sound] = {}
        for item_id in wanted.item_ids:
            sound = await _sound(history, key, item_id, as_wav=wanted.output_format == "wav")
            sounds[f"{item_id}.{sound.extension}"] = sound
            if sum(len(one.data) for one in sounds.values()) > MAX_DOWNLOAD_BYTES:
                message = f"history_item_ids: expected at most {MAX_DOWNLOAD_BYTES} bytes of audio"
                raise RemoteError("invalid_parameters", message, param="history_item_ids")
        name, sound = next(iter(sounds.items()))
        if len(sounds) > 1:
            packed = await trio.to_thread.run_sync(_packed, sounds)
            name, sound = "history.zip", _Sound(packed, "application/zip", "zip")
        disposition = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(sound.data, media_type=sound.content_type, headers=disposition)

    def _open(self, request: Request) -> tuple[str, History]:
        """Check the key; return its account's name, and the history.

        Raises:
            RemoteError: the key is missing or wrong, or the history is off.
        """
        account = authorize(self._state, request)
        if self._state.history is None:
            raise RemoteError("not_found", "The history is off; start the server with --history.")
        return account.name, self._state.history


@attrs.frozen
class _Sound:
    data: bytes
    content_type: str
    extension: str


async def _sound(history: History, key: str, item_id: str, *, as_wav: bool) -> _Sound:
    """The audio of an item of a key.

    Raises:
        RemoteError: the key has no such item.
    """
    with _explained():
        found = await history.audio(key, item_id)
    if found is None:
        raise _not_found(item_id)
    item, data = found
    audio_format = _format_of(item)
    if as_wav:
        return _Sound(await trio.to_thread.run_sync(to_wav, data, audio_format), "audio/wav", "wav")
    extension = _EXTENSIONS.get(audio_format.codec, audio_format.codec)
    return _Sound(with_true_sizes(data, audio_format), audio_format.content_type, extension)


def _format_of(item: HistoryItem) -> AudioFormat:
    """The format of an item.  Its name may be unknown: telephone platforms use PCM at any rate."""
    return FORMATS.get(item.format) or linear_format(int(item.format.removeprefix("pcm_")))


def _packed(sounds: dict[str, _Sound]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, sound in sounds.items():
            archive.writestr(name, sound.data)
    return file.getvalue()


def _item_id(request: Request) -> str:
    return str(request.path_params["history_item_id"])


def _not_found(item_id: str) -> RemoteError:
    message = f"A history item with id {item_id[:64]!r} was not found."
    return RemoteError("history_item_not_found", message, param="history_item_id")


@contextmanager
def _explained() -> Iterator[None]:
    """Turn a disk error into one for the client, without file names; log the details."""
    try:
        yield
    except LocalError as error:
        log.error("history_not_read", error=str(error))
        raise RemoteError("something_went_wrong", "The history could not be read.") from error
