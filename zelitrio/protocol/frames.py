"""Frames for the peer: the exact keys, built cheaply, once per packet of audio."""

from __future__ import annotations

from typing import Any

import orjson
import pybase64

from zelitrio.protocol.char_times import CharTimes


def alignment_json(times: CharTimes | None) -> str:
    """An alignment object for a socket, or "null".

    The key is `charDurationsMs`, as on the vendor's wire; its specification once said `charsDurationsMs`.
    An empty alignment is null: Pipecat indexes the last element of every list it is given.
    """
    if times is None or not times.chars:
        return "null"
    return orjson.dumps(
        {
            "chars": times.chars,
            "charStartTimesMs": times.starts_ms,
            "charDurationsMs": times.durations_ms,
        }
    ).decode()


def context_json(context_id: str | None) -> str:
    """A context id as JSON."""
    return "null" if context_id is None else orjson.dumps(context_id).decode()


def timed_audio_line(
    audio: bytes,
    alignment: CharTimes | None,
    normalized_alignment: CharTimes | None,
    *,
    offset_ms: int = 0,
    **more: Any,
) -> bytes:
    """One JSON object of `.../with-timestamps`, ending in a newline as every streamed line must.

    Times are in seconds from the start of the whole answer: `offset_ms` is where this chunk starts in it.
    `more` are further keys.
    """
    return orjson.dumps(
        {
            "audio_base64": pybase64.b64encode_as_string(audio),
            "alignment": _in_seconds(alignment, offset_ms),
            "normalized_alignment": _in_seconds(normalized_alignment, offset_ms),
            **more,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _in_seconds(times: CharTimes | None, offset_ms: int) -> dict[str, Any] | None:
    if times is None or not times.chars:
        return None
    starts = [offset_ms + start for start in times.starts_ms]
    return {
        "characters": times.chars,
        "character_start_times_seconds": [start / 1000 for start in starts],
        "character_end_times_seconds": [
            (start + length) / 1000 for start, length in zip(starts, times.durations_ms, strict=True)
        ],
    }
