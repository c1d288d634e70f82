"""Begin a history item for a stream, from the stream's options."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import orjson
from structlog.contextvars import get_contextvars

from zelitrio.accounts import History, HistoryItem, Kind, Recording
from zelitrio.session import StreamOptions


def make_recorder(history: History) -> Callable[[str, Kind, StreamOptions], Recording]:
    """Make the function with which `Accounts` begins an item for each stream."""

    def record(key: str, kind: Kind, options: StreamOptions) -> Recording:
        request_id = get_contextvars().get("request_id")
        item = HistoryItem(
            key=key,
            created_at_s=history.now_s(),
            kind=kind.value,
            voice_id=options.voice.voice_id,
            voice_name=options.voice.name,
            model_id=options.reading.model_id or None,
            request_id=None if request_id is None else str(request_id),
            format=options.audio_format.name,
            settings=orjson.dumps(attrs.asdict(options.settings)).decode(),
        )
        return history.begin(item)

    return record
