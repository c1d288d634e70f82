"""Parts of the JSON for each packet of audio, with ElevenLabs' exact keys."""

from __future__ import annotations

from typing import Any

import orjson
import pybase64

from zelitrio.protocol.char_times import CharTimes


def alignment_json(times: CharTimes | None) -> str:
    """An alignment as JSON for a socket; "null" without characters.

    The key is `charDurationsMs`, which ElevenLabs' sockets send; its specification once had
    `charsDurationsMs`.  An empty alignment is null, because Pipecat reads the last element of each list.
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
    """One JSON line of `.../with-timestamps`, with its newline.

    Args:
        audio: encoded bytes.
        alignment: times of the sent characters.
        normalized_alignment: times of the characters as spoken.
        offset_ms: added to all times, which count from the start of the answer.
        more: further keys.
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
