"""Frames that this package reads itself give the same result as wsproto, however they are cut."""

from __future__ import annotations

import itertools
import random
import struct

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, TextMessage

from zelitrio.server.frames import MOST_BYTES, Frames

KEYS = (bytes(4), b"\x01\x02\x03\x04", b"\xff\x00\x80\x7f")
TEXTS = ("", "a", "Hello there. ", "äöü…", "x" * 125, "x" * 126, "y" * MOST_BYTES, "z" * (MOST_BYTES + 1))


def frame(first: int, payload: bytes, key: bytes | None = b"abcd", length: int | None = None) -> bytes:
    """A client's frame; without a key it is not masked, and `length` replaces the true length."""
    size = len(payload) if length is None else length
    mask = 0 if key is None else 0x80
    if size < 126:
        head = bytes((first, mask | size))
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, mask | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask | 127, size)
    if key is None:
        return head + payload
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def pieces(data: bytes, chance: random.Random) -> list[bytes]:
    """The data in pieces of random sizes."""
    cuts = sorted({0, len(data), *(chance.randrange(len(data) + 1) for _ in range(chance.randrange(12)))})
    return [data[begin:end] for begin, end in itertools.pairwise(cuts)]


def joined(found: list[str | Event]) -> list[object]:
    """Messages joined to whole texts, with the events between, up to a close."""
    told: list[object] = []
    text = ""
    for one in found:
        if isinstance(one, str):
            told.append(one)
        elif isinstance(one, TextMessage):
            text += one.data
            if one.message_finished:
                told.append(text)
                text = ""
        else:
            told.append((type(one), getattr(one, "code", None), bytes(getattr(one, "payload", b""))))
        if isinstance(one, CloseConnection):
            break
    return told


def by_wsproto(data: list[bytes]) -> list[object]:
    connection = Connection(ConnectionType.SERVER)
    found: list[str | Event] = []
    for piece in data:
        connection.receive_data(piece)
        found += connection.events()
        if any(isinstance(one, CloseConnection) for one in found):
            break
    return joined(found)


def by_frames(data: list[bytes], first: bytes = b"") -> list[object]:
    frames = Frames(first)
    found: list[str | Event] = []
    for piece in data:
        frames.receive_data(piece)
        while (one := frames.next()) is not None:
            found.append(one)
            if isinstance(one, CloseConnection):
                return joined(found)
    return joined(found)


ODD = {
    "not masked": frame(0x81, b"text", key=None),
    "a reserved bit": frame(0xC1, b"text"),
    "no such opcode": frame(0x83, b"text"),
    "two bytes for a short length": b"\x81\xfe\x00\x04abcd" + bytes(4),
    "eight bytes for a short length": b"\x81\xff" + (126).to_bytes(8) + b"abcd" + bytes(126),
    "a length with its first bit set": b"\x81\xff\xff" + bytes(7) + b"abcd",
    "a long control frame": frame(0x89, bytes(126)),
    "a control frame in pieces": frame(0x09, b"p"),
    "not UTF-8": frame(0x81, b"\xff\xfe"),
    "half of a character": frame(0x81, "ä".encode()[:1]),
    "a surrogate": frame(0x81, b"\xed\xa0\x80"),
    "a continuation of nothing": frame(0x80, b"text"),
    "a close with one byte": frame(0x88, b"x"),
    "a close with a code that is none": frame(0x88, (1005).to_bytes(2)),
    "a close": frame(0x88, (1000).to_bytes(2) + b"bye"),
    "a close without a code": frame(0x88, b""),
    "a binary message": frame(0x82, b"\x00\x01"),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_frame_that_is_not_plain_text_is_read_like_wsproto(odd):
    data = [frame(0x81, b"before"), ODD[odd], frame(0x81, b"after")]
    assert by_frames(data) == by_wsproto(data)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: str(len(text)))
@pytest.mark.parametrize("key", KEYS)
def test_a_text_is_read_under_any_key_and_byte_by_byte(text, key):
    data = frame(0x81, text.encode(), key)
    assert by_frames([data]) == by_frames([data[at : at + 1] for at in range(len(data))]) == [text]


@pytest.mark.parametrize("seed", range(300))
def test_any_frames_in_any_pieces_are_read_like_wsproto(seed):
    chance = random.Random(seed)
    data = b""
    is_open = False  # whether a message in pieces has begun
    for _ in range(chance.randrange(1, 12)):
        match chance.choices(("text", "pieces", "ping", "pong", "odd"), (10, 4, 2, 1, 1))[0]:
            case "text" if not is_open:
                data += frame(0x81, chance.choice(TEXTS).encode(), chance.choice(KEYS))
            case "pieces" | "text":
                is_last = chance.random() < 0.5
                data += frame((0x80 if is_last else 0) | (0 if is_open else 1), b"some ", chance.choice(KEYS))
                is_open = not is_last
            case "ping":
                data += frame(0x89, chance.randbytes(chance.randrange(126)), chance.choice(KEYS))
            case "pong":
                data += frame(0x8A, b"", chance.choice(KEYS))
            case _:
                data += ODD[chance.choice(list(ODD))]
    cut = pieces(data, chance)
    assert by_frames(cut) == by_wsproto(cut)
    assert by_frames([b"", *cut[1:]], cut[0]) == by_wsproto(cut)
