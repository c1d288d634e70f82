"""A client of Wyoming, the protocol of Home Assistant's voice services: JSON lines and bytes over TCP."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import attrs
import orjson

from zelitrio.bench_client.address import Address
from zelitrio.bench_client.failures import kind_of
from zelitrio.bench_client.received import ReceivedSpeech, pcm_format
from zelitrio.bench_client.wire import WireError

_MOST_BYTES = 1 << 24
"""Longest event in bytes.  A server of another protocol may send any number as the length."""
_VERSION = "1.5.2"


@attrs.frozen
class Event:
    """One event: its `type`, its data, and the bytes after it."""

    kind: str
    data: dict[str, Any]
    payload: bytes


def write_event(kind: str, data: dict[str, Any]) -> bytes:
    """Make an event without payload; its data is in its line."""
    return orjson.dumps({"type": kind, "version": _VERSION, "data": data}) + b"\n"


async def read_event(reader: asyncio.StreamReader) -> Event:
    """Wait for the next event.

    Raises:
        WireError: the server speaks another protocol, or has closed the connection.
    """
    try:
        line = await reader.readuntil(b"\n")
        head = orjson.loads(line)
        sizes = int(head.get("data_length") or 0), int(head.get("payload_length") or 0)
        if not all(0 <= size <= _MOST_BYTES for size in sizes):
            raise WireError(f"event: expected at most {_MOST_BYTES} bytes, found {sizes}")
        more = orjson.loads(await reader.readexactly(sizes[0])) if sizes[0] else {}
        data = {**(head.get("data") or {}), **more}
        return Event(head["type"], data, await reader.readexactly(sizes[1]))
    except asyncio.IncompleteReadError as error:
        if error.partial and not error.partial.lstrip().startswith(b"{"):
            raise WireError(f"event: expected a line of JSON, found {error.partial[:40]!r}") from error
        raise WireError("the server closed the connection", "closed_early") from error
    except (ValueError, KeyError, TypeError, AttributeError, asyncio.LimitOverrunError) as error:
        raise WireError(f"event: expected a line of JSON: {error}") from error


class WyomingSpeaker:
    """A speaker that connects for each utterance, as Home Assistant does."""

    def __init__(self, address: Address) -> None:
        self._address = address

    async def say(self, text: str) -> ReceivedSpeech:
        """See Speaker."""
        address = self._address
        heard = ReceivedSpeech(output_format=address.output_format, chars=len(text))
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(address.timeout_s):
                reader, writer = await asyncio.open_connection(
                    address.host, address.port, ssl=address.ssl_context()
                )
                data: dict[str, Any] = {"text": text}
                if address.voice_id:
                    data["voice"] = {"name": address.voice_id}
                heard.opened_at = heard.released_at = time.perf_counter()
                writer.write(write_event("synthesize", data))
                while not self._take(await read_event(reader), heard):
                    pass
        except WireError as error:
            heard.fail(error.kind, str(error))
        except (OSError, TimeoutError) as error:
            heard.fail(kind_of(error), str(error))
        finally:
            heard.ended_at = time.perf_counter()
            if writer is not None:
                writer.transport.abort()
        return heard

    def _take(self, event: Event, heard: ReceivedSpeech) -> bool:
        match event.kind:
            case "audio-start":
                width, channels = event.data.get("width"), event.data.get("channels")
                if (width, channels) != (2, 1):
                    raise WireError(f"audio: expected 16-bit mono, found {event.data}", "undecodable")
                heard.output_format = pcm_format(event.data.get("rate"))
            case "audio-chunk" if event.payload:
                heard.add(time.perf_counter(), event.payload)
            case "error":
                heard.fail(
                    str(event.data.get("code") or "server_error")[:60], str(event.data.get("text", ""))
                )
                return True
        return event.kind == "audio-stop"
