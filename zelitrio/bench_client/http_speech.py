"""A client of speech over HTTP/1.1: one connection and one request per utterance.

The clock starts when the connection is open, as for a client with a pool of connections.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn
from urllib.parse import quote, urlencode

import attrs
import h11
import orjson

from zelitrio.bench_client.address import Address
from zelitrio.bench_client.failures import kind_of
from zelitrio.bench_client.received import ReceivedSpeech
from zelitrio.bench_client.wav_stream import WavStream
from zelitrio.bench_client.wire import WireError, refusal_kind

READ_BYTES = 1 << 16
_BOUNDARY = "zelitrio-bench"
_REFUSAL_BYTES = 200
_REFUSAL_S = 1.0
"""Longest wait for the body of a refusal, which gives the reason."""
_CODED = frozenset(
    f"audio/{name}" for name in ("mpeg", "mp3", "ogg", "opus", "aac", "mp4", "flac", "x-flac", "webm")
)
"""Content types of encoded audio: some servers ignore the requested format."""


@attrs.frozen
class Request:
    """A request with the method POST.  `target` is its path and query."""

    target: str
    headers: dict[str, str]
    body: bytes


MakeRequest = Callable[[Address, str], Request]


def _json(target: str, body: dict[str, object], headers: dict[str, str] | None = None) -> Request:
    return Request(target, {"content-type": "application/json", **(headers or {})}, orjson.dumps(body))


def ask_elevenlabs(address: Address, text: str) -> Request:
    """A request to ElevenLabs' streaming endpoint."""
    body: dict[str, object] = {"text": text}
    if address.model:
        body["model_id"] = address.model
    query = urlencode({"output_format": address.output_format})
    target = f"{address.path}/v1/text-to-speech/{quote(address.voice_id, safe='')}/stream?{query}"
    return _json(target, body, address.key_header)


def ask_openai(address: Address, text: str) -> Request:
    """A request to OpenAI's speech endpoint."""
    body: dict[str, object] = {
        "model": address.model or "tts-1",
        "input": text,
        "voice": address.voice_id,
        "response_format": address.output_format.partition("_")[0],
    }
    headers = {"authorization": f"Bearer {address.api_key}"} if address.api_key else {}
    return _json(f"{address.path}/v1/audio/speech", body, headers)


def ask_piper(address: Address, text: str) -> Request:
    """A request to the server of `python -m piper.http_server`, which answers with a complete WAV file.

    The path is `/synthesize` unless the URL has one.
    """
    body: dict[str, object] = {"text": text}
    if address.voice_id:
        body["voice"] = address.voice_id
    return _json(address.path or "/synthesize", body)


def ask_riva(address: Address, text: str) -> Request:
    """A request to the streaming endpoint of NVIDIA's speech services: a form; the answer is raw samples."""
    rate = address.output_format.split("_")[1] if "_" in address.output_format else "22050"
    fields = {"text": text, "language": "en-US", "sample_rate_hz": rate, "encoding": "LINEAR_PCM"}
    if address.voice_id:
        fields["voice"] = address.voice_id
    parts = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    headers = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}
    if address.api_key:
        headers["authorization"] = f"Bearer {address.api_key}"
    return Request(
        f"{address.path}/v1/audio/synthesize_online", headers, f"{parts}--{_BOUNDARY}--\r\n".encode()
    )


