"""A socket's request head that this package reads itself gives the same result as h11."""

from __future__ import annotations

import random

import h11
import pytest

from zelitrio.server.head import MAX_LINES, RequestHead, plain_upgrade

MOST = 16 * 1024
PLAIN = (
    b"GET /v1/text-to-speech/v/stream-input?output_format=pcm_24000 HTTP/1.1\r\n"
    b"Host: 127.0.0.1:8020\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"User-Agent: a  client/1.0 (of \t any kind)  \r\nX-Empty:\r\nxi-api-key:\tsecret \r\n\r\n"
)


def by_h11(raw: bytes) -> RequestHead | None:
    """The result of h11; None if it refuses the head."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST)
    parser.receive_data(raw)
    try:
        event = parser.next_event()
    except h11.RemoteProtocolError:
        return None
    assert isinstance(event, h11.Request)
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
    rest = parser.trailing_data[0]
    return RequestHead(event.method.decode(), event.target.decode(), headers, raw, rest)


@pytest.mark.parametrize("rest", [b"", b"\x81\x80abcd", b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_plain_request_is_read_like_h11(rest):
    head = plain_upgrade(PLAIN + rest, MOST)
    assert head is not None and head == by_h11(PLAIN + rest)
    assert head.rest == rest and dict(head.headers)["user-agent"] == "a  client/1.0 (of \t any kind)"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"GET", b"POST"),
        (b"GET", b"get"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"Host: 127.0.0.1:8020\r\n", b""),
        (b"Host:", b"Host: x\r\nHost:"),
        (b"Host:", b"Host :"),
        (b"Upgrade: websocket", b"Upgrade: h2c"),
        (b"X-Empty:", b"Content-Length: 5"),
        (b"X-Empty:", b"Transfer-Encoding: chunked"),
        (b"X-Empty:", b"X: a\r\n folded"),
        (b"X-Empty:", b"X: a\x00b"),
        (b"X-Empty:", b"X: caf\xe9"),
        (b"X-Empty:", b"X: a\rb"),
        (b"X-Empty:", b"X: a\nb: c"),
        (b"X-Empty:", b"no colon"),
        (b"X-Empty:", b":"),
        (b"\r\n", b"\n"),
        (b"\r\n\r\n", b"\r\n"),
        (b"X-Empty:\r\n", b"X: y\r\n" * MAX_LINES),
        (b"X-Empty:", b"X: " + b"y" * MOST),
        (b"/v1", b"/v 1"),
    ],
)
def test_an_unusual_request_is_left_to_h11(old, new):
    assert plain_upgrade(PLAIN.replace(old, new), MOST) is None


@pytest.mark.parametrize("seed", range(20))
def test_every_accepted_request_is_read_like_h11(seed):
    chance = random.Random(seed)
    pieces = [
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b":",
        b"Host: x\r\n",
        b"\x00",
        b"\x80",
        b"a",
        b"\r\n ",
        b"0",
    ]
    read = 0
    for _ in range(500):
        raw = PLAIN
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(raw))
            raw = raw[:at] + chance.choice(pieces) + raw[at + chance.randrange(2) :]
        head = plain_upgrade(raw, MOST)
        read += head is not None
        assert head is None or head == by_h11(raw)
    assert 10 < read < 490
