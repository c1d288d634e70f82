"""A server that refuses, redirects, or answers in another format is reported with what it said."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import socket
import time
from typing import Any

import pytest
from bad_servers import UPGRADED, Behave, answer, bad_server, http, speak_and_close, text_frame
from ports import free_port

from zelitrio.bench_client import ReceivedSpeech, open_speaker, parse_address
from zelitrio.bench_client.failures import kind_of

WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\xbb\0\0\0\xee\x02\0\x02\0\x10\0data\0\0\0\0"
SOCKETS = ("elevenlabs-ws", "elevenlabs-multi")
HTTP = ("elevenlabs-http", "openai", "piper-http", "riva-like")


def spoken(url: str, protocol: str, output_format: str = "pcm_24000", *texts: str) -> ReceivedSpeech:
    """The last of some utterances."""
    address = parse_address(
        url, protocol=protocol, voice_id="v", output_format=output_format, api_key="k", timeout_s=5.0
    )

    async def all_of_them() -> ReceivedSpeech:
        speaker = open_speaker(address)
        for text in texts or ("Good morning.",):
            heard = await speaker.say(text)
        speaker.close()
        heard.check()
        return heard

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("protocol", [*SOCKETS, *HTTP])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_named_and_not_followed(protocol: str, status: int) -> None:
    asked = 0

    def to_itself(peer: socket.socket) -> None:
        nonlocal asked
        asked += 1
        peer.recv(65536)
        port = peer.getsockname()[1]
        peer.sendall(
            f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{port}/\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )

    with bad_server(to_itself) as port:
        heard = spoken(f"http://127.0.0.1:{port}", protocol)
    assert heard.failure == "redirect"
    assert f"http://127.0.0.1:{port}/" in heard.detail
    assert asked == 1


@pytest.mark.parametrize("protocol", [*SOCKETS, *HTTP])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429, 500, 502, 503])
def test_a_refusal_tells_when_to_come_again(protocol: str, status: int) -> None:
    head = f"HTTP/1.1 {status} No\r\nRetry-After: 17\r\nContent-Length: 15\r\n\r\n".encode()
    with bad_server(answer(head + b'{"detail": "x"}')) as port:
        heard = spoken(f"http://127.0.0.1:{port}", protocol)
    assert heard.failure == f"http_{status}"
    assert "17" in heard.detail


@pytest.mark.parametrize("protocol", HTTP)
def test_a_refusal_tells_what_the_body_says(protocol: str) -> None:
    with bad_server(answer(http("401 No", b'{"detail": "invalid_api_key"}'))) as port:
        assert "invalid_api_key" in spoken(f"http://127.0.0.1:{port}", protocol).detail


@pytest.mark.parametrize("protocol", HTTP)
@pytest.mark.parametrize("body", [b"", b"half of", bytes(range(256))])
def test_a_refusal_whose_body_never_ends_keeps_its_kind(protocol: str, body: bytes) -> None:
    began = time.monotonic()
    with bad_server(answer(http("503 No", body, length=10_000), waits=True)) as port:
        assert spoken(f"http://127.0.0.1:{port}", protocol).failure == "http_503"
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("protocol", "behave"),
    [
        *((name, answer(http("200 OK", b"ID3" + bytes(401)))) for name in ("openai", "riva-like")),
        *((name, answer(http("200 OK", b"OggS" + bytes(400)))) for name in ("openai", "riva-like")),
        ("openai", answer(http("200 OK", bytes(400), "audio/mpeg"))),
        ("openai", answer(http("200 OK", bytes(400), "Audio/Ogg; codecs=opus"))),
        (
            "elevenlabs-http",
            answer(
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: audio/pcm\r\n"
                b"Content-Length: 40\r\n\r\n" + bytes(40)
            ),
        ),
        *(
            (
                name,
                speak_and_close(
                    json.dumps({"audio": base64.b64encode(b"RIFF" + bytes(400)).decode()}).encode(),
                    b'{"isFinal":true}',
                ),
            )
            for name in SOCKETS
        ),
    ],
)
def test_another_format_than_the_one_asked_for_is_undecodable(protocol: str, behave: Behave) -> None:
    with bad_server(behave) as port:
        assert spoken(f"http://127.0.0.1:{port}", protocol).failure == "undecodable"


AUDIO = base64.b64encode(bytes(400)).decode()


@pytest.mark.parametrize("protocol", SOCKETS)
@pytest.mark.parametrize("final", ['"isFinal"', '"is_final"'])
@pytest.mark.parametrize("gap", ["", " "])
@pytest.mark.parametrize("more", ["", ', "error": null', ', "error": ""'])
def test_a_message_may_be_written_in_any_usual_way(protocol: str, final: str, gap: str, more: str) -> None:
    said = f'{{"audio":{gap}"{AUDIO}"{more}}}', f"{{{final}:{gap}true{more}}}"
    with bad_server(speak_and_close(*(text.encode() for text in said))) as port:
        heard = spoken(f"http://127.0.0.1:{port}", protocol)
    assert (heard.failure, heard.audio_s) == (None, 400 / 48_000)


@pytest.mark.parametrize("payload", [b'{"error":' + b"[" * 100_000, b'{"error"', b'"error"', b'["error"]'])
@pytest.mark.parametrize("protocol", SOCKETS)
def test_an_error_that_is_no_message_is_the_servers(protocol: str, payload: bytes) -> None:
    with bad_server(speak_and_close(payload)) as port:
        assert spoken(f"http://127.0.0.1:{port}", protocol).failure == "server_error"


def test_late_audio_of_a_failed_context_is_not_taken_for_the_next_one() -> None:
    late = {"audio": base64.b64encode(bytes(4000)).decode(), "contextId": "c1"}

    def behave(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(UPGRADED)
        for said in (
            [{"error": "bad", "contextId": "c1"}],
            [
                late,
                {"isFinal": True, "contextId": "c1"},
                {"audio": AUDIO, "contextId": "c2"},
                {"isFinal": True},
            ],
        ):
            peer.recv(65536)
            peer.sendall(b"".join(text_frame(json.dumps(one).encode()) for one in said))
        peer.recv(65536)

    with bad_server(behave) as port:
        heard = spoken(f"http://127.0.0.1:{port}", "elevenlabs-multi", "pcm_24000", "One.", "Two.")
    assert (heard.failure, heard.audio_s) == (None, 400 / 48_000)


@pytest.mark.parametrize("protocol", [*SOCKETS, *HTTP, "wyoming"])
def test_a_host_with_two_addresses_that_refuse_is_refused(
    protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()

    def both(*arguments: Any, **named: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    assert spoken(f"http://localhost:{port}", protocol).failure == "refused"


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.ENETUNREACH, "unreachable"),
        (errno.EMFILE, "client_limit"),
        (errno.EADDRNOTAVAIL, "client_limit"),
        (errno.ECONNRESET, "closed_early"),
        (errno.EPIPE, "closed_early"),
        (errno.ETIMEDOUT, "timeout"),
        (errno.ECONNREFUSED, "refused"),
    ],
)
def test_an_error_of_the_system_has_a_kind(number: int, kind: str) -> None:
    assert kind_of(OSError(number, "x")) == kind
    assert kind_of(OSError(f"Multiple exceptions: [Errno {number}] x, [Errno {number}] y")) == kind


def test_ipv6_addresses_are_measured() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]

        async def one() -> str:
            heard = asyncio.create_task(asyncio.to_thread(spoken, f"http://[::1]:{port}", "openai"))
            peer = await asyncio.to_thread(lambda: listener.accept()[0])
            with peer:
                head: bytes = await asyncio.to_thread(peer.recv, 65536)
                peer.sendall(http("200 OK", bytes(400)))
                assert (await heard).failure is None
            return head.decode()

        assert f"host: [::1]:{port}\r\n" in asyncio.run(one()).lower()


WHOLE = {
    **dict.fromkeys(
        SOCKETS,
        UPGRADED
        + text_frame(json.dumps({"audio": AUDIO}).encode())
        + text_frame(b'{"isFinal":true}')
        + b"\x88\0",
    ),
    **dict.fromkeys(HTTP, http("200 OK", bytes(40))),
    "piper-http": http("200 OK", WAV + bytes(8)),
    "wyoming": b'{"type":"audio-start","data":{"rate":16000,"width":2,"channels":1}}\n'
    b'{"type":"audio-chunk","payload_length":4}\nabcd{"type":"audio-stop"}\n',
}


@pytest.mark.parametrize("protocol", WHOLE)
@pytest.mark.parametrize(("pause_s", "failures"), [(0.0001, (None,)), (0.2, ("timeout",))])
def test_an_answer_that_comes_byte_by_byte_is_heard_within_the_limit(
    protocol: str, pause_s: float, failures: tuple[str | None, ...]
) -> None:
    def drip(peer: socket.socket) -> None:
        peer.recv(65536)
        for byte in WHOLE[protocol]:
            peer.sendall(bytes((byte,)))
            time.sleep(pause_s)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(65536):
            pass

    with bad_server(drip) as port:
        url = f"http://127.0.0.1:{port}"
        began = time.monotonic()
        assert spoken(url, protocol, "wav" if protocol == "piper-http" else "pcm_24000").failure in failures
        assert time.monotonic() - began < 60