class HttpSpeaker:
    """A speaker that sends one request per utterance.

    Args:
        address: the server.
        ask: makes the request for a text.
        is_wav: whether the answer is a WAV file whatever its content type: Piper's server says `text/html`.
    """

    def __init__(self, address: Address, ask: MakeRequest, *, is_wav: bool = False) -> None:
        self._address = address
        self._ask = ask
        self._is_wav = is_wav

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
                await self._exchange(reader, writer, self._ask(address, text), heard)
        except WireError as error:
            heard.fail(error.kind, str(error))
        except h11.RemoteProtocolError as error:
            is_late = "closed" in str(error) or bool(heard.arrivals)
            heard.fail("closed_early" if is_late else "wrong_protocol", str(error))
        except (OSError, TimeoutError) as error:
            heard.fail(kind_of(error), str(error))
        finally:
            heard.ended_at = time.perf_counter()
            if writer is not None:
                writer.transport.abort()
        return heard

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        request: Request,
        heard: ReceivedSpeech,
    ) -> None:
        headers = {
            "host": self._address.authority,
            "accept": "*/*",
            "content-length": str(len(request.body)),
            **request.headers,
        }
        http = h11.Connection(h11.CLIENT)
        sent = http.send(h11.Request(method="POST", target=request.target, headers=list(headers.items())))
        sent += http.send(h11.Data(data=request.body))
        sent += http.send(h11.EndOfMessage())
        heard.opened_at = heard.released_at = time.perf_counter()
        writer.write(sent)
        wav = WavStream(heard)
        while True:
            event = http.next_event()
            match event:
                case h11.NEED_DATA:
                    data = await reader.read(READ_BYTES)
                    now = time.perf_counter()
                    if http.their_state is h11.SEND_RESPONSE:
                        _check_beginning(http.trailing_data[0] + data)
                    http.receive_data(data)
                case h11.Response() if event.status_code != 200:
                    await _raise_refusal(event, http, reader)
                case h11.Response():
                    wav.is_wav = self._read_head(event, heard)
                case h11.Data():
                    wav.push(now, bytes(event.data))
                case h11.EndOfMessage():
                    return
                case h11.ConnectionClosed():
                    raise WireError("the server closed the connection", "closed_early")

    def _read_head(self, head: h11.Response, heard: ReceivedSpeech) -> bool:
        """Check the answer's head.  Returns whether the body is a WAV file."""
        coding = _header(head, b"content-encoding").lower()
        if coding not in ("", "identity"):
            raise WireError(f"content-encoding: expected none, found {coding}", "undecodable")
        if self._is_wav:
            return True
        kind = _header(head, b"content-type").lower()
        if kind.startswith(("text/", "application/json")) and not kind.startswith("text/event-stream"):
            raise WireError(f"content-type: expected audio, found {kind}", "wrong_protocol")
        if heard.output_format.startswith("pcm_") and kind.partition(";")[0] in _CODED:
            raise WireError(f"content-type: expected PCM, found {kind}", "undecodable")
        return "wav" in kind or heard.output_format == "wav"


async def _raise_refusal(head: h11.Response, http: h11.Connection, reader: asyncio.StreamReader) -> NoReturn:
    """Raise WireError with the status, where it redirects, when to come again, and what the body says."""
    status, body = head.status_code, b""
    with suppress(TimeoutError, OSError, h11.RemoteProtocolError):
        async with asyncio.timeout(_REFUSAL_S):
            while len(body) < _REFUSAL_BYTES:
                match http.next_event():
                    case h11.NEED_DATA:
                        http.receive_data(await reader.read(READ_BYTES))
                    case h11.Data(data=data):
                        body += bytes(data)
                    case _:
                        break
    told = [
        f"{name} {value}" for name in ("location", "retry-after") if (value := _header(head, name.encode()))
    ]
    told += [" ".join(body[:_REFUSAL_BYTES].decode(errors="replace").split())] if body else []
    raise WireError(f"expected 200, found {status}: {'; '.join(told)}".rstrip(": "), refusal_kind(status))


def _header(head: h11.Response, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in head.headers if name == wanted), "")


def _check_beginning(received: bytes) -> None:
    """Refuse an answer that does not begin as HTTP: h11 would refuse it only once the head is too long."""
    if not received:
        raise WireError("the server closed the connection without an answer", "closed_early")
    if not received.startswith(b"HTTP/1."[: len(received)]):
        raise WireError(f"expected an HTTP answer, found {received[:40]!r}")
